package import NIOCore

/// One WebSocket connection after its opening handshake, without any I/O: bytes go in and events come out, messages go
/// in and bytes come out. It reads no clock and makes no random numbers.
///
/// Whoever drives it answers the events: a ping with ``writePong(_:maskingKey:into:)``, a close with
/// ``writeClose(code:reason:maskingKey:into:)`` if ``mayClose``; on a `ProtocolError` it sends a close frame with the
/// error's code and drops the connection; and it drops the connection when ``isFinished``.
package struct Machine {
    package let role: Role
    package let agreement: DeflateAgreement?
    private var reader: FrameReader
    private var closing = CloseHandshake()
    private let usualLevel: Int
    /// Made when the first message is compressed: many connections never send one.
    private var deflater: Deflater?

    /// - Parameters:
    ///   - agreement: What was negotiated; `nil` for no compression.
    ///   - level: zlib's level for what is sent.
    package init(role: Role, limits: Limits = Limits(), agreement: DeflateAgreement? = nil, level: Int = 1) {
        self.role = role
        self.agreement = agreement
        usualLevel = level
        self.reader = FrameReader(role: role, limits: limits, agreement: agreement)
    }

    /// Messages and pings may still be sent.
    package var maySend: Bool { closing.maySend }
    /// Both sides have sent their close frame: the server drops the connection now, the client gives it a moment to.
    package var isFinished: Bool { closing.isFinished }
    /// The peer's close frame has come.
    package var isDeaf: Bool { closing.isDeaf }

    /// Whether a frame or a message has begun to arrive and not ended.
    package var isAmidMessage: Bool { reader.isAmidMessage }

    /// Bytes of memory that the message now arriving holds.
    package var heldBytes: Int { reader.heldBytes }

    /// Bounds the message now arriving, and those after it, further than the limits do: with many connections, by what
    /// memory is left for all of them. To be called before each ``next(from:)`` for which it is to hold.
    ///
    /// - Parameter bytes: What the message may take, with what it has already.
    package mutating func allow(_ bytes: Int) {
        reader.allow(bytes)
    }

    /// Reads on until something is complete.
    ///
    /// - Parameters:
    ///   - bytes: What came off the connection. What was read is taken from it; when `nil` is returned, all of it was.
    ///   - buffers: Where messages get their memory; `nil` for the allocator.
    /// - Throws: At the first broken rule or limit, once. Bytes given to it after that are swallowed.
    package mutating func next(
        from bytes: inout ByteBuffer, buffers: BufferPool? = nil
    ) throws(ProtocolError) -> Event? {
        let event = try reader.next(from: &bytes, buffers: buffers)
        if case .close = event { closing.receive() }
        return event
    }

    /// Whether `write` would compress a message for this peer if asked to.
    package var canCompress: Bool {
        guard let agreement else { return false }
        // zlib cannot keep to a window of 8 bits, which a server may ask of a client; sending uncompressed can.
        return agreement.maxWindowBits(of: role) >= DeflateAgreement.smallestDeflateWindowBits
    }

    /// Whether this side forgets its window after each message, so that one deflater can serve many connections.
    package var sendsIndependentMessages: Bool {
        agreement?.noContextTakeover(of: role) ?? false
    }

    /// Appends a message as one frame.
    ///
    /// - Parameters:
    ///   - compress: Compress it if that was agreed on.
    ///   - level: How hard, 1–9; nil for the usual level.
    ///   - maskingKey: Unpredictable and new for each frame (RFC 6455 §5.3). Only a client's is used.
    ///   - shared: A deflater to use in place of one of the connection's own, for a side that
    ///     ``sendsIndependentMessages``; its window must be no larger than was agreed on.
    ///   - buffers: Where a compressed payload gets its memory; `nil` for the allocator.
    /// - Returns: A payload to be sent right after `out`, uncopied; `nil` if `out` has it all.
    package mutating func write(
        _ message: ByteBuffer, isText: Bool, compress: Bool, level: Int? = nil, maskingKey: UInt32,
        deflater shared: Deflater? = nil, buffers: BufferPool? = nil, into out: inout ByteBuffer
    ) -> ByteBuffer? {
        guard closing.maySend else { return nil }
        let opcode: Opcode = isText ? .text : .binary
        if compress && canCompress, let agreement {
            var chosen = shared ?? deflater
            if chosen == nil {
                deflater = Deflater(
                    windowBits: agreement.maxWindowBits(of: role),
                    noContextTakeover: agreement.noContextTakeover(of: role), level: usualLevel)
                chosen = deflater
            }
            if let chosen {
                var packed = buffers?.take(max(512, message.readableBytes)) ?? ByteBuffer()
                message.withUnsafeReadableBytes { chosen.deflate($0, level: level, into: &packed) }
                buffers?.keep(packed)
                return writeFrame(opcode, packed, isCompressed: true, maskingKey: maskingKey, into: &out)
            }
        }
        return writeFrame(opcode, message, isCompressed: false, maskingKey: maskingKey, into: &out)
    }

    package mutating func writePing(_ payload: ByteBuffer, maskingKey: UInt32, into out: inout ByteBuffer) {
        guard closing.maySend, payload.readableBytes <= 125 else { return }
        _ = writeFrame(.ping, payload, isCompressed: false, maskingKey: maskingKey, into: &out)
    }

    package mutating func writePong(_ payload: ByteBuffer, maskingKey: UInt32, into out: inout ByteBuffer) {
        guard closing.maySend, payload.readableBytes <= 125 else { return }
        _ = writeFrame(.pong, payload, isCompressed: false, maskingKey: maskingKey, into: &out)
    }

    /// Appends our close frame, the last frame that we send.
    ///
    /// - Returns: `false` if it has gone out before.
    @discardableResult
    package mutating func writeClose(
        code: CloseCode?, reason: String, maskingKey: UInt32, into out: inout ByteBuffer
    ) -> Bool {
        guard closing.send() else { return false }
        let payload = ClosePayload.encode(code: code, reason: reason)
        _ = writeFrame(.close, payload, isCompressed: false, maskingKey: maskingKey, into: &out)
        return true
    }

    /// A server's large payload is sent as it is; a small one is cheaper to copy, and a client's must be masked.
    private static let copyThreshold = 8 << 10

    private func writeFrame(
        _ opcode: Opcode, _ payload: ByteBuffer, isCompressed: Bool, maskingKey: UInt32, into out: inout ByteBuffer
    ) -> ByteBuffer? {
        let key = role == .client ? maskingKey : nil
        let header = FrameHeader(
            isCompressed: isCompressed, opcode: opcode, maskingKey: key, payloadLength: payload.readableBytes)
        if key == nil && payload.readableBytes >= Self.copyThreshold {
            header.write(into: &out)
            return payload
        }
        payload.withUnsafeReadableBytes { header.write(withPayload: $0, into: &out) }
        return nil
    }
}
