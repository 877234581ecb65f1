import Tree

/// What If-Match and If-None-Match name (RFC 9110 §13.1).
enum EntityTags: Hashable, Sendable {
    /// `*`: whatever is there.
    case any
    /// These, without their quotes and without the mark of weak ones: a digest says everything, however it travels.
    case these([String])

    /// Nil where there is no such header.
    init?(_ headers: [some StringProtocol]) {
        guard !headers.isEmpty else { return nil }
        var tags: [String] = []
        for header in headers {
            var rest = header[...]
            while let start = rest.firstIndex(where: { $0 != " " && $0 != "\t" && $0 != "," }) {
                rest = rest[start...]
                if rest.first == "*" {
                    self = .any
                    return
                }
                if rest.hasPrefix("W/") { rest = rest.dropFirst(2) }
                guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { break }
                tags.append(String(rest[rest.index(after: rest.startIndex)..<end]))
                rest = rest[rest.index(after: end)...]
            }
        }
        self = .these(tags)
    }

    /// - Parameter digest: Of what is there; nil where nothing is.
    func match(_ digest: Digest?) -> Bool {
        guard let digest else { return false }
        switch self {
        case .any: return true
        case .these(let tags):
            let hex = digest.hex()
            return tags.contains { $0 == hex || $0 == hex + Self.gzipMark }
        }
    }

    /// What a tag has behind the digest where the content travels compressed: it is another sequence of bytes.
    static let gzipMark = "-gzip"

    static func text(_ digest: Digest, isCompressed: Bool = false) -> String {
        "\"\(digest.hex())\(isCompressed ? gzipMark : "")\""
    }
}
