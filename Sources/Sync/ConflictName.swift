package import Tree

/// The names of conflict copies: `report.conflict-NAME-DIGITS.txt`, which keeps the extension, says whose version it
/// is, and is the same wherever it is minted for the same loser.
package enum ConflictName {
    /// The path for the losing version of `path` that `author` made, in the same directory. `digits` of the digest's
    /// hexadecimal are in the name (8, more where that name holds something else).
    ///
    /// A conflict copy of a conflict copy is named after the original: names never grow. What would not fit into 255
    /// bytes is cut from the stem.
    package static func path(for path: RelativePath, author: String, digest: Digest, digits: Int = 8) -> RelativePath? {
        let (stem, fileExtension) = rawSplit((parts(of: path)?.original ?? path).name)
        let tag = Array(".conflict-\(safe(author))-\(digest.hex(digits))".utf8)
        let room = RelativePath.maximumComponentLength - tag.count - fileExtension.count
        guard room > 0 else { return nil }
        let name = cut(stem, to: room) + tag + fileExtension
        return try? RelativePath.child(name, of: path.parent)
    }

    /// Whether a name is that of a conflict copy.
    package static func isConflictCopy(_ path: RelativePath) -> Bool {
        parts(of: path) != nil
    }

    /// What a conflict copy's name says.
    package struct Parts: Hashable, Sendable {
        /// The path that the version lost.
        package let original: RelativePath
        /// Whose version it is, as far as a file name says it.
        package let author: String
    }

    /// Reads a conflict copy's name; nil for any other, and where what is left without the tag can be no name.
    package static func parts(of path: RelativePath) -> Parts? {
        let (tagged, fileExtension) = rawSplit(path.name)
        let stem = untagged(tagged)
        guard stem.count < tagged.count, let dash = tagged.lastIndex(of: UInt8(ascii: "-")),
            let original = try? RelativePath.child(stem + fileExtension, of: path.parent)
        else { return nil }
        let author = String(decoding: tagged[(stem.count + marker.count)..<dash], as: UTF8.self)
        return Parts(original: original, author: author)
    }

    /// A plain name for a conflict copy that is to stay: with the author in the place of the tag, and `number` from 2 on
    /// where such a name is taken.
    package static func plain(for path: RelativePath, number: Int = 1) -> RelativePath? {
        guard let parts = parts(of: path) else { return nil }
        let (stem, fileExtension) = rawSplit(parts.original.name)
        let tag = Array((number > 1 ? "-\(parts.author)-\(number)" : "-\(parts.author)").utf8)
        let room = RelativePath.maximumComponentLength - tag.count - fileExtension.count
        guard room > 0 else { return nil }
        return try? RelativePath.child(cut(stem, to: room) + tag + fileExtension, of: path.parent)
    }

    private static let marker = Array(".conflict-".utf8)

    /// Cuts at the last dot, unless nothing stands before it; an extension has at most 32 bytes.
    private static func rawSplit(_ name: ArraySlice<UInt8>) -> (stem: [UInt8], fileExtension: [UInt8]) {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex, name.endIndex - dot <= 32,
            !name[dot...].starts(with: marker)
        else { return (Array(name), []) }
        return (Array(name[..<dot]), Array(name[dot...]))
    }

    /// `stem` without a tag that this type put there.
    private static func untagged(_ stem: [UInt8]) -> [UInt8] {
        guard stem.count > marker.count else { return stem }
        for start in stride(from: stem.count - marker.count, through: 1, by: -1)
        where stem[start...].starts(with: marker) {
            let tag = stem[(start + marker.count)...]
            guard let dash = tag.lastIndex(of: UInt8(ascii: "-")) else { continue }
            let digits = tag[(dash + 1)...]
            let isHex = digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
            guard dash > tag.startIndex, digits.count >= 8, isHex else { continue }
            return Array(stem[..<start])
        }
        return stem
    }

    /// An author's name as part of a file name: 32 bytes at most, of letters, digits, `_` and `-`.
    private static func safe(_ author: String) -> String {
        let kept = author.unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", "-": Character(scalar)
            default: "_"
            }
        }
        return kept.isEmpty ? "peer" : String(kept.prefix(32))
    }

    /// The first `count` bytes, fewer where that would tear a UTF-8 character.
    private static func cut(_ bytes: [UInt8], to count: Int) -> [UInt8] {
        guard bytes.count > count else { return bytes }
        var end = count
        while end > 0, count - end < 3, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        return Array(bytes[..<(end == 0 ? count : end)])
    }
}
