import NIOCore
import Replica
import Sync
import Synchronization
import Tree
import WebSocket
import WebSocketNIO
import Wire

/// What a connection tells the service that owns it. All of it is called on the connection's event loop.
protocol SessionOwner: Sendable {
    func opened(_ session: Session)
    /// This has arrived, and will be received in its turn.
    ///
    /// - Returns: What has been begun with it already.
    func foresee(_ message: Message<ByteBuffer>) -> StagingAhead.Batch?
    /// There is something in ``Session/arrived``.
    func received(_ session: Session)
    func writable(_ isWritable: Bool)
    /// Content has left for the socket; the next message should have about `piece` bytes of it.
    func supplied(next piece: UInt64)
    func closed(_ reason: String)
}

/// One connection's side of the protocol: bytes become messages on its own event loop, and messages bytes.
final class Session: WebSocketHandler {
    private struct State {
        var connection: WebSocketConnection?
        /// Content messages whose bytes the socket has not taken yet.
        var supplies = 0
        /// Bytes of what has arrived and was not taken yet.
        var arrivedBytes = 0
        var isPaused = false
        var compression = AdaptiveCompression()
        /// Ends the connection of somebody who says nothing.
        var deadline: Scheduled<Void>?
    }

    static let subprotocol = "nosocks.1"
    /// Bytes that may wait for the socket before no more is sent.
    static let mostWaiting = 512 << 10
    /// In bytes.
    private static let leastPiece: UInt64 = 64 << 10
    /// Above this the other side is slowed down; one that keeps to the flow windows never gets there.
    static let mostArrived = 16 << 20

    private let owner: any SessionOwner
    private let patience: TimeAmount?
    private let state = Mutex(State())
    private let arrived = Mailbox<(message: Message<ByteBuffer>, begun: StagingAhead.Batch?)>()

    /// - Parameter patience: How long the other side has for its first message; nil for as long as it likes.
    init(owner: any SessionOwner, patience: TimeAmount? = nil) {
        self.owner = owner
        self.patience = patience
    }

    var connection: WebSocketConnection? { state.withLock(\.connection) }

    func opened(_ connection: WebSocketConnection) {
        let deadline = patience.map { patience in
            connection.eventLoop.scheduleTask(in: patience) { [weak self] in
                self?.fail(.policyViolation, "no hello came") ?? ()
            }
        }
        state.withLock { state in
            state.connection = connection
            state.deadline = deadline
        }
        owner.opened(self)
    }

    func received(message: ByteBuffer, isText: Bool) {
        guard !isText else { return fail(.unacceptableData, "a text message where only binary ones are spoken") }
        do {
            guard let decoded = try MessageDecoder().decode(message) else { return }
            let mustPause = state.withLock { state in
                state.deadline?.cancel()
                state.deadline = nil
                state.arrivedBytes += message.readableBytes
                defer { state.isPaused = state.isPaused || state.arrivedBytes > Self.mostArrived }
                return !state.isPaused && state.arrivedBytes > Self.mostArrived
            }
            if mustPause { connection?.pauseReading() }
            if arrived.put((decoded, owner.foresee(decoded))) { owner.received(self) }
        } catch {
            fail(.policyViolation, "\(error)")
        }
    }

    /// Hands over what has arrived since the last call, in order.
    func takeArrived<Result, Failure: Error>(
        _ body: ([Message<ByteBuffer>]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let taken = arrived.takeAll()
        let wasPaused = state.withLock { state in
            state.arrivedBytes = 0
            defer { state.isPaused = false }
            return state.isPaused
        }
        if wasPaused, let connection {
            connection.eventLoop.execute { [self] in
                // More may have arrived meanwhile.
                if !state.withLock(\.isPaused) { connection.resumeReading() }
            }
        }
        // What was begun with them and not taken by then goes.
        defer { withExtendedLifetime(taken) {} }
        return try body(taken.map(\.message))
    }

    func writabilityChanged(_ isWritable: Bool) {
        owner.writable(isWritable)
        guard isWritable else { return }
        let supplies = state.withLock { state in
            defer { state.supplies = 0 }
            return state.supplies
        }
        for _ in 0..<supplies { owner.supplied(next: piece) }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        state.withLock { state in
            state.connection = nil
            state.deadline?.cancel()
        }
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
        let compression = compression(ofBytes: message.contentBytes)
        connection.send(
            buffer, compress: compression > .none && Deflater.wouldShrink(buffer), level: compression.level)
        if case .chunks = message { awaitSupply(connection) }
    }

    /// Encodes and deflates a message once, and sends it to all of `sessions`.
    ///
    /// - Parameter count: How many there are in all, to whom the same may be sent later.
    static func send(
        _ message: Message<ByteBuffer>, to sessions: [Session], with frames: SharedFrames, of count: Int
    ) {
        // All of them together hold no more than that, and nobody is let be further ahead of what it has acknowledged.
        let limit = min(count * mostWaiting, SyncProtocol.feedWindow)
        let frame = frames.frame(of: message, keeping: limit) { bytes in
            // Each is asked, since each takes note of what it sends.
            sessions.reduce(Compression.none) { max($0, $1.compression(ofBytes: bytes)) }
        }
        WebSocketConnection.send(frame, to: sessions.compactMap(\.connection))
    }

    private func compression(ofBytes bytes: Int) -> Compression {
        guard bytes >= AdaptiveCompression.bulk else { return .quick }
        return state.withLock { state in
            guard let connection = state.connection else { return .none }
            return state.compression.next(bytes, linkRate: connection.linkRate)
        }
    }

    /// Whether more waits for the socket than should.
    var isFull: Bool { connection.map { $0.bufferedBytes > Self.mostWaiting } ?? false }

    /// Tells the owner that there is room, now or when the socket takes more again.
    func awaitRoom() {
        guard let connection else { return }
        connection.eventLoop.execute { [owner] in
            // Otherwise the connection itself tells when that changes.
            if connection.isWritable { owner.writable(true) }
        }
    }

    /// Demands a sign of life, soon.
    func probe() {
        connection?.probe(within: .seconds(5))
    }

    func close(code: CloseCode = .normalClosure, reason: String = "") {
        connection?.close(code: code, reason: reason)
    }

    /// What the link takes in 20 ms, since something small may come up that has to wait for it.
    private var piece: UInt64 {
        guard let rate = connection?.linkRate, rate < 50 * Double(Transfers.portion) else { return Transfers.portion }
        return max(Self.leastPiece, UInt64(max(0, rate) / 50))
    }

    /// Reports the content that was just sent as gone, now or when the socket takes more again.
    private func awaitSupply(_ connection: WebSocketConnection) {
        connection.eventLoop.execute { [self] in
            if connection.isWritable || !connection.isOpen {
                owner.supplied(next: piece)
            } else {
                state.withLock { $0.supplies += 1 }
            }
        }
    }
}
