/// The closing handshake (RFC 6455 §7): each side sends one close frame, and nothing after it.
package struct CloseHandshake: Equatable, Sendable {
    private enum State: Equatable, Sendable {
        /// Neither side has sent a close frame.
        case open
        /// We have; the peer's messages are still read until its close frame comes.
        case sent
        /// The peer has; ours is due.
        case received
        /// Both have; the TCP connection is to go.
        case finished
    }

    private var state = State.open

    package init() {}

    /// Messages and pings may still be sent.
    package var maySend: Bool { state == .open }
    /// The peer sent its close frame: whatever bytes follow mean nothing.
    package var isDeaf: Bool { state == .received || state == .finished }
    package var isFinished: Bool { state == .finished }

    /// We want to send a close frame.
    ///
    /// - Returns: Whether it may go out: only the first may.
    package mutating func send() -> Bool {
        switch state {
        case .open: state = .sent
        case .received: state = .finished
        case .sent, .finished: return false
        }
        return true
    }

    /// The peer's close frame has come.
    package mutating func receive() {
        switch state {
        case .open: state = .received
        case .sent: state = .finished
        case .received, .finished: break
        }
    }
}
