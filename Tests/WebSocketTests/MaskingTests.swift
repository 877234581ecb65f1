import NIOCore
import Testing

@testable import WebSocket

@Suite struct MaskingTests {
    @Test("Masking by words is masking by bytes, at every offset, length and alignment")
    func againstNaive() {
        let key: UInt32 = 0xD4C3_B2A1
        let keyBytes: [UInt8] = [0xA1, 0xB2, 0xC3, 0xD4]
        let source = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        var wrong: [String] = []
        for offset in 0..<8 {
            for alignment in 0..<8 {
                for count in 0..<100 {
                    var out = ByteBuffer()
                    source.withUnsafeBytes { bytes in
                        let piece = UnsafeRawBufferPointer(rebasing: bytes[alignment..<alignment + count])
                        out.write(piece, maskedWith: key, offset: offset)
                    }
                    let naive = (0..<count).map { source[alignment + $0] ^ keyBytes[(offset + $0) & 3] }
                    if out.array != naive { wrong.append("\(offset) \(alignment) \(count)") }
                }
            }
        }
        #expect(wrong.isEmpty)
    }
}
