import NIOCore
import Testing

@testable import WebSocket

extension ByteBuffer {
    var array: [UInt8] { Array(readableBytesView) }
}

extension Machine {
    /// Feeds `bytes` in pieces of `step`, each in a buffer of its own, and gathers the events.
    mutating func events(_ bytes: [UInt8], step: Int = .max) throws(ProtocolError) -> [Event] {
        var events: [Event] = []
        var start = 0
        while start < bytes.count {
            let end = step > bytes.count - start ? bytes.count : start + step
            var piece = ByteBuffer(bytes: bytes[start..<end])
            while let event = try next(from: &piece) { events.append(event) }
            #expect(piece.readableBytes == 0)
            start = end
        }
        return events
    }

    /// One message as it would leave.
    mutating func bytes(
        _ message: [UInt8], isText: Bool = false, compress: Bool = false, maskingKey: UInt32 = 0x1234_5678
    ) -> [UInt8] {
        var out = ByteBuffer()
        let rest = write(
            ByteBuffer(bytes: message), isText: isText, compress: compress, maskingKey: maskingKey, into: &out)
        if let rest { out.writeImmutableBuffer(rest) }
        return out.array
    }
}

/// A frame with everything open to abuse.
func frame(
    _ first: UInt8, _ payload: [UInt8] = [], masked: Bool = true, length: Int? = nil
) -> [UInt8] {
    var bytes: [UInt8] = [first]
    let count = length ?? payload.count
    let maskBit: UInt8 = masked ? 0x80 : 0
    switch count {
    case ...125: bytes.append(maskBit | UInt8(count))
    case ...0xFFFF: bytes += [maskBit | 126, UInt8(count >> 8), UInt8(count & 0xFF)]
    default:
        bytes.append(maskBit | 127)
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
    }
    guard masked else { return bytes + payload }
    let key: [UInt8] = [0xA1, 0xB2, 0xC3, 0xD4]
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
}
