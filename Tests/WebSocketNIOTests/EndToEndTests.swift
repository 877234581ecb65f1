import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import WebSocket

@testable import WebSocketNIO

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

#if canImport(Glibc)
private let streamSocket = Int32(SOCK_STREAM.rawValue)
#else
private let streamSocket = SOCK_STREAM
#endif

@Suite(.timeLimit(.minutes(15))) struct EndToEndTests {
    private func echoServer(
        _ configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) async throws -> (server: WebSocketServer, port: Int) {
        let server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0), configuration: configuration) {
            .accept(subprotocol: $0.subprotocols.first, handler: Recorder(echoes: true))
        }
        return (server, try #require(server.port))
    }

    @Test("Messages of all sizes come back as they went, compressed or not", arguments: [true, false])
    func echo(isCompressed: Bool) async throws {
        let (server, port) = try await echoServer()
        let recorder = Recorder()
        var configuration = WebSocketConfiguration.client
        if !isCompressed { configuration.deflate = nil }
        let connection = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), path: "/a?b", subprotocols: ["x.1", "y.1"],
            configuration: configuration, handler: recorder)
        #expect(connection.subprotocol == "x.1")
        #expect(connection.isCompressed == isCompressed)
        for size in [0, 1, 125, 126, 70_000, 3_000_000] {
            let message = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 / 3) })
            connection.send(message, compress: true)
            let answer = try #require(await recorder.message())
            #expect(answer.bytes == message && !answer.isText)
        }
        connection.send(ByteBuffer(string: "text, żółć"), text: true, compress: true)
        let answer = try #require(await recorder.message())
        #expect(answer.bytes == ByteBuffer(string: "text, żółć") && answer.isText)
        connection.close(code: CloseCode(rawValue: 4321), reason: "done")
        let closing = try #require(await recorder.closing())
        #expect(closing.code == CloseCode(rawValue: 4321))
        #expect(closing.error == nil)
        #expect(!connection.isOpen)
        #expect(recorder.timesClosed == 1)
        try await server.close()
    }

    @Test("Many messages from another thread arrive in order, and the account returns to nothing")
    func order() async throws {
        let (server, port) = try await echoServer()
        let recorder = Recorder()
        let connection = try await WebSocketClient.connect(to: .host("127.0.0.1", port: port), handler: recorder)
        for number in 0..<2000 {
            connection.send(ByteBuffer(integer: UInt32(number)), compress: number % 2 == 0)
        }
        for number in 0..<2000 {
            let message = try #require(await recorder.message())
            #expect(message.bytes == ByteBuffer(integer: UInt32(number)))
        }
        #expect(connection.bufferedBytes == 0)
        connection.abort()
        let closing = try #require(await recorder.closing())
        #expect(closing.error as? WebSocketConnectionError == .aborted)
        try await server.close()
    }

    @Test("What the server sends on opening reaches the client, though it travels right behind the 101")
    func firstWords() async throws {
        let server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0)) { _ in
            .accept(subprotocol: nil, handler: Recorder { $0.send(ByteBuffer(string: "welcome"), compress: false) })
        }
        let recorder = Recorder { $0.send(ByteBuffer(string: "hello"), compress: false) }
        let connection = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: try #require(server.port)), handler: recorder)
        #expect(await recorder.message()?.bytes == ByteBuffer(string: "welcome"))
        connection.abort()
        try await server.close()
    }

    @Test("One prepared message reaches clients with different agreements")
    func prepared() async throws {
        let (connections, continuation) = AsyncStream<WebSocketConnection>.makeStream()
        let server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0)) { _ in
            .accept(subprotocol: nil, handler: Recorder { continuation.yield($0) })
        }
        let port = try #require(server.port)
        let settings: [DeflateSettings?] = [nil, DeflateSettings(), DeflateSettings(serverMaxWindowBits: 9)]
        var recorders: [Recorder] = []
        for deflate in settings {
            let recorder = Recorder()
            _ = try await WebSocketClient.connect(
                to: .host("127.0.0.1", port: port), configuration: WebSocketConfiguration(deflate: deflate),
                handler: recorder)
            recorders.append(recorder)
        }
        var iterator = connections.makeAsyncIterator()
        var accepted: [WebSocketConnection] = []
        for _ in settings { accepted.append(try #require(await iterator.next())) }
        #expect(Set(accepted.map { $0.deflateAgreement?.serverMaxWindowBits }) == [nil, 15, 9])

        let preparer = MessagePreparer()
        for size in [10, 5000, 1_000_000] {
            let message = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 / 100) })
            let prepared = preparer.prepare(message, compress: true)
            WebSocketConnection.send(prepared, to: accepted)
            for connection in accepted {
                // Messages of its own between prepared ones must not disturb them.
                connection.send(ByteBuffer(string: "between"), compress: true)
            }
            for recorder in recorders {
                #expect(await recorder.message()?.bytes == message)
                #expect(await recorder.message()?.bytes == ByteBuffer(string: "between"))
            }
        }
        for connection in accepted { connection.close(code: .goingAway) }
        for recorder in recorders { #expect(await recorder.closing()?.code == .goingAway) }
        try await server.close()
    }

    @Test("A rejected client learns the status and the reason's first line")
    func rejected() async throws {
        let server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0)) { _ in
            .reject(HTTPAnswer(status: .forbidden, headers: ["x-why": "no"], text: "Not you.\nNor your friends."))
        }
        let port = try #require(server.port)
        let error = await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(to: .host("127.0.0.1", port: port), handler: Recorder())
        }
        guard case .refused(.forbidden, let headers, "Not you.") = error else {
            Issue.record("not a refusal: \(error as Any)")
            return
        }
        #expect(headers["x-why"] == ["no"])
        try await server.close()
    }

    @Test("Nobody there is told apart from somebody else there")
    func unreachable() async throws {
        // Bound, so that nobody else gets the port, and not listening.
        let taken = socket(AF_INET, streamSocket, 0)
        defer { _ = close(taken) }
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        try #require(address.withSockAddr { bind(taken, $0, socklen_t($1)) } == 0)
        // A sockaddr_in has its port in its third and fourth byte.
        var name = [UInt8](repeating: 0, count: 16)
        var length = socklen_t(name.count)
        let isNamed = name.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { getsockname(taken, $0.assumingMemoryBound(to: sockaddr.self), &length) == 0 }
        }
        try #require(isNamed == true)
        let port = Int(name[2]) << 8 | Int(name[3])
        let error = await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(to: .host("127.0.0.1", port: port), handler: Recorder())
        }
        guard case .unreachable(let reason, .some) = error else {
            Issue.record("not unreachable: \(error as Any)")
            return
        }
        #expect(reason.contains("refused"))
    }

    @Test(
        "A 101 that is not to the letter is refused",
        arguments: [
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
            "HTTP/1.1 101 X\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n",
            "HTTP/1.1 101 X\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        ])
    func badUpgrade(answer: String) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Parrot(answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        let error = await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(to: .host("127.0.0.1", port: port), handler: Recorder())
        }
        guard case .badUpgrade = error else {
            Issue.record("not a bad upgrade: \(error as Any)")
            return
        }
        try await listener.close().get()
    }

    @Test("It works over a Unix socket")
    func unixSocket() async throws {
        let path = "/tmp/websocket-\(UInt64.random(in: 0 ... .max))"
        let server = try await WebSocketServer.bind(to: .unixSocket(path: path)) { _ in
            .accept(subprotocol: nil, handler: Recorder(echoes: true))
        }
        let recorder = Recorder()
        let connection = try await WebSocketClient.connect(to: .unixSocket(path: path), handler: recorder)
        connection.send(ByteBuffer(string: "hi"), compress: false)
        #expect(await recorder.message()?.bytes == ByteBuffer(string: "hi"))
        connection.abort()
        try await server.close()
    }
}

/// Says one thing to whatever it hears.
private final class Parrot: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String

    init(answer: String) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
    }
}
