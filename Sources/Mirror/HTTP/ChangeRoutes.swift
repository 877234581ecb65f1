import Disk
import NIOCore
import NIOHTTP1
import Replica
import Synchronization
import Tree
import WebSocketNIO

// Changing one path.
extension Visit {
    /// A body, as far as it is known what becomes of it.
    private enum Received: Sendable {
        /// A file of one chunk.
        case small(ByteBuffer)
        /// Written, hashed and durable.
        case large(Entry.File, ChunkList?)
    }

    func putFile(_ path: RelativePath) async throws {
        guard head.headers["content-range"].isEmpty else {
            throw HTTPFailure(.badRequest, "A file is put as a whole.")
        }
        let condition = try Precondition(head.headers, query)
        let mode = try await hub.prepareToPut(path, condition)
        switch try await receive(mode) {
        case .small(let bytes):
            let digest = bytes.withUnsafeReadableBytes { Digest(of: $0) }
            let file = Entry.File(size: UInt64(bytes.readableBytes), digest: digest, mode: mode, mtime: .now)
            let outcome = try await hub.put(.file(file), at: path, content: bytes, if: condition, by: author)
            try await answer(outcome, digest)
        case .large(let file, let list):
            // Where it is not taken, it goes.
            defer { http.uploads.discard(file) }
            let outcome = try await hub.put(.file(file), at: path, list: list, if: condition, by: author)
            try await answer(outcome, file.digest)
        }
    }

    func putDirectory(_ path: RelativePath) async throws {
        while let bytes = try await exchange.read() {
            guard bytes.readableBytes == 0 else {
                throw HTTPFailure(.unsupportedMediaType, "A directory is made by an empty body.")
            }
        }
        let condition = try Precondition(head.headers, query)
        let entry = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
        try await answer(try await hub.put(entry, at: path, if: condition, by: author))
    }

    func delete(_ path: RelativePath) async throws {
        let condition = try Precondition(head.headers, query)
        try await answer(try await hub.delete(path, if: condition, by: author))
    }

    func move(_ path: RelativePath) async throws {
        let condition = try Precondition(head.headers, query)
        let target = try destination()
        let replacing = head.headers["overwrite"].first != "F"
        let outcome = try await hub.move(path, to: target, if: condition, replacing: replacing, by: author)
        try await answer(outcome, location: target)
    }

    /// What a Destination header names (RFC 4918 §10.3): a URL of this hub, or its path alone.
    private func destination() throws -> RelativePath {
        guard var text = head.headers["destination"].first.map({ $0[...] }) else {
            throw HTTPFailure(.badRequest, "A MOVE needs a Destination header.")
        }
        if let scheme = text.range(of: "://") {
            let rest = text[scheme.upperBound...]
            let slash = rest.firstIndex(of: "/") ?? rest.endIndex
            guard rest[..<slash] == head.headers["host"].first ?? "" else {
                throw HTTPFailure(.badGateway, "The Destination is not on this hub.")
            }
            text = rest[slash...]
        }
        guard !text.contains("?"), case .entry(let path) = try? Route(text.hasSuffix("/") ? text.dropLast() : text)
        else { throw HTTPFailure(.badRequest, "The Destination is no path of this hub: /files/PATH.") }
        return path
    }

    // MARK: The body

    private func receive(_ mode: Mode) async throws -> Received {
        let most = Int(ChunkingParameters.oneChunkLimit)
        if let length = head.headers["content-length"].first.flatMap({ UInt64($0) }),
            length > ChunkingParameters.largestFile
        {
            throw HTTPFailure(.payloadTooLarge, "A file has 1 TiB at the most.")
        }
        var held = ByteBuffer()
        while var bytes = try await exchange.read() {
            http.counters.bytesReceived.add(UInt64(bytes.readableBytes), ordering: .relaxed)
            held.writeBuffer(&bytes)
            if held.readableBytes > most { return try await upload(held, mode) }
        }
        return .small(held)
    }

    private func upload(_ first: ByteBuffer, _ mode: Mode) async throws -> Received {
        let uploads = http.uploads
        do {
            let upload = try await http.offLoop {
                let upload = try uploads.begin()
                try first.withUnsafeReadableBytes { try upload.append($0) }
                return upload
            }
            while let bytes = try await exchange.read() {
                http.counters.bytesReceived.add(UInt64(bytes.readableBytes), ordering: .relaxed)
                try await http.offLoop { try bytes.withUnsafeReadableBytes { try upload.append($0) } }
            }
            let (file, list) = try await http.offLoop {
                try upload.finish(mode: mode, mtime: .now, in: uploads)
            }
            return .large(file, list)
        } catch let failure as Upload.Failure {
            switch failure {
            case .noSpace: throw HTTPFailure(.insufficientStorage, "There is no space for this.")
            case .tooLarge: throw HTTPFailure(.payloadTooLarge, "A file has 1 TiB at the most.")
            case .disk(let error): throw HTTPFailure(.internalServerError, "The hub can't write it: \(error).")
            }
        } catch let error as DiskError {
            throw HTTPFailure(.internalServerError, "The hub can't write it: \(error).")
        }
    }

    // MARK: The answer

    private func answer(
        _ outcome: ChangeOutcome, _ digest: Digest? = nil, location: RelativePath? = nil
    ) async throws {
        var headers: HTTPHeaders = ["x-nosocks-revision": "\(outcome.revision)"]
        if let digest { headers.add(name: "etag", value: EntityTags.text(digest)) }
        if let location { headers.add(name: "location", value: "/files/\(PercentCoding.encode(path: location.bytes))") }
        try await exchange.answer(HTTPAnswer(status: outcome.isNew ? .created : .noContent, headers: headers))
    }
}

extension Substring {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
