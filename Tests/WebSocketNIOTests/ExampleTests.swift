import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import WebSocket
import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sends each message back to whoever sent it.
final class Echo: WebSocketHandler {
    private let connection = Mutex<WebSocketConnection?>(nil)

    func opened(_ connection: WebSocketConnection) {
        self.connection.withLock { $0 = connection }
    }

    func received(message: ByteBuffer, isText: Bool) {
        connection.withLock { $0 }?.send(message, text: isText, compress: Deflater.wouldShrink(message))
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        connection.withLock { $0 = nil }
    }
}

func serveEchoes() async throws -> WebSocketServer {
    try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0)) { request in
        guard request.path == "/echo" else {
            return .reject(HTTPAnswer(status: .notFound, text: "Echoes are at /echo."))
        }
        return .accept(subprotocol: nil, handler: Echo())
    }
}

/// Gives the first message that comes.
final class FirstMessage: WebSocketHandler {
    let (messages, continuation) = AsyncStream<String>.makeStream()

    func opened(_ connection: WebSocketConnection) {
        connection.send(ByteBuffer(string: "hello"), text: true, compress: false)
    }

    func received(message: ByteBuffer, isText: Bool) {
        continuation.yield(String(buffer: message))
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        continuation.finish()
    }
}

func firstEcho(from server: WebSocketServer) async throws -> String? {
    let handler = FirstMessage()
    let connection = try await WebSocketClient.connect(
        to: .host("127.0.0.1", port: server.port ?? 0), path: "/echo", handler: handler)
    defer { connection.close() }
    return await handler.messages.first { _ in true }
}

@Suite struct ExampleTests {
    @Test("The documentation's server answers its client")
    func example() async throws {
        let server = try await serveEchoes()
        #expect(try await firstEcho(from: server) == "hello")
        try await server.close()
    }

    @Test("The documentation has this file's code, to the letter")
    func documentation() throws {
        let top = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let article = try String(
            contentsOfFile: "\(top)/Sources/WebSocketNIO/WebSocketNIO.docc/WebSocketNIO.md", encoding: .utf8)
        let code = try String(contentsOfFile: #filePath, encoding: .utf8)
        let blocks = article.split(separator: "```").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        #expect(blocks.count == 2)
        for block in blocks { #expect(code.contains(block.dropFirst("swift\n".count))) }
    }
}
