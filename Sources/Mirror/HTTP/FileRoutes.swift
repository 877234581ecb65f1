import NIOCore
import NIOHTTP1
import Replica
import Sync
import Synchronization
import Tree
import WebSocketNIO

extension HubService {
    /// What the order says of a path.
    func version(at path: RelativePath) throws -> Version {
        guard end == nil else { throw HTTPFailure.ending }
        return try machine.reconciler.record(at: path).remote
    }

    func content(of file: Entry.File, at path: RelativePath) throws -> FileContent? {
        guard end == nil else { throw HTTPFailure.ending }
        return try folder.reading(file, at: path)
    }

    /// A chunk that was lost sight of while a file was read.
    func chunk(_ chunk: Digest, of file: Digest) throws -> [UInt8]? {
        guard end == nil else { throw HTTPFailure.ending }
        return try folder.chunk(chunk, of: file)
    }
}

// Reading one entry.
extension Visit {
    func getEntry(_ path: RelativePath) async throws {
        let version = try await hub.version(at: path)
        switch version.entry {
        case .tombstone: throw HTTPFailure.notFound(path)
        case .directory:
            let location = "/files/\(PercentCoding.encode(path: path.bytes))/"
            throw HTTPFailure(.permanentRedirect, "\(path) is a directory.", headers: ["location": location])
        case .symlink(let symlink): try await send(symlink, version.revision)
        case .file(let file): try await send(file, at: path, version.revision)
        }
    }

    /// A link's text, as a type of its own: what it points to may not even be here.
    private func send(_ symlink: Entry.Symlink, _ revision: Revision) async throws {
        var headers = Self.guarded
        headers.add(name: "content-type", value: "inode/symlink")
        headers.add(name: "x-nosocks-revision", value: "\(revision)")
        try await exchange.answer(
            HTTPAnswer(status: .ok, headers: headers, body: ByteBuffer(bytes: symlink.target)))
    }

    private func send(_ file: Entry.File, at path: RelativePath, _ revision: Revision) async throws {
        var headers = Self.guarded
        headers.add(name: "etag", value: EntityTags.text(file.digest))
        headers.add(name: "last-modified", value: HTTPDate.text(file.mtime.seconds))
        headers.add(name: "accept-ranges", value: "bytes")
        headers.add(name: "cache-control", value: "private, no-cache")
        headers.add(name: "x-nosocks-revision", value: "\(revision)")
        if let tags = EntityTags(head.headers["if-match"]), !tags.match(file.digest) {
            throw HTTPFailure(.preconditionFailed, "\(path) is another version.", headers: headers)
        }
        if isKnown(file) {
            return try await exchange.answer(HTTPAnswer(status: .notModified, headers: headers))
        }
        let type = MediaType.of(path)
        headers.add(name: "content-type", value: type)
        let mayShrink = MediaType.shrinks(type) && file.size >= GzipStream.leastSize
        if mayShrink { headers.add(name: "vary", value: "accept-encoding") }
        var range = 0..<file.size
        var status = HTTPResponseStatus.ok
        switch wantedRange(of: file) {
        case .whole: break
        case .part(let part):
            range = part
            status = .partialContent
            headers.add(
                name: "content-range", value: "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)")
        case .unsatisfiable:
            throw HTTPFailure(
                .rangeNotSatisfiable, "\(path) has \(file.size) bytes.",
                headers: ["content-range": "bytes */\(file.size)"])
        }
        let gzip = mayShrink && wantsGzip && head.method == .GET && status == .ok ? GzipStream() : nil
        if gzip == nil {
            headers.add(name: "content-length", value: "\(range.count)")
        } else {
            headers.add(name: "content-encoding", value: "gzip")
            headers.replaceOrAdd(name: "etag", value: EntityTags.text(file.digest, isCompressed: true))
            headers.remove(name: "accept-ranges")
        }
        guard head.method != .HEAD else {
            try await exchange.begin(status, headers)
            return try await exchange.finish()
        }
        guard let content = try await hub.content(of: file, at: path) else {
            throw HTTPFailure(
                .serviceUnavailable, "The content of \(path) is not here at the moment.", headers: ["retry-after": "5"])
        }
        try await exchange.begin(status, headers)
        try await send(content, range, gzip)
        try await exchange.finish()
    }

    /// Sends a file's bytes as the socket takes them. Throws in the middle where they can't be had any more: the connection
    /// ends then before the length that was said is reached.
    func send(_ content: FileContent, _ range: Range<UInt64>, _ gzip: GzipStream? = nil) async throws {
        var stream = FileStream(content, range)
        while !stream.isEmpty {
            let reading = stream
            let (next, piece) = try await http.offLoop {
                var stream = reading
                let piece = stream.next()
                guard let gzip, case .bytes(let bytes) = piece else { return (stream, piece) }
                return (stream, .bytes(gzip.compress(bytes, isLast: stream.isEmpty)))
            }
            stream = next
            switch piece {
            case .bytes(let bytes): try await write(bytes)
            case .lost(let chunk):
                guard let bytes = try await hub.chunk(chunk.digest, of: content.file.digest) else {
                    throw HTTPFailure(.serviceUnavailable, "The content is gone.")
                }
                let found = stream.take(bytes)
                try await write(gzip?.compress(found, isLast: stream.isEmpty) ?? found)
            }
        }
    }

    var wantsGzip: Bool { AcceptEncoding.allowsGzip(head.headers["accept-encoding"]) }

    func write(_ bytes: ByteBuffer) async throws {
        guard bytes.readableBytes > 0 else { return }
        http.counters.bytesSent.add(UInt64(bytes.readableBytes), ordering: .relaxed)
        try await exchange.write(bytes)
    }

    /// Whether who asks has this version already.
    private func isKnown(_ file: Entry.File) -> Bool {
        if let tags = EntityTags(head.headers["if-none-match"]) { return tags.match(file.digest) }
        guard let since = head.headers["if-modified-since"].first.flatMap(HTTPDate.seconds) else { return false }
        return file.mtime.seconds <= since
    }

    private func wantedRange(of file: Entry.File) -> ByteRange {
        guard head.method == .GET, let header = head.headers["range"].first else { return .whole }
        if let condition = head.headers["if-range"].first {
            let isSame =
                condition.hasPrefix("\"")
                ? EntityTags([condition])?.match(file.digest) == true
                : HTTPDate.seconds(condition) == file.mtime.seconds
            guard isSame else { return .whole }
        }
        return ByteRange(header, size: file.size)
    }

    /// What a browser is told about bytes that anybody who writes here chose: it is not to guess what they are, not to run
    /// anything in them, and not to hand them to other pages.
    static let guarded: HTTPHeaders = [
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
    ]
}
