import NIOCore
import NIOEmbedded
import WebSocket

@testable import WebSocketNIO

/// Takes what comes.
private struct Listener: WebSocketHandler {
    func opened(_ connection: WebSocketConnection) {
        connection.send(ByteBuffer(string: "hello"), text: true, compress: true)
    }

    func received(message: ByteBuffer, isText: Bool) {}

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {}
}

extension Parser {
    /// The first byte says how the rest is cut. What it has after an upgrade are frames.
    func eatHead(_ input: [UInt8]) throws {
        guard let size = input.first else { return }
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let rules = ServerRules(
            WebSocketConfiguration(), tls: nil, answer: { _ in .upgradeRequired },
            decide: { .accept(subprotocol: $0.subprotocols.first, handler: Listener()) })
        try rules.setUp(channel)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        for piece in pieces(input.dropFirst(), of: Int(size % 64)) where channel.isActive {
            // A failure that reached the end of the pipeline has been dealt with on its way.
            _ = try? channel.writeInbound(piece)
        }
        var answer: [UInt8] = []
        while let written = try? channel.readOutbound(as: ByteBuffer.self) {
            answer += Array(written.readableBytesView)
        }
        try demand(answer.isEmpty || answer.starts(with: "HTTP/1.".utf8), "an answer that is not HTTP: \(answer)")
        let isUpgraded = (try? channel.pipeline.syncOperations.handler(type: ConnectionHandler.self)) != nil
        try demand(!isUpgraded || answer.count > 12, "an upgrade without an answer")
    }

    func headSeeds() -> [[UInt8]] {
        let upgrade = """
            GET /nosocks HTTP/1.1\r\nHost: localhost:7777\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Protocol: nosocks.1, other\r\n\
            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n
            """
        let plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let body = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        let frames: [UInt8] = [0x81, 0x83, 1, 2, 3, 4, 0x60, 0x60, 0x60, 0x88, 0x80, 0, 0, 0, 0]
        return [
            [0] + Array(upgrade.utf8), [7] + Array(upgrade.utf8) + frames, [0] + Array((plain + upgrade).utf8),
            [0] + Array((body + plain).utf8), [1] + Array("HEAD * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".utf8),
            [0] + Array("CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".utf8),
        ]
    }
}
