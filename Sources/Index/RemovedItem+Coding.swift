import Tree

extension RemovedItem {
    /// As bytes, for a process that takes something out of the tree and can't write to the index, which is another's.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(reserving: 256)
        writer.append(Self.codingVersion)
        for text in [Array(token.utf8), path.bytes, Array(origin.author.utf8)] {
            writer.append(UInt64(text.count))
            writer.append(text)
        }
        writer.append(fingerprint)
        writer.append(expected)
        writer.append(seconds)
        writer.append(origin.revision.rawValue)
        writer.append(origin.seconds)
        return writer.bytes
    }

    /// Reads ``encoded()``; nil for anything else.
    package init?(encoded: [UInt8]) {
        let item = encoded.withUnsafeBytes { raw -> RemovedItem? in
            var reader = ByteReader(raw)
            return try? Self.read(&reader)
        }
        guard let item else { return nil }
        self = item
    }

    private static func read(_ reader: inout ByteReader) throws -> RemovedItem {
        guard try reader.unsigned() == codingVersion else { throw Damage("another version wrote it") }
        let token = try reader.string()
        let path = try RelativePath(Array(try reader.take(Int(reader.unsigned(upTo: 4096)))))
        let author = try reader.string()
        let fingerprint = try reader.fingerprint()
        let expected = try reader.entry()
        let seconds = try reader.signed()
        let origin = Origin(
            revision: Revision(rawValue: try reader.unsigned()), author: author, seconds: try reader.signed())
        try reader.finish()
        return RemovedItem(
            token: token, path: path, fingerprint: fingerprint, expected: expected, seconds: seconds, origin: origin)
    }

    private static let codingVersion: UInt64 = 1
}
