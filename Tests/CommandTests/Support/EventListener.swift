import NIOCore
import NIOHTTP1
import Synchronization
import WebSocket
import WebSocketNIO

/// Follows a hub over a WebSocket, as a browser does.
final class EventListener: WebSocketHandler {
    private struct Heard {
        var lines: [String] = []
        var isOver = false
        var code: CloseCode?
    }

    private let heard = Mutex(Heard())
    private let connection = Mutex<WebSocketConnection?>(nil)

    private init() {}

    /// - Parameters:
    ///   - target: What is asked for: a path, and a query if need be.
    ///   - token: What a browser would offer it in.
    static func follow(
        port: Int, _ target: String = "/events", token: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> EventListener {
        let listener = EventListener()
        let offers = ["nosocks.events.1"] + (token.map { ["nosocks.token.\($0)"] } ?? [])
        let connection = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), path: target, subprotocols: offers, headers: headers, handler: listener)
        listener.connection.withLock { $0 = connection }
        return listener
    }

    /// The status with which a hub refuses a follower; 101 if it does not.
    static func refusal(
        port: Int, _ target: String = "/events", token: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Int {
        do {
            try await follow(port: port, target, token: token, headers: headers).close()
            return 101
        } catch WebSocketClientError.refused(let status, _, _) {
            return Int(status.code)
        }
    }

    var lines: [String] { heard.withLock(\.lines) }

    /// The subprotocol that the hub agreed to.
    var subprotocol: String? { connection.withLock { $0?.subprotocol } }

    /// Waits for a line that has all of these words.
    @discardableResult
    func hears(_ words: String...) async throws -> String {
        func found() -> String? { lines.first { line in words.allSatisfy { line.contains($0) } } }
        try await eventually("\(words)", state: { lines.suffix(5).joined(separator: "\n") }) { found() != nil }
        return found() ?? ""
    }

    /// Waits for the end: the hub's close code.
    func closing() async throws -> UInt16? {
        try await eventually("the end of the events") { heard.withLock(\.isOver) }
        return heard.withLock { $0.code?.rawValue }
    }

    func say(_ text: String) {
        connection.withLock { $0?.send(ByteBuffer(string: text), text: true, compress: false) }
    }

    func close() { connection.withLock { $0?.close() } }

    func opened(_ connection: WebSocketConnection) {}

    func received(message: ByteBuffer, isText: Bool) {
        heard.withLock { $0.lines.append((isText ? "" : "binary: ") + String(buffer: message)) }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        heard.withLock { heard in
            heard.isOver = true
            heard.code = code
        }
    }
}
