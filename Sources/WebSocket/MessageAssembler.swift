import NIOCore

/// Puts messages together from the payloads of their frames as these arrive, in pieces of any size: unmasked, inflated,
/// checked to be UTF-8 if text, and within the limit at every step (RFC 6455 §5.4, RFC 7692 §6.2).
struct MessageAssembler {
    /// The kind of the message under way; `nil` between messages.
    private var kind: Opcode?
    private var isCompressed = false
    private var utf8 = UTF8Validator()
    private var message = ByteBuffer()
    /// The most bytes that a message may have; may change while one is under way.
    var limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// A data frame's header has come: does it belong here?
    mutating func begin(_ header: FrameHeader, mayCompress: Bool) throws(ProtocolError) {
        if header.opcode == .continuation {
            guard kind != nil else { throw .violation("there is no message to continue") }
            guard !header.isCompressed else { throw .violation("the compression bit is set on a continuation") }
        } else {
            guard kind == nil else { throw .violation("a message starts inside another") }
            guard !header.isCompressed || mayCompress else {
                throw .violation("the compression bit is set, and compression was not agreed on")
            }
            kind = header.opcode
            isCompressed = header.isCompressed
            utf8 = UTF8Validator()
            message = ByteBuffer()
        }
        if !isCompressed {
            guard header.payloadLength <= room else {
                throw .tooBig("a message is longer than \(limit) bytes")
            }
            reserve(for: header.payloadLength)
        }
    }

    /// Believes a frame's announced length only so far: a header costs its sender nothing.
    private mutating func reserve(for length: Int) {
        let trusted = 64 << 10
        message.reserveCapacity(minimumWritableBytes: min(length, max(trusted, message.readableBytes)))
    }

    /// Bytes that the message under way may still get.
    private var room: Int { max(0, limit - message.readableBytes) }
    /// Whether a message has begun and not ended.
    var isUnderWay: Bool { kind != nil }
    /// What the message under way holds in memory.
    var capacity: Int { message.capacity }

    /// A piece of a data frame's payload.
    ///
    /// - Parameters:
    ///   - key: The frame's masking key.
    ///   - offset: How many payload bytes of the frame came before.
    mutating func append(
        _ piece: UnsafeRawBufferPointer, key: UInt32?, offset: Int, inflater: Inflater?
    ) throws(ProtocolError) {
        let start = message.writerIndex
        if isCompressed {
            guard let inflater else { throw .violation("compression was not agreed on") }
            try inflate(piece, key: key, offset: offset, with: inflater)
        } else {
            message.write(piece, maskedWith: key, offset: offset)
        }
        try check(from: start)
    }

    /// Takes a whole unmasked message without copying it, where it is large enough for that to pay: a slice keeps all
    /// of the receive buffer that it is from alive.
    mutating func adopt(_ slice: ByteBuffer) throws(ProtocolError) {
        message = slice
        try check(from: slice.readerIndex)
    }

    /// Whether the frame just begun could be adopted if it is all there.
    func wouldAdopt(_ header: FrameHeader) -> Bool {
        header.maskingKey == nil && header.isFinal && !isCompressed && header.payloadLength >= 8 << 10
            && message.readableBytes == 0
    }

    /// A frame's payload is complete.
    ///
    /// - Returns: The message, if the frame was its last.
    mutating func end(
        _ header: FrameHeader, inflater: Inflater?
    ) throws(ProtocolError) -> (message: ByteBuffer, isText: Bool)? {
        guard header.isFinal, let kind else { return nil }
        if isCompressed {
            let start = message.writerIndex
            try inflater?.finish(into: &message, limit: room)
            try check(from: start)
        }
        if kind == .text && !utf8.isComplete { throw .invalid("text ends inside a character") }
        self.kind = nil
        let finished = message
        message = ByteBuffer()
        return (finished, kind == .text)
    }

    private mutating func inflate(
        _ piece: UnsafeRawBufferPointer, key: UInt32?, offset: Int, with inflater: Inflater
    ) throws(ProtocolError) {
        guard let key else {
            try inflater.inflate(piece, into: &message, limit: room)
            return
        }
        // Unmasked a little at a time on the stack, where it stays in the cache and costs no buffer of its own.
        var failure: ProtocolError?
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { scratch in
            guard let plain = scratch.baseAddress else { return }
            var done = 0
            while done < piece.count, failure == nil {
                let part = UnsafeRawBufferPointer(rebasing: piece[done..<min(done + scratch.count, piece.count)])
                Masking.copy(part, to: plain, key: key, offset: offset + done)
                done += part.count
                do throws(ProtocolError) {
                    try inflater.inflate(
                        UnsafeRawBufferPointer(start: plain, count: part.count), into: &message,
                        limit: room)
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }

    private mutating func check(from start: Int) throws(ProtocolError) {
        guard kind == .text else { return }
        let isValid = message.withUnsafeReadableBytes { bytes in
            utf8.accept(UnsafeRawBufferPointer(rebasing: bytes[(start - message.readerIndex)...]))
        }
        if !isValid { throw .invalid("text is not UTF-8") }
    }
}
