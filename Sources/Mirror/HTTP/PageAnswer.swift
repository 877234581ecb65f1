import Disk
import NIOCore
import NIOHTTP1
import Page
import Tree
import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The page, as it is sent. It holds nothing of the folder: what it shows it asks for, with a token where one is wanted.
struct PageAnswer: Sendable {
    static let shared = PageAnswer(PageSource.html)

    private let html: ByteBuffer
    private let packed: ByteBuffer?
    private let digest: Digest
    private let policy: String

    init(_ source: [UInt8]) {
        html = ByteBuffer(bytes: source)
        packed = GzipStream()?.compress(html, isLast: true)
        digest = Digest(of: source)
        policy = Self.policy(of: source)
    }

    func answer(_ head: HTTPRequestHead) -> HTTPAnswer {
        let body = AcceptEncoding.allowsGzip(head.headers["accept-encoding"]) ? packed : nil
        var headers: HTTPHeaders = [
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": policy,
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cache-control": "no-cache",
            "vary": "accept-encoding",
            "etag": EntityTags.text(digest, isCompressed: body != nil),
        ]
        if let tags = EntityTags(head.headers["if-none-match"]), tags.match(digest) {
            return HTTPAnswer(status: .notModified, headers: headers)
        }
        if body != nil { headers.add(name: "content-encoding", value: "gzip") }
        return HTTPAnswer(status: .ok, headers: headers, body: body ?? html)
    }

    /// What the page may do: run the one script and use the one style that are in it, ask this hub, and show pictures that
    /// it was given. Nothing that comes from the folder runs, whatever it is.
    static func policy(of source: [UInt8]) -> String {
        [
            "default-src 'none'", "script-src \(hash(of: "script", in: source))",
            "style-src \(hash(of: "style", in: source))", "img-src blob: data:", "connect-src 'self'",
            "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ].joined(separator: "; ")
    }

    /// Of what stands between the first tags of a name (CSP Level 3 §2.3.1); `'none'` where there are none.
    private static func hash(of tag: String, in source: [UInt8]) -> String {
        guard let start = source.firstRange(of: Array("<\(tag)>".utf8))?.upperBound,
            let end = source[start...].firstRange(of: Array("</\(tag)>".utf8))?.lowerBound
        else { return "'none'" }
        let digest = Digest(of: Array(source[start..<end]))
        return "'sha256-\(digest.withUnsafeBytes { Data($0).base64EncodedString() })'"
    }
}
