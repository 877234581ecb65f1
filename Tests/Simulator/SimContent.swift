import Tree

/// File contents of the simulator: a few letters. A big one counts each letter as a chunk, and travels as chunks do.
struct SimContent: Hashable, Comparable, Sendable {
    var letters: [UInt8]
    var isBig: Bool

    init(_ letters: [UInt8], isBig: Bool = false) {
        self.letters = letters
        self.isBig = isBig
    }

    static func < (left: SimContent, right: SimContent) -> Bool {
        left.letters.lexicographicallyPrecedes(right.letters)
    }

    static let chunkSize: UInt64 = 70_000

    var size: UInt64 {
        isBig ? UInt64(letters.count) * Self.chunkSize : UInt64(letters.count)
    }

    var digest: Digest {
        isBig ? Self.digest(of: list) : Self.digest(of: letters)
    }

    /// What stands for an encoded chunk list.
    var list: [UInt8] {
        [3] + letters.flatMap { Self.digest(ofChunk: $0).bytes }
    }

    static func digest(ofChunk letter: UInt8) -> Digest {
        digest(of: [2, letter])
    }

    /// Four rounds of FNV-1a: no digest for the world outside, but as good as unique among a few letters.
    static func digest(of bytes: [UInt8]) -> Digest {
        var words: [UInt8] = []
        for round in 0..<4 as Range<UInt64> {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325 &+ round &* 0x9e37_79b9
            for byte in bytes {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
            var mixer = SeededRandom(seed: hash)
            withUnsafeBytes(of: mixer.next().littleEndian) { words.append(contentsOf: $0) }
        }
        guard let digest = Digest(words) else { preconditionFailure("a digest has 32 bytes") }
        return digest
    }
}
