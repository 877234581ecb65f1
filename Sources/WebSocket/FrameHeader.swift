package import NIOCore

/// The 2 to 14 bytes in front of a frame's payload (RFC 6455 §5.2).
package struct FrameHeader: Equatable, Sendable {
    /// The longest header: two bytes, a 64-bit length and a masking key.
    package static let maximumLength = 14

    /// The last fragment of its message, or all of it.
    package var isFinal: Bool
    /// The message is compressed (RFC 7692 §6). Only ever on a message's first frame.
    package var isCompressed: Bool
    package var opcode: Opcode
    /// The key's four bytes as a little-endian number; `nil` for a frame that is not masked.
    package var maskingKey: UInt32?
    /// In bytes, as it travels: compressed, if it is.
    package var payloadLength: Int

    package init(
        isFinal: Bool = true, isCompressed: Bool = false, opcode: Opcode, maskingKey: UInt32? = nil, payloadLength: Int
    ) {
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.opcode = opcode
        self.maskingKey = maskingKey
        self.payloadLength = payloadLength
    }

    /// Reads a header, complaining at the first byte that shows a fault, before the rest has arrived.
    ///
    /// - Returns: The header and its own length in bytes, or `nil` if more bytes are needed.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolError) -> (header: FrameHeader, length: Int)? {
        guard let first = bytes.first else { return nil }
        guard first & 0x30 == 0 else { throw .violation("a reserved bit is set") }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .violation("the opcode is a reserved one") }
        let isFinal = first & 0x80 != 0
        if opcode.isControl && !isFinal { throw .violation("a control frame is fragmented") }
        guard bytes.count >= 2 else { return nil }

        let isMasked = bytes[1] & 0x80 != 0
        let short = Int(bytes[1] & 0x7F)
        if opcode.isControl && short > 125 { throw .violation("a control frame is longer than 125 bytes") }
        let lengthBytes = short == 126 ? 2 : short == 127 ? 8 : 0
        let length = 2 + lengthBytes + (isMasked ? 4 : 0)
        guard bytes.count >= 2 + lengthBytes else { return nil }

        let payloadLength: Int
        switch short {
        case 126:
            payloadLength = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard payloadLength > 125 else { throw .violation("a length is not in its shortest form") }
        case 127:
            let wide = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard wide > 0xFFFF else { throw .violation("a length is not in its shortest form") }
            guard let fitting = Int(exactly: wide) else { throw .violation("a length has its highest bit set") }
            payloadLength = fitting
        default:
            payloadLength = short
        }

        guard bytes.count >= length else { return nil }
        let maskingKey =
            isMasked
            ? UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 + lengthBytes, as: UInt32.self)) : nil
        let header = FrameHeader(
            isFinal: isFinal, isCompressed: first & 0x40 != 0, opcode: opcode, maskingKey: maskingKey,
            payloadLength: payloadLength)
        return (header, length)
    }

    /// Appends the header, its length in the shortest form.
    package func write(into out: inout ByteBuffer) {
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.maximumLength) { store(to: $0) }
    }

    /// Appends the whole frame, the payload masked if there is a key.
    func write(withPayload payload: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.maximumLength + payload.count) { target in
            let length = store(to: target)
            guard let start = target.baseAddress, let source = payload.baseAddress else { return length }
            if let maskingKey {
                Masking.copy(payload, to: start + length, key: maskingKey, offset: 0)
            } else {
                (start + length).copyMemory(from: source, byteCount: payload.count)
            }
            return length + payload.count
        }
    }

    private func store(to target: UnsafeMutableRawBufferPointer) -> Int {
        target[0] = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue
        let maskBit: UInt8 = maskingKey == nil ? 0 : 0x80
        var end = 2
        if payloadLength <= 125 {
            target[1] = maskBit | UInt8(truncatingIfNeeded: payloadLength)
        } else if payloadLength <= 0xFFFF {
            target[1] = maskBit | 126
            target.storeBytes(of: UInt16(payloadLength).bigEndian, toByteOffset: 2, as: UInt16.self)
            end = 4
        } else {
            target[1] = maskBit | 127
            target.storeBytes(of: UInt64(payloadLength).bigEndian, toByteOffset: 2, as: UInt64.self)
            end = 10
        }
        if let maskingKey {
            target.storeBytes(of: maskingKey.littleEndian, toByteOffset: end, as: UInt32.self)
            end += 4
        }
        return end
    }
}
