/// Checks that bytes arriving in pieces of any size are UTF-8, and says so at the first byte that cannot be
/// (RFC 6455 §8.1, RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
package struct UTF8Validator: Sendable {
    /// How many continuation bytes the character under way still needs.
    private var missing: UInt8 = 0
    /// The range in which the next continuation byte must lie; narrower than 80–BF only for a character's second byte.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    package init() {}

    /// Whether the text may end here: no character is cut off.
    package var isComplete: Bool { missing == 0 }

    /// - Returns: `false` at the first byte after which nothing could make the text valid.
    package mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count {
            if missing == 0 {
                while index &+ 8 <= count,
                    (start + index).loadUnaligned(as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index &+= 8
                }
                guard index < count else { return true }
            }
            let byte = start.load(fromByteOffset: index, as: UInt8.self)
            index &+= 1
            guard missing == 0 ? begin(byte) : proceed(byte) else { return false }
        }
        return true
    }

    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: expect(1)
        case 0xE0: expect(2, from: 0xA0)
        case 0xED: expect(2, to: 0x9F)
        case 0xE1...0xEF: expect(2)
        case 0xF0: expect(3, from: 0x90)
        case 0xF1...0xF3: expect(3)
        case 0xF4: expect(3, to: 0x8F)
        default: return false
        }
        return true
    }

    private mutating func expect(_ count: UInt8, from lowest: UInt8 = 0x80, to highest: UInt8 = 0xBF) {
        missing = count
        self.lowest = lowest
        self.highest = highest
    }

    private mutating func proceed(_ byte: UInt8) -> Bool {
        guard byte >= lowest, byte <= highest else { return false }
        expect(missing - 1)
        return true
    }
}
