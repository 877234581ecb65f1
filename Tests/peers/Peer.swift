import NIOCore
import Sync
import Synchronization
import Tree
import WebSocket
import WebSocketNIO
import Wire

/// One peer: says what a real one says and when, and comes back as a real one does. All of it happens on its event loop.
final class Peer: Sendable {
    /// Where it is in a connection's life, as in `PeerMachine`.
    private enum Link {
        case down
        /// hello was sent.
        case greeting
        /// The feed is coming, and has not been at its head yet.
        case catchingUp(Welcome)
        case live(Welcome)
    }

    private struct State {
        var link = Link.down
        var replica = Replica()
        var connection: WebSocketConnection?
        /// What the hub was told last, in this session.
        var told: (applied: Revision, known: Revision)?
        var isTelling = false
        var backoff = Backoff()
        var isStalled = false
        var hasLeft = false
    }

    let loop: any EventLoop
    private let number: Int
    private let crowd: Crowd
    /// Each has an address of its own, as peers on machines of their own do: a hub lets few from one address be on their
    /// way in at a time.
    private let source: SocketAddress?
    private let state: NIOLoopBoundBox<State>

    init(number: Int, crowd: Crowd, loop: any EventLoop) {
        self.number = number
        self.crowd = crowd
        self.loop = loop
        source = try? SocketAddress(ipAddress: "127.1.\(number / 250 % 250).\(number % 250 + 1)", port: 0)
        state = .makeBoxSendingValue(State(), eventLoop: loop)
    }

    // MARK: Connecting

    /// Connects, and whenever the connection is lost or none comes about, tries again later.
    func connect() {
        Task {
            do throws(WebSocketClientError) {
                _ = try await WebSocketClient.connect(
                    to: .host("127.0.0.1", port: crowd.port), subprotocols: ["nosocks.1"], source: source, group: loop,
                    handler: self)
            } catch {
                loop.execute { self.connectLater() }
            }
        }
        crowd.attempted()
    }

    private func connectLater() {
        guard !state.value.hasLeft else { return }
        var random = SystemRandomNumberGenerator()
        loop.scheduleTask(in: state.value.backoff.next(using: &random)) { self.connect() }
    }

    /// Reads no further, or reads on.
    func stall(_ isStalled: Bool) {
        loop.execute { [self] in
            state.value.isStalled = isStalled
            if isStalled { state.value.connection?.pauseReading() } else { state.value.connection?.resumeReading() }
        }
    }

    func leave() {
        loop.execute { [self] in
            state.value.hasLeft = true
            state.value.connection?.abort()
        }
    }

    // MARK: Talking

    private func send(_ message: Message<ByteBuffer>) {
        let bytes = MessageEncoder().encode(message)
        state.value.connection?.send(bytes, compress: Deflater.wouldShrink(bytes))
    }

    /// Tells the hub how far this peer is, if that has changed: once for all that has arrived together.
    private func tellApplied() {
        guard !state.value.isTelling else { return }
        state.value.isTelling = true
        loop.execute { [self] in
            state.value.isTelling = false
            let known = state.value.replica.cursor.revision
            var applied = state.value.told?.applied ?? .zero
            switch state.value.link {
            case .down, .greeting: return
            case .catchingUp: break
            case .live: applied = known
            }
            if let told = state.value.told, told == (applied, known) { return }
            state.value.told = (applied, known)
            send(.applied(applied, known: known))
        }
    }

    private func heard(_ message: Message<ByteBuffer>) throws(Failure) {
        switch (state.value.link, message) {
        case (.greeting, .welcome(let welcome)):
            state.value.replica.welcomed(welcome)
            state.value.backoff.reset()
            state.value.link = .catchingUp(welcome)
        case (.catchingUp(let welcome), .changes(let deliveries, let through, let newest)),
            (.live(let welcome), .changes(let deliveries, let through, let newest)):
            try follow(deliveries, through, newest, welcome)
        case (.catchingUp(let welcome), .caughtUp):
            state.value.link = .live(welcome)
            crowd.caughtUp()
        case (.live, .caughtUp), (.live, .chunks): break
        case (_, .goodbye(let goodbye)):
            throw Failure("the hub said goodbye to peer \(number): \(goodbye.text)")
        default:
            throw Failure("the hub said to peer \(number) what was not its turn")
        }
    }

    private func follow(
        _ deliveries: [Delivery<ByteBuffer>], _ through: Revision, _ newest: Revision, _ welcome: Welcome
    ) throws(Failure) {
        try state.value.replica.follow(
            deliveries, through: through, newest: newest, of: welcome, checking: crowd.content)
        for delivery in deliveries {
            guard case .file(let file) = delivery.change.entry else { continue }
            crowd.has(file.digest)
        }
    }
}

extension Peer: WebSocketHandler {
    func opened(_ connection: WebSocketConnection) {
        guard !state.value.hasLeft else { return connection.abort() }
        state.value.connection = connection
        state.value.told = nil
        state.value.link = .greeting
        send(
            .hello(
                Hello(
                    versions: SyncProtocol.versions, replica: UInt64(number) + 1, name: "peer-\(number)",
                    cursor: state.value.replica.cursor)))
        if state.value.isStalled { connection.pauseReading() }
    }

    func received(message: ByteBuffer, isText: Bool) {
        do {
            guard let message = try MessageDecoder().decode(message) else { return }
            try heard(message)
            tellApplied()
        } catch {
            crowd.fail("\(error)")
            state.value.connection?.abort()
        }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        if case .live = state.value.link { crowd.lost() }
        state.value.connection = nil
        state.value.link = .down
        connectLater()
    }
}

/// How long to wait before the next attempt, as peers do: doubling from 0.25 s to 30 s, with full jitter.
private struct Backoff {
    private static let shortest = TimeAmount.milliseconds(250)
    private static let longest = TimeAmount.seconds(30)

    private var ceiling = Self.shortest

    mutating func next(using random: inout some RandomNumberGenerator) -> TimeAmount {
        defer { ceiling = min(ceiling + ceiling, Self.longest) }
        return .nanoseconds(Int64.random(in: 0...ceiling.nanoseconds, using: &random))
    }

    mutating func reset() {
        ceiling = Self.shortest
    }
}
