import NIOCore
import NIOHTTP1
import Page
import Testing
import Tree
import WebSocketNIO

@testable import Mirror

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct PageAnswerTests {
    private func answer(
        _ headers: HTTPHeaders = [:], to source: [UInt8] = PageSource.html
    ) -> (Int, HTTPHeaders, [UInt8]) {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: headers)
        let answer = PageAnswer(source).answer(head)
        return (Int(answer.status.code), answer.headers, Array(answer.body.readableBytesView))
    }

    @Test func `The policy names what stands between the tags, byte for byte`() throws {
        // printf %s 'p{}' | openssl dgst -sha256 -binary | base64, and of 'run()'.
        let source = Array("<style>p{}</style><p><script>run()</script><script>more()</script>".utf8)
        let policy = try #require(answer(to: source).1["content-security-policy"].first)
        #expect(policy.hasPrefix("default-src 'none'; "))
        #expect(policy.contains("; style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='; "))
        #expect(policy.contains("; script-src 'sha256-AvyuiL0SD1mVY3NNxR+V2uo+lhk6RMFrytWmRt6CrJQ='; "))
        for rule in ["connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
            #expect(policy.contains("; \(rule); "))
        }
        #expect(!policy.contains("unsafe"))
    }

    @Test func `A page without a script has none`() throws {
        let policy = try #require(answer(to: Array("<p>".utf8)).1["content-security-policy"].first)
        #expect(policy.contains("; script-src 'none'; style-src 'none'; "))
    }

    @Test func `It fetches nothing, makes no markup of text, and is small`() {
        let text = String(decoding: PageSource.html, as: UTF8.self)
        #expect(text.utf8.count < 60_000)
        for word in [
            "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "localStorage",
            " style=", " onclick=", "srcdoc", "<iframe", "src=\"http", "href=\"http", "@import",
        ] {
            #expect(!text.contains(word), "\(word)")
        }
        #expect(text.components(separatedBy: "<script>").count == 2)
        #expect(text.components(separatedBy: "<style>").count == 2)
    }

    @Test func `It comes compressed to who accepts that, and not again to who has it`() throws {
        let (status, headers, body) = answer()
        #expect(status == 200)
        #expect(body == PageSource.html)
        let packed = answer(["accept-encoding": "gzip"])
        #expect(packed.1["content-encoding"] == ["gzip"])
        #expect(packed.2.count < body.count / 2)
        let tags = headers["etag"] + packed.1["etag"]
        #expect(Set(tags).count == 2)
        for tag in tags {
            let known = answer(["if-none-match": tag])
            #expect(known.0 == 304)
            #expect(known.2.isEmpty)
            #expect(known.1["content-security-policy"] == headers["content-security-policy"])
        }
        #expect(answer(["if-none-match": "\"x\""]).0 == 200)
    }

    @Test(arguments: [
        ("http://127.0.0.1:7625", "127.0.0.1:7625", nil, true), ("https://hub.example", "hub.example", nil, true),
        ("https://hub.example", "hub.example:443", "same-origin", true),
        ("http://hub.example", "hub.example:80", nil, true),
        ("http://hub.example:8080", "hub.example", nil, false), ("http://127.0.0.1:3000", "127.0.0.1:7625", nil, false),
        ("http://evil.example", "127.0.0.1:7625", nil, false), ("null", "127.0.0.1:7625", nil, false),
        ("http://", "", nil, false), ("ftp://127.0.0.1", "127.0.0.1", nil, false),
        ("http://127.0.0.1:7625", "127.0.0.1:7625", "cross-site", false),
        ("http://127.0.0.1:7625.evil.example", "127.0.0.1:7625", nil, false),
    ])
    func `A page is the hub's own if it came from where it asks`(
        origin: String, host: String, site: String?, isOwn: Bool
    ) {
        var headers: HTTPHeaders = ["host": host]
        if let site { headers.add(name: "sec-fetch-site", value: site) }
        #expect(Gatekeeper.isOwnPage(origin, headers) == isOwn)
    }
}
