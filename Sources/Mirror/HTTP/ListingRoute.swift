import NIOCore
import NIOHTTP1
import Tree
import WebSocketNIO

// Listings: a JSON array with an entry a line, or the lines alone for who accepts `application/x-ndjson`.
extension Visit {
    func list(_ directory: RelativePath?) async throws {
        let isLines = head.headers[canonicalForm: "accept"].contains { $0.hasPrefix("application/x-ndjson") }
        var isFirst = true
        var text = EventText()
        let gzip = wantsGzip && head.method == .GET ? GzipStream() : nil
        try await walk(directory, isRecursive: query.has("recursive")) { start in
            if let directory, start.top?.version.entry.isDirectory != true {
                throw start.top?.version.entry.isLive == true
                    ? HTTPFailure(.notFound, "\(directory) is no directory.") : HTTPFailure.notFound(directory)
            }
            var headers = Self.guarded
            headers.add(name: "content-type", value: isLines ? "application/x-ndjson" : "application/json")
            headers.add(name: "cache-control", value: "no-store")
            headers.add(name: "vary", value: "accept, accept-encoding")
            if gzip != nil { headers.add(name: "content-encoding", value: "gzip") }
            headers.add(name: "x-nosocks-cursor", value: "\(start.cursor)")
            try await exchange.begin(.ok, headers)
            if !isLines { text.write(raw: "[\n") }
        } each: { items in
            for item in items {
                if !isFirst { text.write(raw: isLines ? "\n" : ",\n") }
                isFirst = false
                text.write(item)
            }
            try await write(compressed(text.take(), gzip))
        }
        if isLines {
            if !isFirst { text.write(raw: "\n") }
        } else {
            text.write(raw: isFirst ? "]\n" : "\n]\n")
        }
        try await write(compressed(text.take(), gzip, isLast: true))
        try await exchange.finish()
    }

    private func compressed(
        _ text: ByteBuffer, _ gzip: GzipStream?, isLast: Bool = false
    ) async throws -> ByteBuffer {
        guard let gzip else { return text }
        return try await http.offLoop { gzip.compress(text, isLast: isLast) }
    }
}
