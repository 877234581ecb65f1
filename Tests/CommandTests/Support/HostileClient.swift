import NIOCore
import Synchronization
import Tree
import WebSocket
import WebSocketNIO
import Wire

/// A peer that says what a test wants.
final class HostileClient: Sendable {
    private let connection: WebSocketConnection
    private let listener = Listener()

    /// SHA-256 of `evil`.
    static let digestOfEvil: [UInt8] = [
        0xb5, 0xc1, 0xfb, 0x2e, 0xfc, 0x6d, 0x6b, 0x46, 0x74, 0xc2, 0xfd, 0xcc, 0x48, 0xce, 0x01, 0xb4,
        0x3a, 0x3b, 0x7c, 0x03, 0x76, 0x3c, 0x0c, 0x33, 0x55, 0xde, 0x00, 0x99, 0xee, 0x0f, 0x8c, 0x73,
    ]

    static let hello = MessageEncoder().encode(
        .hello(Hello(versions: 2...2, replica: 0x6576_696c, name: "evil", cursor: .start)))

    init(port: Int, greets: Bool, saying hello: ByteBuffer = HostileClient.hello) async throws {
        connection = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), subprotocols: ["nosocks.1"], handler: listener)
        if greets { send(hello) }
    }

    func send(_ message: ByteBuffer) {
        connection.send(message, compress: true)
    }

    /// Waits for what the hub says of itself.
    func welcome() async throws -> Welcome {
        try await eventually("a welcome") { listener.welcome.withLock { $0 != nil } }
        guard let welcome = listener.welcome.withLock(\.self) else { throw TimedOut(what: "a welcome", state: "") }
        return welcome
    }

    /// What became of what was offered, so far.
    var settlements: [Settlement] { listener.settlements.withLock(\.self) }

    /// Of which files it was told that another version is coming, in turn with nil where that was over.
    var upcoming: [Digest?] { listener.upcoming.withLock(\.self) }

    /// What the hub told last of each path.
    var entries: [String: Entry] { listener.entries.withLock(\.self) }

    /// Whether the hub has said that there is no more to be told.
    var isCaughtUp: Bool { listener.isCaughtUp.withLock(\.self) }

    /// What the hub said at the end.
    var goodbye: Goodbye? { listener.goodbye.withLock(\.self) }

    /// Whether the connection has ended.
    var isGone: Bool { listener.end.withLock { $0 != nil } }

    func close() {
        connection.close()
    }

    /// Waits for the end of the connection: the hub's close code, nil if there was none.
    func closing() async throws -> CloseCode? {
        try await eventually("the connection to end") { listener.end.withLock { $0 != nil } }
        return listener.end.withLock { $0 ?? nil }
    }
}

private final class Listener: WebSocketHandler {
    let end = Mutex<CloseCode??>(nil)
    let welcome = Mutex<Welcome?>(nil)
    let goodbye = Mutex<Goodbye?>(nil)
    let settlements = Mutex<[Settlement]>([])
    let upcoming = Mutex<[Digest?]>([])
    let entries = Mutex<[String: Entry]>([:])
    let isCaughtUp = Mutex(false)

    func opened(_ connection: WebSocketConnection) {}
    func received(message: ByteBuffer, isText: Bool) {
        switch try? MessageDecoder().decode(message) {
        case .welcome(let welcome)?: self.welcome.withLock { $0 = welcome }
        case .settled(let settlements)?: self.settlements.withLock { $0 += settlements }
        case .caughtUp?: isCaughtUp.withLock { $0 = true }
        case .changes(let deliveries, _, _)?:
            entries.withLock { entries in
                for delivery in deliveries { entries["\(delivery.change.path)"] = delivery.change.entry }
            }
        case .upcoming(let base)?: upcoming.withLock { $0.append(base) }
        case .goodbye(let goodbye)?: self.goodbye.withLock { $0 = goodbye }
        default: break
        }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        end.withLock { $0 = .some(code) }
    }
}
