/// The peer broke a rule, or one of our limits: the connection must be failed (RFC 6455 §7.1.7).
package struct ProtocolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the peer is told in the close frame.
    package let closeCode: CloseCode
    /// One phrase for people: at most 123 bytes, so that it fits the close frame as its reason.
    package let reason: String

    package init(_ closeCode: CloseCode, _ reason: String) {
        self.closeCode = closeCode
        self.reason = reason
    }

    package var description: String { "\(reason) (\(closeCode))" }
}

extension ProtocolError {
    /// RFC 6455 §5 was broken: close code 1002.
    static func violation(_ reason: String) -> ProtocolError { ProtocolError(.protocolError, reason) }
    /// More memory would be needed than this connection may have: close code 1009.
    static func tooBig(_ reason: String) -> ProtocolError { ProtocolError(.messageTooBig, reason) }
    /// The bytes are framed well and mean nothing: close code 1007.
    static func invalid(_ reason: String) -> ProtocolError { ProtocolError(.invalidPayload, reason) }
}
