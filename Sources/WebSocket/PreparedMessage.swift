package import NIOCore

/// A server's message, or several in a row, framed once for any number of clients: the bytes are shared, never copied or
/// deflated again.
package struct PreparedMessage: Sendable {
    /// The compressed frame, or frames, for clients that can read it; `nil` if compressing was not asked for.
    let compressed: ByteBuffer?
    /// The window that `compressed` was made with.
    let windowBits: Int
    /// The frame as it is, for all others.
    let plain: ByteBuffer

    /// The frame to send to a client with this agreement. A message compressed with a window of its own is readable by
    /// any client whose agreed server window is as large, takeover or not: it refers to nothing before itself, and is
    /// no part of what a later one refers to only if the server never takes context over.
    ///
    /// - Returns: The bytes of whole frames.
    package func frame(for agreement: DeflateAgreement?) -> ByteBuffer {
        guard let compressed, let agreement, agreement.serverNoContextTakeover,
            agreement.serverMaxWindowBits >= windowBits
        else { return plain }
        return compressed
    }

    /// Bytes of the message itself, or of all of them.
    package let messageLength: Int
}

/// Makes prepared messages, with one deflater for all of them. Use it from one thread at a time.
package final class MessagePreparer {
    private let deflater: Deflater?
    private let windowBits: Int

    package init(level: Int = 1, windowBits: Int = 15) {
        self.windowBits = windowBits
        deflater = Deflater(windowBits: windowBits, noContextTakeover: true, level: level)
    }

    /// - Parameters:
    ///   - compress: Deflate it. The compressed form is dropped if it came out no smaller.
    ///   - level: How hard, 1–9; nil for the usual level.
    package func prepare(
        _ message: ByteBuffer, isText: Bool = false, compress: Bool, level: Int? = nil
    ) -> PreparedMessage {
        let opcode: Opcode = isText ? .text : .binary
        let compressed = compress ? packed(message, opcode, level: level) : nil
        let plain = Self.frame(opcode, message, isCompressed: false)
        return PreparedMessage(
            compressed: compressed, windowBits: windowBits, plain: plain, messageLength: message.readableBytes)
    }

    /// Several messages in a row, to be sent in one piece. Each of them that comes out no smaller stays as it is.
    package func prepare(_ messages: [ByteBuffer], isText: Bool = false, compress: Bool) -> PreparedMessage {
        let opcode: Opcode = isText ? .text : .binary
        var (plain, compressed) = (ByteBuffer(), ByteBuffer())
        for message in messages {
            let frame = Self.frame(opcode, message, isCompressed: false)
            plain.writeImmutableBuffer(frame)
            if compress { compressed.writeImmutableBuffer(packed(message, opcode, level: nil) ?? frame) }
        }
        return PreparedMessage(
            compressed: compress ? compressed : nil, windowBits: windowBits, plain: plain,
            messageLength: messages.reduce(0) { $0 + $1.readableBytes })
    }

    /// A message's compressed frame; nil if that is no smaller.
    private func packed(_ message: ByteBuffer, _ opcode: Opcode, level: Int?) -> ByteBuffer? {
        guard let deflater else { return nil }
        var packed = ByteBuffer()
        message.withUnsafeReadableBytes { deflater.deflate($0, level: level, into: &packed) }
        guard packed.readableBytes < message.readableBytes else { return nil }
        return Self.frame(opcode, packed, isCompressed: true)
    }

    private static func frame(_ opcode: Opcode, _ payload: ByteBuffer, isCompressed: Bool) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.reserveCapacity(FrameHeader.maximumLength + payload.readableBytes)
        FrameHeader(isCompressed: isCompressed, opcode: opcode, payloadLength: payload.readableBytes).write(
            into: &frame)
        frame.writeImmutableBuffer(payload)
        return frame
    }
}
