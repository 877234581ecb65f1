package import NIOCore

/// What arrived from the peer, in order.
package enum Event: Equatable, Sendable {
    case message(ByteBuffer, isText: Bool)
    /// A pong with the same payload is due, unless a close frame has been sent.
    case ping(ByteBuffer)
    case pong(ByteBuffer)
    /// The peer's close frame; `code` is `nil` if it had none. Nothing follows it.
    case close(code: CloseCode?, reason: String)
}

/// Turns bytes into events: headers, payloads as they arrive, control frames between fragments. Knows nothing of what
/// is sent.
struct FrameReader {
    private enum Phase {
        /// Waiting for a header, or the rest of one.
        case header
        /// Inside a frame's payload.
        case payload(FrameHeader, arrived: Int)
        /// The peer has closed, or broke a rule: nothing more is read.
        case done
    }

    private var phase = Phase.header
    /// The first bytes of a header that was cut off; empty in all but that case.
    private var partialHeader = ByteBuffer()
    private var controlPayload = ByteBuffer()
    private var assembler: MessageAssembler
    private var inflater: Inflater?
    private let role: Role
    private let limits: Limits
    private let agreement: DeflateAgreement?

    init(role: Role, limits: Limits, agreement: DeflateAgreement?) {
        self.role = role
        self.limits = limits
        self.agreement = agreement
        self.assembler = MessageAssembler(limit: limits.maxMessageSize)
    }

    /// Whether a frame or a message has begun and not ended.
    var isAmidMessage: Bool {
        if case .payload = phase { return true }
        return partialHeader.readableBytes > 0 || assembler.isUnderWay
    }

    /// Bytes of memory that the message under way holds.
    var heldBytes: Int { assembler.capacity }

    /// Lowers what a message may take to what is to be had, and never above the limits.
    mutating func allow(_ bytes: Int) {
        if case .done = phase { return }
        assembler.limit = min(limits.maxMessageSize, bytes)
    }

    /// Reads on until something is complete.
    ///
    /// - Parameters:
    ///   - bytes: What came off the connection. Read bytes are taken from it; when `nil` is returned all are.
    ///   - buffers: Where messages get their memory; `nil` for the allocator.
    /// - Throws: Once, at the first broken rule. After that all bytes are swallowed.
    mutating func next(from bytes: inout ByteBuffer, buffers: BufferPool?) throws(ProtocolError) -> Event? {
        do throws(ProtocolError) {
            while true {
                switch phase {
                case .header:
                    guard let header = try readHeader(from: &bytes) else { return nil }
                    try begin(header)
                    phase = .payload(header, arrived: 0)
                case .payload(let header, let arrived):
                    guard header.payloadLength == arrived || bytes.readableBytes > 0 else { return nil }
                    let event = try readPayload(header, arrived: arrived, from: &bytes, buffers: buffers)
                    if let event { return event }
                case .done:
                    bytes.moveReaderIndex(to: bytes.writerIndex)
                    return nil
                }
            }
        } catch {
            phase = .done
            controlPayload = ByteBuffer()
            assembler = MessageAssembler(limit: 0)
            throw error
        }
    }

    private mutating func readHeader(from bytes: inout ByteBuffer) throws(ProtocolError) -> FrameHeader? {
        if partialHeader.readableBytes == 0 {
            let found = try bytes.parseFrameHeader()
            if let found {
                bytes.moveReaderIndex(forwardBy: found.length)
                return found.header
            }
            partialHeader.writeBuffer(&bytes)
            return nil
        }
        while let byte = bytes.readInteger(as: UInt8.self) {
            partialHeader.writeInteger(byte)
            if let found = try partialHeader.parseFrameHeader() {
                partialHeader.clear()
                return found.header
            }
        }
        return nil
    }

    private mutating func begin(_ header: FrameHeader) throws(ProtocolError) {
        switch (role, header.maskingKey) {
        case (.server, nil): throw .violation("a client's frame is not masked")
        case (.client, .some): throw .violation("a server's frame is masked")
        default: break
        }
        if header.opcode.isControl {
            if header.isCompressed { throw .violation("the compression bit is set on a control frame") }
            controlPayload.clear()
            return
        }
        guard header.payloadLength <= limits.maxFrameSize else {
            throw .tooBig("a frame is longer than \(limits.maxFrameSize) bytes")
        }
        try assembler.begin(header, mayCompress: agreement != nil)
        if header.isCompressed && inflater == nil, let agreement {
            let sender: Role = role == .server ? .client : .server
            inflater = Inflater(
                windowBits: agreement.maxWindowBits(of: sender),
                noContextTakeover: agreement.noContextTakeover(of: sender))
            if inflater == nil { throw ProtocolError(.internalError, "no memory to inflate with") }
        }
    }

    private mutating func readPayload(
        _ header: FrameHeader, arrived: Int, from bytes: inout ByteBuffer, buffers: BufferPool?
    ) throws(ProtocolError) -> Event? {
        let count = min(header.payloadLength - arrived, bytes.readableBytes)
        if count > 0 {
            if count == header.payloadLength && !header.opcode.isControl && assembler.wouldAdopt(header),
                let slice = bytes.readSlice(length: count)
            {
                try assembler.adopt(slice)
            } else {
                try consume(count, of: header, arrived: arrived, from: bytes, buffers: buffers)
                bytes.moveReaderIndex(forwardBy: count)
            }
        }
        guard arrived + count == header.payloadLength else {
            phase = .payload(header, arrived: arrived + count)
            return nil
        }
        phase = .header
        if header.opcode.isControl { return try controlEvent(header.opcode) }
        let finished = try assembler.end(header, inflater: inflater, buffers: buffers)
        return finished.map { .message($0.message, isText: $0.isText) }
    }

    private mutating func consume(
        _ count: Int, of header: FrameHeader, arrived: Int, from bytes: ByteBuffer, buffers: BufferPool?
    ) throws(ProtocolError) {
        try bytes.withUnsafeReadableBytes { (readable) throws(ProtocolError) in
            let piece = UnsafeRawBufferPointer(rebasing: readable[..<count])
            if header.opcode.isControl {
                controlPayload.write(piece, maskedWith: header.maskingKey, offset: arrived)
            } else {
                try assembler.append(
                    piece, key: header.maskingKey, offset: arrived, inflater: inflater, buffers: buffers)
            }
        }
    }

    private mutating func controlEvent(_ opcode: Opcode) throws(ProtocolError) -> Event {
        let payload = controlPayload
        controlPayload = ByteBuffer()
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        default:
            let (code, reason) = try ClosePayload.parse(payload)
            phase = .done
            return .close(code: code, reason: reason)
        }
    }
}

extension ByteBuffer {
    fileprivate func parseFrameHeader() throws(ProtocolError) -> (header: FrameHeader, length: Int)? {
        try withUnsafeReadableBytes { (bytes) throws(ProtocolError) in try FrameHeader.parse(bytes) }
    }
}
