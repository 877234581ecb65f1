package import NIOCore

/// A server's message, framed once for any number of clients: the bytes are shared, never copied or deflated again.
package struct PreparedMessage: Sendable {
    /// The compressed frame, for clients that can read it; `nil` if compressing was not asked for.
    let compressed: ByteBuffer?
    /// The window that `compressed` was made with.
    let windowBits: Int
    /// The frame as it is, for all others.
    let plain: ByteBuffer

    /// The frame to send to a client with this agreement. A message compressed with a window of its own is readable by
    /// any client whose agreed server window is as large, takeover or not: it refers to nothing before itself, and is
    /// no part of what a later one refers to only if the server never takes context over.
    ///
    /// - Returns: The bytes of one whole frame.
    package func frame(for agreement: DeflateAgreement?) -> ByteBuffer {
        guard let compressed, let agreement, agreement.serverNoContextTakeover,
            agreement.serverMaxWindowBits >= windowBits
        else { return plain }
        return compressed
    }

    /// Bytes of the message itself.
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
        var compressed: ByteBuffer?
        if compress, let deflater {
            var packed = ByteBuffer()
            message.withUnsafeReadableBytes { deflater.deflate($0, level: level, into: &packed) }
            if packed.readableBytes < message.readableBytes {
                compressed = Self.frame(opcode, packed, isCompressed: true)
            }
        }
        let plain = Self.frame(opcode, message, isCompressed: false)
        return PreparedMessage(
            compressed: compressed, windowBits: windowBits, plain: plain, messageLength: message.readableBytes)
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
