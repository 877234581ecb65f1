import NIOCore
import NIOHTTP1
import Replica
import Tree
import WebSocketNIO

// A snapshot as a tar archive.
//
// It is consistent: its entries are those of one revision, however long it takes, since changes leave what they replace with
// the walk (``TreeWalk``). Each file's content is found by the digest that it has at that revision: in the tree, or in
// history where it was replaced meanwhile, or since the revision that is wanted. It is compared with that digest on its way, and where it is nowhere to be found,
// as of a file that was written to in place, the archive breaks off and the connection with it: nobody gets a torn file.
extension Visit {
    private static let flushSize = 256 << 10

    func sendSnapshot() async throws {
        let path = try subpath()
        let wanted = try query.text("revision").map { text throws(HTTPFailure) in
            guard let number = UInt64(text) else { throw HTTPFailure(.badRequest, "A revision is a number.") }
            return Revision(rawValue: number)
        }
        var pending = ByteBuffer()
        try await walk(path, isRecursive: true, at: wanted) { start in
            let cursor = start.cursor
            if let wanted, wanted > cursor.revision {
                throw HTTPFailure(
                    .notFound, "This hub is at revision \(cursor.revision), and not as far as \(wanted).",
                    headers: ["x-nosocks-cursor": "\(cursor)"])
            }
            var headers = Self.guarded
            headers.add(name: "content-type", value: "application/x-tar")
            headers.add(name: "content-disposition", value: "attachment; filename=\"snapshot.tar\"")
            headers.add(name: "cache-control", value: "no-store")
            headers.add(name: "x-nosocks-cursor", value: "\(cursor)")
            if let top = start.top, !top.version.entry.isLive { throw HTTPFailure.notFound(top.path) }
            try await exchange.begin(.ok, headers)
            if let top = start.top, head.method != .HEAD { try await add(top, &pending) }
        } each: { items in
            guard head.method != .HEAD else { return }
            for item in items { try await add(item, &pending) }
        }
        // Two blocks of zeros end an archive, and records of twenty blocks are what it is made of.
        pending.writeRepeatingByte(0, count: 2 * TarHeader.block)
        try await write(pending)
        try await exchange.finish()
    }

    /// What is wanted of the tree: `?path=SUB`; nil for all of it.
    private func subpath() throws -> RelativePath? {
        guard var bytes = query.bytes("path") else { return nil }
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        guard !bytes.isEmpty else { return nil }
        do {
            return try RelativePath(bytes)
        } catch {
            throw HTTPFailure(.badRequest, "This is no path: \(error).")
        }
    }

    private func add(_ item: WalkItem, _ pending: inout ByteBuffer) async throws {
        let now = Timestamp(seconds: Timestamp.now.seconds, nanoseconds: 0)
        guard let header = TarHeader(item.path, item.version.entry, now: now) else { return }
        pending.writeBytes(header.bytes)
        if case .file(let file) = item.version.entry {
            guard let content = try await hub.content(of: file, at: item.path) else {
                throw HTTPFailure(.serviceUnavailable, "The content of \(item.path) is not here at the moment.")
            }
            if file.isOneChunk {
                var stream = FileStream(content, 0..<file.size)
                if !stream.isEmpty, case .bytes(var bytes) = stream.next() { pending.writeBuffer(&bytes) }
            } else {
                try await flush(&pending)
                try await send(content, 0..<file.size)
            }
            pending.writeRepeatingByte(0, count: TarHeader.padding(after: file.size))
        }
        if pending.readableBytes >= Self.flushSize { try await flush(&pending) }
    }

    private func flush(_ pending: inout ByteBuffer) async throws {
        try await write(pending)
        pending = ByteBuffer()
    }
}
