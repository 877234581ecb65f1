/// A set of bytes.
struct ByteSet: Hashable, Sendable {
    private var words = SIMD4<UInt64>.zero

    func contains(_ byte: UInt8) -> Bool {
        words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0
    }

    mutating func insert(_ byte: UInt8) {
        words[Int(byte >> 6)] |= 1 << UInt64(byte & 63)
    }

    mutating func remove(_ byte: UInt8) {
        words[Int(byte >> 6)] &= ~(1 << UInt64(byte & 63))
    }

    mutating func formUnion(_ other: ByteSet) {
        words |= other.words
    }

    mutating func invert() {
        words = ~words
    }
}

extension ByteSet {
    init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { insert(byte) }
    }

    init(where isMember: (UInt8) -> Bool) {
        for byte in UInt8.min...UInt8.max where isMember(byte) { insert(byte) }
    }

    /// The POSIX class of this name, as git knows it: of ASCII alone, whatever the locale.
    static func named(_ name: ArraySlice<UInt8>) -> ByteSet? {
        named[Array(name)]
    }

    private static let named: [[UInt8]: ByteSet] = {
        let lower = ByteSet(UInt8(ascii: "a")...UInt8(ascii: "z"))
        let upper = ByteSet(UInt8(ascii: "A")...UInt8(ascii: "Z"))
        let digit = ByteSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
        let alpha = ByteSet { lower.contains($0) || upper.contains($0) }
        let alnum = ByteSet { alpha.contains($0) || digit.contains($0) }
        let graph = ByteSet(0x21...0x7e)
        let classes: [String: ByteSet] = [
            "alnum": alnum, "alpha": alpha, "blank": ByteSet([0x20, 0x09]),
            "cntrl": ByteSet { $0 < 0x20 || $0 == 0x7f }, "digit": digit, "graph": graph, "lower": lower,
            "print": ByteSet(0x20...0x7e), "punct": ByteSet { graph.contains($0) && !alnum.contains($0) },
            // Without vertical tab and form feed.
            "space": ByteSet([0x20, 0x09, 0x0a, 0x0d]), "upper": upper,
            "xdigit": ByteSet("0123456789abcdefABCDEF".utf8),
        ]
        return Dictionary(uniqueKeysWithValues: classes.map { (Array($0.key.utf8), $0.value) })
    }()
}
