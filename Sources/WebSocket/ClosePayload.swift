import NIOCore

/// The body of a close frame (RFC 6455 §5.5.1): empty, or a code and a reason.
enum ClosePayload {
    static func parse(_ payload: ByteBuffer) throws(ProtocolError) -> (code: CloseCode?, reason: String) {
        var payload = payload
        guard payload.readableBytes > 0 else { return (nil, "") }
        guard let number = payload.readInteger(as: UInt16.self) else {
            throw .violation("a close frame has half a code")
        }
        let code = CloseCode(rawValue: number)
        guard code.mayTravel else { throw .violation("a close frame has a code that may not be sent") }
        var utf8 = UTF8Validator()
        let isText = payload.withUnsafeReadableBytes { utf8.accept($0) } && utf8.isComplete
        guard isText else { throw .invalid("a close frame's reason is not UTF-8") }
        return (code, payload.readString(length: payload.readableBytes) ?? "")
    }

    /// - Parameters:
    ///   - code: `nil`, or one that may not travel, gives an empty body.
    ///   - reason: Cut at a character to fit a control frame.
    static func encode(code: CloseCode?, reason: String) -> ByteBuffer {
        guard let code, code.mayTravel else { return ByteBuffer() }
        var payload = ByteBuffer()
        payload.writeInteger(code.rawValue)
        for character in reason {
            guard payload.readableBytes + character.utf8.count <= 125 else { break }
            payload.writeString(String(character))
        }
        return payload
    }
}
