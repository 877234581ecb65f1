import NIOCore
import NIOHTTP1
package import Tree
import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A hub that is asked for a thing or two over HTTP, without a replica. One connection serves all requests, one after the
/// other.
package struct RemoteHub {
    package struct Options: Sendable {
        package var hub: HubAddress
        package var token: AccessToken?
        package var proxy: HubProxy?
        package var trust = HubTrust.system

        package init(hub: HubAddress) {
            self.hub = hub
        }
    }

    private let options: Options
    private var dialogue: HTTPDialogue

    /// Connects, calls `body`, and disconnects.
    ///
    /// - Throws: ``RemoteFailure``, or what `body` throws.
    package static func visit<Result>(
        _ options: Options, _ body: (inout RemoteHub) async throws -> Result
    ) async throws -> Result {
        do {
            let client = try await HTTPClient.connect(
                to: options.hub.socketAddress, tls: options.hub.isSecure ? options.trust.tls : nil,
                proxy: options.proxy?.proxy)
            return try await client.run { dialogue in
                var hub = RemoteHub(options: options, dialogue: dialogue)
                return try await body(&hub)
            }
        } catch let error as WebSocketClientError {
            throw RemoteFailure(error)
        }
    }

    // MARK: Reading

    /// Hands over a file's bytes, as long as `take` says true. The hub compares what it sends with the file's digest, and
    /// breaks off where it is another's: that is a failure here.
    package mutating func read(_ path: RelativePath, _ take: (UnsafeRawBufferPointer) throws -> Bool) async throws {
        _ = try await ask(.GET, target(path))
        try await pass(take)
    }

    /// Hands over a tar stream of what is at and inside `path` (nil: everything), all of one revision.
    package mutating func snapshot(
        of path: RelativePath?, at revision: UInt64?, _ take: (UnsafeRawBufferPointer) throws -> Bool
    ) async throws {
        var query: [String] = []
        if let path { query.append("path=\(Self.encode(path.bytes))") }
        if let revision { query.append("revision=\(revision)") }
        _ = try await ask(.GET, base + "/snapshot.tar" + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
        try await pass(take)
    }

    /// Hands over the entries of a directory (nil: of the folder), in byte order, as JSON lines without line feeds.
    package mutating func list(
        _ directory: RelativePath?, isRecursive: Bool, _ take: ([UInt8]) throws -> Bool
    ) async throws {
        let target = base + "/files/" + (directory.map { Self.encode($0.bytes) + "/" } ?? "")
        _ = try await ask(.GET, target + (isRecursive ? "?recursive" : ""), ["Accept": "application/x-ndjson"])
        var lines = LineReader()
        while let piece = try await next() {
            for line in lines.read(piece) where try !take(line) { return }
        }
    }

    /// Hands over event lines, without line feeds, from `cursor` on (nil: from now), each with its own cursor, as long as
    /// `take` says true. `began` is called when the hub has agreed, with nothing taken so far.
    mutating func follow(
        since cursor: String?, began: () -> Void, take: ([UInt8], _ cursor: String?) throws -> Bool
    ) async throws {
        var headers: HTTPHeaders = ["Accept": "text/event-stream"]
        if let cursor { headers.add(name: "Last-Event-ID", value: cursor) }
        let head = try await ask(.GET, base + "/events", headers)
        began()
        var lines = LineReader()
        var place = cursor ?? head.headers["x-nosocks-cursor"].first
        while let piece = try await next() {
            for line in lines.read(piece) {
                if let id = line.dropping("id: ") {
                    place = String(decoding: id, as: UTF8.self)
                } else if let data = line.dropping("data: "), try !take(Array(data), place) {
                    return
                }
            }
        }
        throw RemoteFailure.unreachable("the hub closed the connection")
    }

    // MARK: Changing

    /// Makes what `next` hands over, piece by piece, the content of a file.
    ///
    /// - Parameters:
    ///   - revision: What must be there, as yet: 0 for nothing. Nil for whatever is.
    ///   - size: In bytes, if it is known.
    ///   - next: The next piece; nil at the end.
    /// - Returns: The file's new revision.
    package mutating func put(
        _ path: RelativePath, if revision: UInt64?, size: UInt64?, _ next: () throws -> [UInt8]?
    ) async throws -> UInt64 {
        // What is small is sent at once; anything else waits for the hub to want it.
        var first: [UInt8] = []
        while first.count <= Self.smallBody {
            guard let piece = try next() else {
                return try await change(.PUT, path, if: revision, body: ByteBuffer(bytes: first))
            }
            first += piece
        }
        var waiting: [UInt8]? = first
        let head = try await dialogue.request(.PUT, target(path), headers: headers(if: revision), size: size) {
            if let first = waiting {
                waiting = nil
                return ByteBuffer(bytes: first)
            }
            return try next().map { ByteBuffer(bytes: $0) }
        }
        return try await self.revision(of: head)
    }

    private static let smallBody = 64 << 10

    package mutating func delete(_ path: RelativePath, if revision: UInt64?) async throws -> UInt64 {
        try await change(.DELETE, path, if: revision)
    }

    package mutating func move(
        _ path: RelativePath, to other: RelativePath, if revision: UInt64?
    ) async throws -> UInt64 {
        try await change(.MOVE, path, if: revision, ["Destination": target(other)])
    }

    private mutating func change(
        _ method: HTTPMethod, _ path: RelativePath, if revision: UInt64?, _ more: HTTPHeaders = [:],
        body: ByteBuffer? = nil
    ) async throws -> UInt64 {
        var headers = headers(if: revision)
        headers.add(contentsOf: more)
        let head = try await dialogue.request(method, target(path), headers: headers, body: body)
        return try await self.revision(of: head)
    }

    private mutating func revision(of head: HTTPResponseHead) async throws -> UInt64 {
        try await check(head)
        guard let revision = head.headers["x-nosocks-revision"].first.flatMap({ UInt64($0) }) else {
            throw RemoteFailure.notAHub("it took it, and told no revision")
        }
        return revision
    }

    // MARK: Requests

    /// Where the hub's own routes begin, without a slash at the end.
    private var base: String {
        var path = options.hub.path[...]
        while path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }

    private func target(_ path: RelativePath) -> String { base + "/files/" + Self.encode(path.bytes) }

    private func headers(if revision: UInt64? = nil) -> HTTPHeaders {
        var headers: HTTPHeaders = [:]
        if let token = options.token { headers.add(name: "Authorization", value: "Bearer \(token.text)") }
        if let revision { headers.add(name: "X-Nosocks-If-Revision", value: "\(revision)") }
        return headers
    }

    private mutating func ask(
        _ method: HTTPMethod, _ target: String, _ more: HTTPHeaders = [:]
    ) async throws -> HTTPResponseHead {
        var headers = headers()
        headers.add(contentsOf: more)
        let head = try await dialogue.request(method, target, headers: headers)
        try await check(head)
        return head
    }

    private mutating func check(_ head: HTTPResponseHead) async throws {
        guard !(200..<300).contains(head.status.code) else { return }
        let text = try await dialogue.text(upTo: 4096)
        throw RemoteFailure(head.status, text.split(whereSeparator: \.isNewline).first.map { String($0) } ?? "")
    }

    private mutating func next() async throws -> [UInt8]? {
        try await dialogue.next().map { Array(buffer: $0) }
    }

    private mutating func pass(_ take: (UnsafeRawBufferPointer) throws -> Bool) async throws {
        while let piece = try await dialogue.next() {
            guard try piece.withUnsafeReadableBytes(take) else { return }
        }
    }

    /// Percent-encodes what is no letter, digit or `-._~/` (RFC 3986 §2.1).
    private static func encode(_ bytes: [UInt8]) -> String { PercentCoding.encode(path: bytes) }
}

extension [UInt8] {
    fileprivate func dropping(_ prefix: StaticString) -> ArraySlice<UInt8>? {
        prefix.withUTF8Buffer { starts(with: $0) ? dropFirst($0.count) : nil }
    }
}

/// Cuts what comes piece by piece into lines.
struct LineReader {
    private var rest: [UInt8] = []

    /// The lines that are complete by now.
    mutating func read(_ piece: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = 0
        while let end = piece[start...].firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(rest + piece[start..<end])
            rest.removeAll(keepingCapacity: true)
            start = end + 1
        }
        rest += piece[start...]
        return lines
    }
}
