import TestSupport
import Testing

@testable import WebSocket

@Suite struct UTF8ValidatorTests {
    private func isValid(_ bytes: [UInt8], step: Int) -> Bool {
        var validator = UTF8Validator()
        for start in stride(from: 0, to: bytes.count, by: step) {
            let piece = bytes[start..<min(start + step, bytes.count)]
            guard piece.withUnsafeBytes({ validator.accept($0) }) else { return false }
        }
        return validator.isComplete
    }

    @Test("It agrees with Swift on random bytes that are nearly text", arguments: 0..<20 as Range<UInt64>)
    func againstSwift(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let scalars: [Unicode.Scalar] = [
            "a", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}",
            "\u{10FFFF}",
        ]
        for _ in 0..<500 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                if let scalar = scalars.randomElement(using: &random) { bytes += Array(String(scalar).utf8) }
            }
            if Bool.random(using: &random), let index = bytes.indices.randomElement(using: &random) {
                bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            }
            let expected = String(validating: bytes, as: UTF8.self) != nil
            for step in [1, 3, 8, 1000] {
                #expect(isValid(bytes, step: step) == expected, "seed \(seed): \(bytes)")
            }
        }
    }

    @Test("It agrees with Swift on every sequence of two bytes, and every three that start a long character")
    func exhaustive() {
        var wrong: [[UInt8]] = []
        for first in 0...255 as ClosedRange<UInt8> {
            for second in 0...255 as ClosedRange<UInt8> {
                for tail: [UInt8] in [[], [0x80], [0x80, 0x80], [0xBF, 0xBF]] {
                    let bytes = [first, second] + tail
                    if isValid(bytes, step: 9) != (String(validating: bytes, as: UTF8.self) != nil) {
                        wrong.append(bytes)
                    }
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test(
        "The first byte that cannot be is where it stops",
        arguments: [
            [0xC0], [0xC1], [0xF5], [0x80], [0xE0, 0x9F], [0xED, 0xA0], [0xF0, 0x8F], [0xF4, 0x90], [0xE2, 0x28],
        ] as [[UInt8]])
    func failsFast(bytes: [UInt8]) {
        var validator = UTF8Validator()
        let text = Array("plain ASCII of some length, and then: ".utf8) + bytes.dropLast()
        #expect(text.withUnsafeBytes { validator.accept($0) })
        #expect(!bytes.suffix(1).withUnsafeBytes { validator.accept($0) })
    }
}
