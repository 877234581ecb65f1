import NIOCore

/// Puts messages together from the payloads of their frames as these arrive, in pieces of any size: unmasked, inflated,
/// checked to be UTF-8 if text, and within the limit at every step (RFC 6455 §5.4, RFC 7692 §6.2).
struct MessageAssembler {
    /// The kind of the message under way; `nil` between messages.
    private var kind: Opcode?
    private var isCompressed = false
    private var utf8 = UTF8Validator()
    private var message = ByteBuffer()
    /// The message is a slice of the receive buffer, which somebody else looks after.
    private var isAdopted = false
    /// How many bytes to get memory for when the first one comes.
    private var expected = 0
    /// How long the last compressed message was: a guess at the next one.
    private var lastInflated = 0
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
            isAdopted = false
        }
        if isCompressed {
            expected = max(lastInflated, 4 * min(header.payloadLength, Self.trusted))
        } else {
            guard header.payloadLength <= room else {
                throw .tooBig("a message is longer than \(limit) bytes")
            }
            expected = header.payloadLength
        }
    }

    /// How far a frame's announced length is believed: a header costs its sender nothing.
    private static let trusted = 64 << 10

    private mutating func reserve(_ buffers: BufferPool?) {
        if message.capacity == 0 {
            // Memory that is there already costs us nothing either.
            let believed = min(expected, Self.trusted)
            message =
                buffers?.takeUsed(expected) ?? buffers?.take(believed)
                ?? ByteBufferAllocator().buffer(capacity: believed)
        } else if !isCompressed {
            message.reserveCapacity(minimumWritableBytes: min(expected, max(Self.trusted, message.readableBytes)))
        }
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
    ///   - buffers: Where the message gets its memory; `nil` for the allocator.
    mutating func append(
        _ piece: UnsafeRawBufferPointer, key: UInt32?, offset: Int, inflater: Inflater?, buffers: BufferPool?
    ) throws(ProtocolError) {
        if offset == 0 { reserve(buffers) }
        let start = message.writerIndex
        if isCompressed {
            guard let inflater else { throw .violation("compression was not agreed on") }
            try inflate(piece, key: key, offset: offset, with: inflater, buffers: buffers)
        } else {
            message.write(piece, maskedWith: key, offset: offset)
        }
        try check(from: start)
    }

    /// Takes a whole unmasked message without copying it, where it is large enough for that to pay: a slice keeps all
    /// of the receive buffer that it is from alive.
    mutating func adopt(_ slice: ByteBuffer) throws(ProtocolError) {
        message = slice
        isAdopted = true
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
        _ header: FrameHeader, inflater: Inflater?, buffers: BufferPool?
    ) throws(ProtocolError) -> (message: ByteBuffer, isText: Bool)? {
        guard header.isFinal, let kind else { return nil }
        if isCompressed {
            let start = message.writerIndex
            try inflater?.finish(into: &message, limit: room)
            try check(from: start)
        }
        if kind == .text && !utf8.isComplete { throw .invalid("text ends inside a character") }
        self.kind = nil
        if isCompressed { fit(buffers) }
        if !isAdopted { buffers?.keep(message) }
        let finished = message
        message = ByteBuffer()
        return (finished, kind == .text)
    }

    /// A buffer that was taken on a guess may be far too large to be held for this message.
    private mutating func fit(_ buffers: BufferPool?) {
        lastInflated = message.readableBytes
        guard let buffers, message.storageCapacity > max(4 << 10, 4 * lastInflated) else { return }
        var fitting = buffers.take(lastInflated)
        fitting.writeImmutableBuffer(message)
        buffers.keep(message)
        message = fitting
    }

    private mutating func inflate(
        _ piece: UnsafeRawBufferPointer, key: UInt32?, offset: Int, with inflater: Inflater, buffers: BufferPool?
    ) throws(ProtocolError) {
        guard let key else {
            try inflater.inflate(piece, into: &message, limit: room)
            return
        }
        // Unmasked a little at a time, where it stays in the cache.
        let size = min(piece.count, 8 << 10)
        var plain = buffers?.take(size) ?? ByteBufferAllocator().buffer(capacity: size)
        var done = 0
        while done < piece.count {
            let part = UnsafeRawBufferPointer(rebasing: piece[done..<min(done + size, piece.count)])
            plain.clear()
            plain.write(part, maskedWith: key, offset: offset + done)
            done += part.count
            try plain.withUnsafeReadableBytes { (bytes) throws(ProtocolError) in
                try inflater.inflate(bytes, into: &message, limit: room)
            }
        }
        buffers?.keep(plain)
    }

    private mutating func check(from start: Int) throws(ProtocolError) {
        guard kind == .text else { return }
        let isValid = message.withUnsafeReadableBytes { bytes in
            utf8.accept(UnsafeRawBufferPointer(rebasing: bytes[(start - message.readerIndex)...]))
        }
        if !isValid { throw .invalid("text is not UTF-8") }
    }
}
