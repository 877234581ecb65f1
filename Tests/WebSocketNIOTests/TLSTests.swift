import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Testing
import WebSocket

@testable import WebSocketNIO

@Suite(.timeLimit(.minutes(15))) struct TLSTests {
    private func echoServer(
        _ tls: ServerTLS?, _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
        recorder: Recorder? = nil
    ) async throws -> (server: WebSocketServer, port: Int) {
        let server = try await WebSocketServer.bind(
            to: .host("127.0.0.1", port: 0), configuration: configuration, tls: tls
        ) { _ in
            .accept(subprotocol: nil, handler: recorder ?? Recorder(echoes: true))
        }
        return (server, try #require(server.port))
    }

    private func refusal(
        port: Int, host: String = "127.0.0.1", tls: ClientTLS?, configuration: WebSocketConfiguration = .client,
        handler: Recorder = Recorder()
    ) async -> WebSocketClientError? {
        await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(
                to: .host(host, port: port), configuration: configuration, tls: tls, handler: handler)
        }
    }

    private func expectEcho(_ text: String, _ connection: WebSocketConnection, _ recorder: Recorder) async {
        connection.send(ByteBuffer(string: text), compress: true)
        #expect(await recorder.message()?.bytes == ByteBuffer(string: text))
    }

    // MARK: Connections

    @Test("Messages come back as they went, up to 8 MiB, from a server known by its pin")
    func echo() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["hub.example"])
        let (server, port) = try await echoServer(ServerTLS(identity))
        for deflate in [nil, DeflateSettings()] {
            let recorder = Recorder()
            let connection = try await WebSocketClient.connect(
                to: .host("127.0.0.1", port: port), configuration: WebSocketConfiguration(deflate: deflate),
                tls: .pin(identity.pin), handler: recorder)
            #expect(connection.serverPin == identity.pin)
            for size in [0, 1, 125, 16_384, 70_000, 8 << 20] {
                let message = ByteBuffer(
                    bytes: (0..<size).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7) })
                connection.send(message, compress: true)
                #expect(await recorder.message()?.bytes == message)
            }
            connection.abort()
            #expect(await recorder.closing()?.error as? WebSocketConnectionError == .aborted)
        }
        try await server.close()
    }

    @Test("A host name is asked for and does not matter to a pin")
    func name() async throws {
        let identity = try ServerIdentity.selfSigned(for: [])
        let (server, port) = try await echoServer(ServerTLS(identity))
        let recorder = Recorder()
        let connection = try await WebSocketClient.connect(
            to: .host("localhost", port: port), tls: .pin(identity.pin), handler: recorder)
        await expectEcho("hi", connection, recorder)
        connection.abort()
        try await server.close()
    }

    @Test("On first use any certificate will do, and the caller learns which it was")
    func firstUse() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        let (server, port) = try await echoServer(ServerTLS(identity))
        let recorder = Recorder()
        let connection = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), tls: .firstUse, handler: recorder)
        #expect(connection.serverPin == identity.pin)
        #expect(await recorder.opening()?.serverPin == identity.pin)
        connection.abort()
        try await server.close()
    }

    @Test("A replaced identity meets new clients, and old connections live on")
    func replaced() async throws {
        let old = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        let new = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        #expect(old.pin != new.pin)
        let tls = ServerTLS(old)
        let (server, port) = try await echoServer(tls)
        let (first, second) = (Recorder(), Recorder())
        let before = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), tls: .pin(old.pin), handler: first)
        tls.replace(new)
        #expect(tls.identity.pin == new.pin)
        await expectEcho("still here", before, first)
        let after = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), tls: .pin(new.pin), handler: second)
        await expectEcho("here too", after, second)
        guard case .untrusted(_, new.pin, old.pin) = await refusal(port: port, tls: .pin(old.pin)) else {
            Issue.record("the old pin is still good")
            return
        }
        before.abort()
        after.abort()
        try await server.close()
    }

    // MARK: Closing

    @Test("The closing handshake ends both sides, whoever starts it", arguments: [Role.client, .server])
    func closing(starter: Role) async throws {
        let identity = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        let (serverSide, clientSide) = (Recorder(), Recorder())
        let (server, port) = try await echoServer(ServerTLS(identity), recorder: serverSide)
        let client = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), tls: .pin(identity.pin), handler: clientSide)
        let accepted = try #require(await serverSide.opening())
        (starter == .client ? client : accepted).close(code: CloseCode(rawValue: 4321))
        for recorder in [serverSide, clientSide] {
            let closing = try #require(await recorder.closing())
            #expect(closing.code == CloseCode(rawValue: 4321))
            #expect(closing.error == nil)
        }
        try await server.close()
    }

    @Test("A client that breaks a rule reads the close frame before the end")
    func failed() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        let serverSide = Recorder()
        let (server, port) = try await echoServer(ServerTLS(identity), recorder: serverSide)
        let client = try await RawTLSClient.connect(port: port)
        try await client.send(Array(upgradeHead.utf8))
        _ = try #require(await serverSide.opening())
        // Reserved bits, and much behind them that is not read.
        try await client.send(clientFrame(0xF2) + [UInt8](repeating: 0, count: 300_000))
        let answer = await client.read()
        #expect(answer.suffix(64).firstRange(of: [0x03, 0xEA]) != nil)
        #expect(await serverSide.closing()?.code == .protocolError)
        await client.close()
        try await server.close()
    }

    @Test("TCP that ends without a goodbye is a lost connection")
    func lost() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        let (serverSide, clientSide) = (Recorder(), Recorder())
        let (server, port) = try await echoServer(ServerTLS(identity), recorder: serverSide)
        let client = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), tls: .firstUse, handler: clientSide)
        _ = try #require(await serverSide.opening())
        client.abort()
        #expect(await serverSide.closing()?.error as? WebSocketConnectionError == .lost)
        #expect(await clientSide.closing()?.error as? WebSocketConnectionError == .aborted)
        try await server.close()
    }

    @Test("A reader that never reads is dropped when its bytes pass the bound")
    func neverReads() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        var configuration = WebSocketConfiguration()
        configuration.maxBufferedBytes = 1 << 20
        let serverSide = Recorder()
        let (server, port) = try await echoServer(ServerTLS(identity), configuration, recorder: serverSide)
        let client = try await RawTLSClient.connect(port: port)
        try await client.send(Array(upgradeHead.utf8))
        let accepted = try #require(await serverSide.opening())
        try await client.deafen()
        let message = ByteBuffer(repeating: 7, count: 100_000)
        while accepted.isOpen, serverSide.ending == nil {
            accepted.send(message, compress: false)
            try await accepted.eventLoop.submit {}.get()
        }
        #expect(await serverSide.closing()?.error as? WebSocketConnectionError == .readerTooSlow)
        #expect(accepted.bufferedBytes == 0)
        await client.close()
        try await server.close()
    }

    // MARK: Refusals

    @Test("Another certificate than the one pinned is refused, with both pins, and nothing is said to it")
    func wrongPin() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        let other = try ServerIdentity.selfSigned(for: ["127.0.0.1"])
        let (serverSide, clientSide) = (Recorder(), Recorder())
        let (server, port) = try await echoServer(ServerTLS(identity), recorder: serverSide)
        let error = await refusal(port: port, tls: .pin(other.pin), handler: clientSide)
        guard case .untrusted(_, let seen, let expected) = error else {
            Issue.record("not a lack of trust: \(error as Any)")
            return
        }
        #expect(seen == identity.pin)
        #expect(expected == other.pin)
        #expect("\(error as Any)".contains("\(identity.pin), and \(other.pin) was expected"))
        // The same server serves the next client, and that is the first that its handler hears of.
        let connection = try await WebSocketClient.connect(
            to: .host("127.0.0.1", port: port), tls: .pin(identity.pin), handler: Recorder { $0.close() })
        #expect(await serverSide.closing()?.code == .normalClosure)
        #expect(serverSide.timesClosed == 1)
        #expect(clientSide.timesClosed == 0)
        connection.abort()
        try await server.close()
    }

    @Test("The system's trust does not extend to a self-signed certificate", arguments: ["127.0.0.1", "localhost"])
    func selfSigned(host: String) async throws {
        let identity = try ServerIdentity.selfSigned(for: ["127.0.0.1", "localhost"])
        let (server, port) = try await echoServer(ServerTLS(identity))
        let error = await refusal(port: port, host: host, tls: .systemTrust)
        guard case .untrusted("it is self-signed", identity.pin, nil) = error else {
            Issue.record("not a lack of trust: \(error as Any)")
            return
        }
        try await server.close()
    }

    @Test("A client without TLS is told that the server wants it")
    func plainClient() async throws {
        let (server, port) = try await echoServer(ServerTLS(ServerIdentity.selfSigned(for: [])))
        let error = await refusal(port: port, tls: nil)
        guard case .refused(.badRequest, _, "This server speaks TLS: use wss:// or https://.") = error else {
            Issue.record("no clear word: \(error as Any)")
            return
        }
        try await server.close()
    }

    @Test("A server without TLS is told apart from one that is not there")
    func plainServer() async throws {
        let (server, port) = try await echoServer(nil)
        let error = await refusal(port: port, tls: .firstUse)
        guard case .badTLS("the server does not speak TLS") = error else {
            Issue.record("no clear word: \(error as Any)")
            return
        }
        try await server.close()
    }

    @Test("A server that hangs up during the handshake may be tried again")
    func hangsUp() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.scheduleTask(in: .milliseconds(20)) { channel.close(promise: nil) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let error = await refusal(port: try #require(listener.localAddress?.port), tls: .firstUse)
        guard case .unreachable = error else {
            Issue.record("not unreachable: \(error as Any)")
            return
        }
        try await listener.close().get()
    }

    @Test("A client that never finishes the TLS handshake is dropped when its time is up")
    func slowHandshake() async throws {
        var configuration = WebSocketConfiguration()
        configuration.handshakeTimeout = .milliseconds(300)
        let (server, port) = try await echoServer(ServerTLS(ServerIdentity.selfSigned(for: [])), configuration)
        let silent = try await RawClient.connect(port: port)
        let slow = try await RawClient.connect(port: port)
        // The head of a ClientHello of 512 bytes that does not come. On a slow machine its time may be up before.
        try? await slow.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
        #expect(await silent.read() == [])
        #expect(await slow.read() == [])
        try await server.close()
    }

    @Test("A server that never answers the TLS handshake is given up on")
    func silentServer() async throws {
        let listener = try await silentListener()
        var configuration = WebSocketConfiguration.client
        configuration.handshakeTimeout = .milliseconds(300)
        let port = try #require(listener.localAddress?.port)
        let error = await refusal(port: port, tls: .firstUse, configuration: configuration)
        switch error {
        // A machine that is slow enough lets TCP's own handshake take the time.
        case .timedOut: break
        case .unreachable(let reason, _) where reason.contains("timed out"): break
        default: Issue.record("not timed out: \(error as Any)")
        }
        try await listener.close().get()
    }

    @Test("TLS 1.1 is refused and 1.2 is not", arguments: [TLSVersion.tlsv1, .tlsv11, .tlsv12, .tlsv13])
    func versions(version: TLSVersion) async throws {
        let serverSide = Recorder()
        let (server, port) = try await echoServer(
            ServerTLS(ServerIdentity.selfSigned(for: [])), recorder: serverSide)
        let client = try await RawTLSClient.connect(port: port, only: version)
        let isNew = version == .tlsv12 || version == .tlsv13
        if isNew {
            try await client.send(Array(upgradeHead.utf8))
            #expect(await serverSide.opening() != nil)
        } else {
            #expect(await client.read() == [])
            #expect(client.failure?.contains("PROTOCOL_VERSION") == true)
        }
        await client.close()
        try await server.close()
    }
}
