import NIOCore
import Synchronization
import Tree
import WebSocket
import WebSocketNIO
import Wire

/// A hub that says what a test wants to whoever joins it, as soon as that has said hello.
final class HostileHub: Sendable {
    private let server: WebSocketServer
    private let codes: Codes

    fileprivate final class Codes: Sendable {
        let all = Mutex<[CloseCode?]>([])
    }

    init(_ messages: [ByteBuffer]) async throws {
        let codes = Codes()
        self.codes = codes
        server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0)) { _ in
            .accept(subprotocol: "nosocks.1", handler: Speaker(messages, codes))
        }
    }

    var url: String { "ws://127.0.0.1:\(server.port ?? 0)" }

    /// How connections ended so far: by which code of the peer's.
    var endings: [CloseCode?] { codes.all.withLock(\.self) }

    func close() async throws {
        try await server.close()
    }

    /// What a hub says first, where the feed is to come from its beginning.
    static func welcome(version: UInt16 = 2, head: UInt64) -> ByteBuffer {
        MessageEncoder().encode(
            .welcome(
                Welcome(
                    version: version, epoch: Epoch(rawValue: 0x6576_696c), from: .zero, head: Revision(rawValue: head),
                    replica: 0x6576_696c, name: "evil", isReadOnly: false,
                    term: .none, nextTerm: Term(rawValue: 1), continues: true)))
    }

    static func changes(_ deliveries: [Delivery<ByteBuffer>]) -> ByteBuffer {
        let last = Revision(rawValue: UInt64(deliveries.count))
        return MessageEncoder().encode(.changes(deliveries, through: last, newest: last))
    }

    /// The feed's change at `revision`.
    static func delivery(
        _ path: String, _ revision: UInt64, _ entry: Entry, _ attachment: Tree.Attachment<ByteBuffer> = .none
    ) throws -> Delivery<ByteBuffer> {
        let version = Tree.Version(revision: Revision(rawValue: revision), entry: entry)
        return Delivery(
            change: Change(path: try RelativePath(path), version: version, author: "evil"), attachment: attachment)
    }
}

private final class Speaker: WebSocketHandler {
    private let messages: [ByteBuffer]
    private let codes: HostileHub.Codes
    private let state = Mutex<(connection: WebSocketConnection?, hasSpoken: Bool)>((nil, false))

    init(_ messages: [ByteBuffer], _ codes: HostileHub.Codes) {
        self.messages = messages
        self.codes = codes
    }

    func opened(_ connection: WebSocketConnection) {
        state.withLock { $0.connection = connection }
    }

    func received(message: ByteBuffer, isText: Bool) {
        let connection = state.withLock { state in
            defer { state.hasSpoken = true }
            return state.hasSpoken ? nil : state.connection
        }
        for message in messages { connection?.send(message, compress: true) }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        codes.all.withLock { $0.append(code) }
    }
}
