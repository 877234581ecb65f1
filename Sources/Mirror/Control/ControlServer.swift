import NIOCore
import NIOHTTP1
import Synchronization
import WebSocket
import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The socket in a replica's state folder through which other processes of its owner ask what it does, and steer it: a
/// WebSocket like any other, with a subprotocol of its own. One question, one answer, both JSON.
enum ControlSocket {
    static let subprotocol = "nosocks.control.1"
    static let name = "control"

    static var configuration: WebSocketConfiguration {
        var configuration = WebSocketConfiguration(deflate: nil)
        configuration.maxHandshakesPerAddress = configuration.maxHandshakes
        return configuration
    }

    /// - Parameters:
    ///   - path: Of the socket; what lies there is removed, since only the holder of the replica may listen.
    ///   - follower: Called on an event loop for whoever wants to follow the events.
    ///   - answer: Called on an event loop for each question.
    static func listen(
        at path: String, follower: @escaping @Sendable (FeedStart, any EventLoop) -> (any WebSocketHandler)?,
        answer: @escaping @Sendable (ControlRequest, ControlCall) -> Void
    ) async throws -> WebSocketServer {
        try await WebSocketServer.bind(to: .unixSocket(path: path), configuration: configuration) { request in
            if request.subprotocols == [EventSocket.subprotocol], request.head.headers["origin"].isEmpty {
                let target = PlainRequest(head: request.head, remoteAddress: nil).target
                guard let start = try? FeedStart(Query(target.query).text("since")) else {
                    return .reject(FeedStart.unreadable)
                }
                guard let follower = follower(start, request.eventLoop) else { return .reject(.upgradeRequired) }
                return .accept(subprotocol: EventSocket.subprotocol, handler: follower)
            }
            guard request.subprotocols.contains(subprotocol), request.head.headers["origin"].isEmpty else {
                return .reject(.upgradeRequired)
            }
            return .accept(subprotocol: subprotocol, handler: ControlCall(answer: answer))
        }
    }
}

/// One question of another process.
final class ControlCall: WebSocketHandler {
    private let connection = Mutex<WebSocketConnection?>(nil)
    private let answer: @Sendable (ControlRequest, ControlCall) -> Void

    init(answer: @escaping @Sendable (ControlRequest, ControlCall) -> Void) {
        self.answer = answer
    }

    /// Whether somebody still waits for the answer.
    var isOpen: Bool { connection.withLock { $0?.isOpen ?? false } }

    func opened(_ connection: WebSocketConnection) {
        self.connection.withLock { $0 = connection }
    }

    func received(message: ByteBuffer, isText: Bool) {
        guard let request = try? JSONDecoder().decode(ControlRequest.self, from: Data(message.readableBytesView)) else {
            return reply(.failed("the process that runs here does not know this question; is it of another version?"))
        }
        answer(request, self)
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        connection.withLock { $0 = nil }
    }

    func reply(_ reply: ControlReply) {
        guard let connection = connection.withLock(\.self), let bytes = try? JSONEncoder().encode(reply) else { return }
        connection.send(ByteBuffer(bytes: bytes), text: true, compress: false)
        connection.close()
    }
}
