package import NIOCore
package import WebSocket

/// What a connection tells its owner, always on the connection's event loop, in order, and never re-entrantly from
/// another thread. Implementations must not block.
package protocol WebSocketHandler: Sendable {
    /// The opening handshake is done; messages may be sent. Always the first call.
    func opened(_ connection: WebSocketConnection)

    /// A whole message, inflated and checked. A large buffer may be a slice of what was read off the socket.
    func received(message: ByteBuffer, isText: Bool)

    /// More unsent bytes have gathered than the high water mark, or they are below the low one again.
    func writabilityChanged(_ isWritable: Bool)

    /// The connection is gone. Exactly once, and the last call.
    ///
    /// - Parameters:
    ///   - code: The peer's close code; ours, if it was us who failed the connection; `nil` if there was none.
    ///   - reason: What came with the code.
    ///   - error: `nil` after a closing handshake; else why there was none: a `ProtocolError`, a
    ///     ``WebSocketConnectionError`` or what the socket reported.
    func closed(code: CloseCode?, reason: String, error: (any Error)?)
}

extension WebSocketHandler {
    package func writabilityChanged(_ isWritable: Bool) {}
}

/// How a connection ended without a closing handshake, other than by a broken rule.
package enum WebSocketConnectionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The TCP connection ended before a close frame came.
    case lost
    /// Nothing was heard for the dead interval.
    case silent
    /// The peer did not read: more bytes were waiting than the configuration allows.
    case readerTooSlow
    /// The peer did not answer our close frame in time.
    case closeTimedOut
    /// ``WebSocketConnection/abort()`` was called.
    case aborted

    package var description: String {
        switch self {
        case .lost: "the connection was lost"
        case .silent: "nothing was heard from the other side"
        case .readerTooSlow: "the other side does not read"
        case .closeTimedOut: "the other side did not answer the close"
        case .aborted: "the connection was dropped by this side"
        }
    }
}
