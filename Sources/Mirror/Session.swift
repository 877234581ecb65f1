import NIOCore
import Synchronization
import Tree
import WebSocket
import WebSocketNIO
import Wire

/// What a connection tells the service that owns it. All of it is called on the connection's event loop.
protocol SessionOwner: Sendable {
    func opened(_ session: Session)
    /// There is something in ``Session/arrived``.
    func received(_ session: Session)
    func writable(_ isWritable: Bool)
    func supplied()
    func closed(_ reason: String)
}

/// One connection's side of the protocol: bytes become messages on its own event loop, and messages bytes.
final class Session: WebSocketHandler {
    private struct State {
        var connection: WebSocketConnection?
        /// Content messages whose bytes the socket has not taken yet.
        var supplies = 0
    }

    static let subprotocol = "nosocks.1"

    private let owner: any SessionOwner
    private let state = Mutex(State())
    let arrived = Mailbox<Message<ByteBuffer>>()

    init(owner: any SessionOwner) {
        self.owner = owner
    }

    var connection: WebSocketConnection? { state.withLock(\.connection) }

    func opened(_ connection: WebSocketConnection) {
        state.withLock { $0.connection = connection }
        owner.opened(self)
    }

    func received(message: ByteBuffer, isText: Bool) {
        guard !isText else { return fail(.unacceptableData, "a text message where only binary ones are spoken") }
        do {
            guard let message = try MessageDecoder().decode(message) else { return }
            if arrived.put(message) { owner.received(self) }
        } catch {
            fail(.policyViolation, "\(error)")
        }
    }

    func writabilityChanged(_ isWritable: Bool) {
        owner.writable(isWritable)
        guard isWritable else { return }
        let supplies = state.withLock { state in
            defer { state.supplies = 0 }
            return state.supplies
        }
        for _ in 0..<supplies { owner.supplied() }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        state.withLock { $0.connection = nil }
        let said = reason.isEmpty ? code.map { "closed with \($0)" } ?? "the connection was lost" : reason
        owner.closed(error.map { "\($0)" } ?? said)
    }

    private func fail(_ code: CloseCode, _ reason: String) {
        connection?.close(code: code, reason: String(reason.prefix(100)))
    }

    // MARK: Sending

    /// Sends one message of this session's alone.
    func send(_ message: Message<ByteBuffer>) {
        guard let connection else { return }
        let buffer = MessageEncoder().encode(message)
        connection.send(buffer, compress: Deflater.wouldShrink(buffer))
        if case .chunks = message { awaitSupply(connection) }
    }

    func send(_ prepared: PreparedMessage) {
        connection?.send(prepared)
    }

    /// Encodes and deflates a message once, for any number of sessions.
    static func prepare(_ message: Message<ByteBuffer>, with preparer: MessagePreparer) -> PreparedMessage {
        let buffer = MessageEncoder().encode(message)
        return preparer.prepare(buffer, compress: Deflater.wouldShrink(buffer))
    }

    func close(code: CloseCode = .normalClosure, reason: String = "") {
        connection?.close(code: code, reason: reason)
    }

    /// Reports the content that was just sent as gone, now or when the socket takes more again.
    private func awaitSupply(_ connection: WebSocketConnection) {
        connection.eventLoop.execute { [self] in
            if connection.isWritable || !connection.isOpen {
                owner.supplied()
            } else {
                state.withLock { $0.supplies += 1 }
            }
        }
    }
}
