import NIOCore
import NIOPosix
import NIOSSL
import Testing
import WebSocket

@testable import WebSocketNIO

@Suite(.timeLimit(.minutes(15))) struct TunnelTests {
    private static let granted = "HTTP/1.1 200 Connection established\r\n\r\n"

    private func refusal(
        by stub: StubProxy, tls: ClientTLS? = nil, configuration: WebSocketConfiguration = .client,
        recorder: Recorder = Recorder()
    ) async throws -> WebSocketClientError? {
        let proxy = try Proxy("127.0.0.1:\(stub.port)", variable: "ALL_PROXY")
        return await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(
                to: .host("hub.example", port: 7625), configuration: configuration, tls: tls, proxy: proxy,
                handler: recorder)
        }
    }

    private func echoServer(_ tls: ServerTLS?) async throws -> (server: WebSocketServer, port: Int) {
        let server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0), tls: tls) { _ in
            .accept(subprotocol: nil, handler: Recorder(echoes: true))
        }
        return (server, try #require(server.port))
    }

    // MARK: Inside

    @Test("A server is reached through a proxy by a name that only the proxy knows, with TLS and without")
    func passes() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["hub.example"])
        for tls in [nil, identity.pin] {
            let (server, port) = try await echoServer(tls == nil ? nil : ServerTLS(identity))
            let stub = try await StubProxy.bind(answer: Self.granted, onward: port)
            let recorder = Recorder()
            let connection = try await WebSocketClient.connect(
                to: .host("hub.example", port: 7625), tls: tls.map { .pin($0) },
                proxy: Proxy("http://a%20b:c@127.0.0.1:\(stub.port)", variable: "V"), handler: recorder)
            #expect(connection.serverPin == tls)
            let message = ByteBuffer(repeating: 7, count: 300_000)
            connection.send(message, compress: false)
            #expect(await recorder.message()?.bytes == message)
            #expect(
                stub.asked == [
                    "CONNECT hub.example:7625 HTTP/1.1\r\nHost: hub.example:7625\r\n"
                        + "Proxy-Authorization: Basic YSBiOmM=\r\n\r\n"
                ])
            connection.abort()
            try await stub.close()
            try await server.close()
        }
    }

    @Test("An IPv6 address is asked for in brackets")
    func brackets() async throws {
        let stub = try await StubProxy.bind(answer: "HTTP/1.1 403 No\r\n\r\n")
        let proxy = try Proxy("127.0.0.1:\(stub.port)", variable: "V")
        await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(to: .host("2001:db8::1", port: 80), proxy: proxy, handler: Recorder())
        }
        #expect(stub.asked.first?.hasPrefix("CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n") == true)
        try await stub.close()
    }

    @Test("TLS with the server runs inside TLS with the proxy, and the pin is the server's")
    func secureProxy() async throws {
        let authority = try TestAuthority()
        let door = try authority.identity(for: ["127.0.0.1"])
        let identity = try ServerIdentity.selfSigned(for: ["hub.example"])
        let (server, port) = try await echoServer(ServerTLS(identity))
        let stub = try await StubProxy.bind(answer: Self.granted, onward: port, tls: ServerTLS(door))
        let address = WebSocketClient.Address.host("hub.example", port: 7625)
        let tunnel = try Tunnel(
            through: Proxy("https://127.0.0.1:\(stub.port)", variable: "V"), to: address,
            authorities: .certificates([authority.root]))
        for tls in [ClientTLS.firstUse, .pin(identity.pin)] {
            let recorder = Recorder()
            let connection = try await WebSocketClient.connect(to: address, tls: tls, tunnel: tunnel, handler: recorder)
            #expect(connection.serverPin == identity.pin)
            connection.send(ByteBuffer(string: "hi"), compress: false)
            #expect(await recorder.message()?.bytes == ByteBuffer(string: "hi"))
            connection.close()
            #expect(await recorder.closing()?.code == .normalClosure)
        }
        // Another pin is the server's fault, with the server's certificate.
        let error = await #expect(throws: WebSocketClientError.self) {
            try await WebSocketClient.connect(
                to: address, tls: .pin(door.pin), tunnel: tunnel, handler: Recorder())
        }
        guard case .untrusted(_, identity.pin, door.pin) = error else {
            Issue.record("not a lack of trust: \(error as Any)")
            return
        }
        try await stub.close()
        try await server.close()
    }

    @Test("A proxy that is to speak TLS and cannot prove itself, or does not speak it, is told nothing")
    func distrust() async throws {
        for (tls, reason) in [
            (ServerTLS(try ServerIdentity.selfSigned(for: ["127.0.0.1"])), "it is self-signed"),
            (nil, "the server does not speak TLS"),
        ] {
            let stub = try await StubProxy.bind(answer: Self.granted, tls: tls, closes: true)
            // Whoever speaks no TLS has to say something, to be known for it.
            let listener = tls == nil ? try await chatterbox() : nil
            let port = listener?.localAddress?.port ?? stub.port
            let proxy = try Proxy("https://127.0.0.1:\(port)", variable: "ALL_PROXY")
            let error = await #expect(throws: WebSocketClientError.self) {
                try await WebSocketClient.connect(
                    to: .host("hub.example", port: 1), proxy: proxy, handler: Recorder())
            }
            guard case .proxy(let text) = error else {
                Issue.record("not the proxy's fault: \(error as Any)")
                return
            }
            #expect(text.hasPrefix("the proxy at https://127.0.0.1:\(port) (ALL_PROXY) cannot be used: "))
            #expect(text.contains(reason))
            #expect(stub.asked == [])
            try await listener?.close().get()
            try await stub.close()
        }
    }

    private func chatterbox() async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.execute {
                    channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"), promise: nil)
                }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    // MARK: Refusals

    @Test(
        "Whatever a proxy does instead is told as the proxy's doing",
        arguments: [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to connect to hub.example:7625: 403 Forbidden"),
            ("HTTP/1.1 407 No\r\nContent-Length: 9999\r\n\r\n", "wants a user name and password: 407 No"),
            ("\u{1}\u{2}garbage", "does not speak HTTP"),
            ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 1 << 20), "does not come to the point"),
        ])
    func refused(answer: String, expected: String) async throws {
        let stub = try await StubProxy.bind(answer: answer)
        let recorder = Recorder()
        guard case .proxy(let text) = try await refusal(by: stub, recorder: recorder) else {
            Issue.record("not the proxy's fault")
            return
        }
        #expect(text == "the proxy at 127.0.0.1:\(stub.port) (ALL_PROXY) \(expected)")
        #expect(recorder.timesClosed == 0)
        try await stub.close()
    }

    @Test("A proxy that hangs up, before its answer or within, is told apart from a server that does")
    func hangsUp() async throws {
        for (answer, isProxy) in [("HTTP/1.1 2", true), (Self.granted, false)] {
            let stub = try await StubProxy.bind(answer: answer, closes: true)
            let error = try await refusal(by: stub)
            let name = "the proxy at 127.0.0.1:\(stub.port) (ALL_PROXY)"
            switch error {
            case .proxy(let text):
                #expect(isProxy)
                // The kernel may have told it as a reset.
                #expect(text == "\(name) closed the connection without an answer" || text.contains("broke"))
            case .unreachable(let text, _):
                #expect(!isProxy)
                #expect(text.hasSuffix(" (through \(name))"))
            default: Issue.record("neither: \(error as Any)")
            }
            try await stub.close()
        }
    }

    @Test("A proxy that does not answer has the handshake's time, and so has the server behind it")
    func silent() async throws {
        var configuration = WebSocketConfiguration.client
        configuration.handshakeTimeout = .seconds(1)
        for answer in [nil, "HTTP/1.1 100 Continue\r\n\r\n"] {
            let stub = try await StubProxy.bind(answer: answer)
            guard case .proxy(let text) = try await refusal(by: stub, configuration: configuration) else {
                Issue.record("not the proxy's fault")
                return
            }
            #expect(text.hasSuffix("(ALL_PROXY) did not answer in time"))
            try await stub.close()
        }
        // On a slow machine the time may be up while the proxy has the word, so this one has more.
        configuration.handshakeTimeout = .seconds(3)
        let stub = try await StubProxy.bind(answer: Self.granted)
        let error = try await refusal(by: stub, configuration: configuration)
        #expect("\(error as Any)".contains("did not answer in time"))
        #expect("\(error as Any)".contains("the proxy at 127.0.0.1:\(stub.port) (ALL_PROXY)"))
        try await stub.close()
    }

    @Test("What comes right behind the proxy's answer is the server's")
    func early() async throws {
        let stub = try await StubProxy.bind(answer: Self.granted + "220 mail.example ESMTP\r\n")
        guard case .badUpgrade("it is not HTTP") = try await refusal(by: stub) else {
            Issue.record("not taken for the server's")
            return
        }
        guard case .badTLS("the server does not speak TLS") = try await refusal(by: stub, tls: .firstUse) else {
            Issue.record("not taken for the server's")
            return
        }
        try await stub.close()
    }

    @Test("A proxy that is not there is named")
    func unreachable() async throws {
        let nobodys = try NobodysPort()
        let place = "127.0.0.1:\(nobodys.port)"
        for (scheme, name) in [("http://", ""), ("https://", "https://"), ("socks5h://", "socks5://")] {
            let proxy = try Proxy(scheme + place, variable: "V")
            let error = await #expect(throws: WebSocketClientError.self) {
                try await WebSocketClient.connect(to: .host("hub.example", port: 1), proxy: proxy, handler: Recorder())
            }
            guard case .proxy("the proxy at \(name)\(place) (V) cannot be reached: Connection refused") = error else {
                Issue.record("not the proxy's fault: \(error as Any)")
                return
            }
        }
    }

    @Test("A name that cannot be a part of the request is not asked for")
    func name() async throws {
        let stub = try await StubProxy.bind(answer: Self.granted)
        let proxy = try Proxy("127.0.0.1:\(stub.port)", variable: "V")
        for host in ["a b", "a\r\nX: y", String(repeating: "a", count: 256)] {
            let error = await #expect(throws: WebSocketClientError.self) {
                try await WebSocketClient.connect(to: .host(host, port: 1), proxy: proxy, handler: Recorder())
            }
            guard case .proxy = error else {
                Issue.record("asked for")
                return
            }
        }
        #expect(stub.asked == [])
        try await stub.close()
    }
}
