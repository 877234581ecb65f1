import Tree

/// File contents of the simulator: a few letters. A big one counts each letter as a chunk, and travels as chunks do.
struct SimContent: Hashable, Comparable, Sendable {
    let letters: [UInt8]
    let isBig: Bool
    let digest: Digest

    init(_ letters: [UInt8], isBig: Bool = false) {
        self.letters = letters
        self.isBig = isBig
        digest = Self.digest(of: isBig ? Self.list(of: letters) : letters)
    }

    static func == (left: SimContent, right: SimContent) -> Bool {
        left.digest == right.digest
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
    }

    static func < (left: SimContent, right: SimContent) -> Bool {
        left.letters.lexicographicallyPrecedes(right.letters)
    }

    static let chunkSize: UInt64 = 70_000

    var size: UInt64 {
        isBig ? UInt64(letters.count) * Self.chunkSize : UInt64(letters.count)
    }

    /// What stands for an encoded chunk list.
    var list: [UInt8] { Self.list(of: letters) }

    private static func list(of letters: [UInt8]) -> [UInt8] {
        [3] + letters.flatMap { digest(ofChunk: $0).bytes }
    }

    private static let chunkDigests: [Digest] = (0...255).map { digest(of: [2, $0]) }

    static func digest(ofChunk letter: UInt8) -> Digest {
        chunkDigests[Int(letter)]
    }

    /// Four rounds of FNV-1a: no digest for the world outside, but as good as unique among a few letters.
    static func digest(of bytes: [UInt8]) -> Digest {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        func round(_ number: UInt64) -> UInt64 {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325 &+ number &* 0x9e37_79b9
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            var mixer = SeededRandom(seed: hash)
            return mixer.next().littleEndian
        }
        words = (round(0), round(1), round(2), round(3))
        return withUnsafeBytes(of: words) {
            guard let digest = Digest($0) else { preconditionFailure("a digest has 32 bytes") }
            return digest
        }
    }
}
