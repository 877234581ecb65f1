import NIOCore
import NIOHTTP1
import Testing
import WebSocket

@testable import WebSocketNIO

@Suite(.timeLimit(.minutes(15))) struct HostileInputTests {
    /// A server whose one accepted connection is told to `recorder`.
    private func server(
        _ recorder: Recorder, _ configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) async throws -> (server: WebSocketServer, port: Int) {
        let server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0), configuration: configuration) {
            _ in .accept(subprotocol: nil, handler: recorder)
        }
        return (server, try #require(server.port))
    }

    struct Request: CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let status: String
    }

    private static func changed(_ from: String, _ to: String) -> String {
        let parts = upgradeHead.split(separator: from, maxSplits: 1, omittingEmptySubsequences: false)
        return parts.joined(separator: to)
    }

    static let requests: [Request] = [
        Request(testDescription: "no Host", text: changed("Host: localhost\r\n", ""), status: "400"),
        Request(
            testDescription: "two Hosts", text: changed("Host: localhost\r\n", "Host: a\r\nHost: b\r\n"), status: "400"),
        Request(testDescription: "an empty Host", text: changed("Host: localhost", "Host:"), status: "400"),
        Request(testDescription: "a bad Host", text: changed("Host: localhost", "Host: a b/c@d"), status: "400"),
        Request(testDescription: "no Upgrade", text: changed("Upgrade: websocket\r\n", ""), status: "426"),
        Request(
            testDescription: "no Connection", text: changed("Connection: keep-alive, Upgrade\r\n", ""), status: "400"),
        Request(
            testDescription: "no Key", text: changed("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
            status: "400"),
        Request(testDescription: "a short Key", text: changed("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), status: "400"),
        Request(testDescription: "version 8", text: changed("Version: 13", "Version: 8"), status: "426"),
        Request(testDescription: "no version", text: changed("Sec-WebSocket-Version: 13\r\n", ""), status: "426"),
        Request(testDescription: "a POST", text: changed("GET", "POST"), status: "405"),
        Request(testDescription: "HTTP/1.0", text: changed("HTTP/1.1", "HTTP/1.0"), status: "400"),
        Request(
            testDescription: "a body", text: changed("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nabc"), status: "400"),
        Request(
            testDescription: "another protocol", text: changed("Upgrade: websocket", "Upgrade: h2c"), status: "426"),
        Request(testDescription: "garbage", text: "\u{1}\u{2}\u{3} nonsense\r\n\r\n", status: "400"),
        Request(
            testDescription: "a long header",
            text: changed("\r\n\r\n", "\r\nX: \(String(repeating: "a", count: 17_000))\r\n\r\n"),
            status: "431"),
        Request(
            testDescription: "a long path", text: changed("/chat", "/" + String(repeating: "a", count: 30_000)),
            status: "431"),
        Request(
            testDescription: "many headers",
            text: changed("\r\n\r\n", "\r\n" + String(repeating: "X: a\r\n", count: 101) + "\r\n"), status: "431"),
    ]

    @Test("A request that cannot be granted gets an HTTP answer and the end of the connection", arguments: requests)
    func badRequest(_ request: Request) async throws {
        let recorder = Recorder()
        let (server, port) = try await server(recorder)
        let client = try await RawClient.connect(port: port)
        try await client.send(request.text)
        let answer = await client.readAll()
        #expect(answer.hasPrefix("HTTP/1.1 \(request.status) "), "\(answer)")
        try await server.close()
    }

    @Test("Plain requests are answered one after another, HEAD without a body, and then an upgrade still works")
    func plainRequests() async throws {
        let server = try await WebSocketServer.bind(
            to: .host("127.0.0.1", port: 0),
            answer: {
                .answer(HTTPAnswer(status: $0.head.uri == "/known" ? .ok : .notFound, body: ByteBuffer(string: "body")))
            },
            decide: { _ in .accept(subprotocol: nil, handler: Recorder(echoes: true)) })
        let client = try await RawClient.connect(port: try #require(server.port))
        try await client.send("GET /known HTTP/1.1\r\nHost: a\r\n\r\nHEAD /other HTTP/1.1\r\nHost: a\r\n\r\n")
        let both = await client.read {
            String(decoding: $0, as: UTF8.self).contains("404 Not Found\r\ncontent-length: 4\r\n\r\n")
        }
        #expect(
            String(decoding: both, as: UTF8.self).hasPrefix(
                "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbodyHTTP/1.1 404"))
        // Bytes right behind the upgrade belong to the WebSocket.
        try await client.send(Array(upgradeHead.utf8) + clientFrame(0x81, Array("early".utf8)))
        let echo: [UInt8] = [0x81, 5] + Array("early".utf8)
        let rest = await client.read { $0.suffix(echo.count) == echo[...] }
        #expect(String(decoding: rest, as: UTF8.self).hasPrefix("HTTP/1.1 101 "))
        await client.close()
        try await server.close()
    }

    @Test("A handshake that does not come is dropped at its deadline")
    func slowHandshake() async throws {
        var configuration = WebSocketConfiguration()
        configuration.handshakeTimeout = .milliseconds(50)
        let (server, port) = try await server(Recorder(), configuration)
        let client = try await RawClient.connect(port: port)
        // A slow machine may see the deadline before it gets here.
        try? await client.send("GET / HTTP/1.1\r\nHost: ")
        #expect(await client.readAll() == "")
        try await server.close()
    }

    struct Offence: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let code: CloseCode
    }

    static let offences: [Offence] = [
        Offence(testDescription: "an unmasked frame", bytes: [0x81, 1, 0x61], code: .protocolError),
        Offence(testDescription: "garbage", bytes: Array("this is no frame".utf8), code: .protocolError),
        Offence(
            testDescription: "an absurd length", bytes: [0x82, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
            code: .messageTooBig),
        Offence(testDescription: "bad text", bytes: clientFrame(0x81, [0xFF]), code: .invalidPayload),
    ]

    @Test("A broken rule gets what was sent before, the close code, and the end of the connection", arguments: offences)
    func offence(_ offence: Offence) async throws {
        let recorder = Recorder(echoes: true)
        let (server, port) = try await server(recorder)
        let client = try await RawClient.connect(port: port)
        try await client.send(upgradeHead)
        #expect(await client.readHead().hasPrefix("HTTP/1.1 101 "))
        try await client.send(clientFrame(0x82, [7]) + offence.bytes)
        let answer = await client.read()
        #expect(answer.prefix(3) == [0x82, 1, 7])
        #expect(answer.dropFirst(3).first == 0x88)
        #expect(
            answer.dropFirst(5).prefix(2).elementsEqual([
                UInt8(offence.code.rawValue >> 8), UInt8(offence.code.rawValue & 0xFF),
            ]))
        let closing = try #require(await recorder.closing())
        #expect(closing.code == offence.code)
        #expect((closing.error as? ProtocolError)?.closeCode == offence.code)
        #expect(recorder.timesClosed == 1)
        try await server.close()
    }

    @Test("A reader that never reads is dropped once its bytes pass the bound")
    func neverReads() async throws {
        var configuration = WebSocketConfiguration()
        configuration.maxBufferedBytes = 4 << 20
        let recorder = Recorder { connection in
            let piece = ByteBuffer(repeating: 1, count: 64 << 10)
            for _ in 0..<1000 { connection.send(piece, compress: false) }
        }
        let (server, port) = try await server(recorder, configuration)
        let client = try await RawClient.connect(port: port, reads: false)
        try await client.send(upgradeHead)
        let closing = try #require(await recorder.closing())
        #expect(closing.error as? WebSocketConnectionError == .readerTooSlow)
        await client.close()
        try await server.close()
    }

    @Test("A flood of pings that the sender never reads the answers to ends the same way")
    func pingFlood() async throws {
        var configuration = WebSocketConfiguration()
        configuration.maxBufferedBytes = 1 << 20
        configuration.pingInterval = .milliseconds(50)
        configuration.stallInterval = .milliseconds(200)
        let recorder = Recorder()
        let (server, port) = try await server(recorder, configuration)
        let client = try await RawClient.connect(port: port, reads: false)
        try await client.send(upgradeHead)
        let flood = Array(repeatElement(clientFrame(0x89, [UInt8](repeating: 0, count: 125)), count: 4000).joined())
        let sending = Task { while !Task.isCancelled { try await client.send(flood) } }
        let closing = try #require(await recorder.closing())
        #expect(closing.error as? WebSocketConnectionError == .readerTooSlow)
        sending.cancel()
        _ = await sending.result
        try await server.close()
    }

    @Test("Of too many connections that are no WebSockets yet, the oldest of that address goes, and WebSockets stay")
    func connectFlood() async throws {
        var configuration = WebSocketConfiguration()
        configuration.maxHandshakesPerAddress = 3
        // However slow the machine is, nothing else takes a connection away.
        configuration.handshakeTimeout = .minutes(10)
        configuration.deadInterval = .minutes(10)
        let recorder = Recorder(echoes: true)
        let (server, port) = try await server(recorder, configuration)
        let member = try await RawClient.connect(port: port)
        try await member.send(upgradeHead)
        _ = await member.readHead()

        var waiting: [RawClient] = []
        for _ in 0..<3 {
            let client = try await RawClient.connect(port: port)
            // It is known to the server before the next one comes, which may be on another event loop.
            try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = await client.readHead()
            waiting.append(client)
        }
        for number in 0..<3 {
            let late = try await RawClient.connect(port: port)
            #expect(await waiting[number].readAll() == "", "the oldest was dropped")
            try await late.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await late.readHead().hasPrefix("HTTP/1.1 426 "))
            waiting.append(late)
        }
        try await member.send(clientFrame(0x82, [1]))
        // On a busy machine it was pinged meanwhile.
        #expect(await member.read { $0.suffix(3) == [0x82, 1, 1] }.suffix(3) == [0x82, 1, 1])
        try await server.close()
    }

    @Test("Endless fragments are 1009 at the bound, and empty ones cost nothing but their time")
    func endlessFragments() async throws {
        var configuration = WebSocketConfiguration()
        configuration.limits = Limits(maxFrameSize: 1 << 20, maxMessageSize: 1 << 20)
        let (server, port) = try await server(Recorder(), configuration)
        let client = try await RawClient.connect(port: port)
        try await client.send(upgradeHead)
        _ = await client.readHead()
        try await client.send(clientFrame(0x02))
        let empty = Array(repeatElement(clientFrame(0x00), count: 20_000).joined())
        for _ in 0..<10 { try await client.send(empty) }
        let fragment = clientFrame(0x00, [UInt8](repeating: 0, count: 100))
        let run = Array(repeatElement(fragment, count: 5000).joined())
        let sending = Task { while !Task.isCancelled { try await client.send(run) } }
        let answer = await client.read()
        #expect(answer.starts(with: [0x88]) && answer.dropFirst(2).starts(with: [0x03, 0xF1]))
        sending.cancel()
        _ = await sending.result
        try await server.close()
    }

    @Test("A peer that vanishes is reported once, as lost")
    func vanished() async throws {
        let recorder = Recorder()
        let (server, port) = try await server(recorder)
        let client = try await RawClient.connect(port: port)
        try await client.send(upgradeHead)
        _ = await client.readHead()
        await client.close()
        let closing = try #require(await recorder.closing())
        #expect(closing.error as? WebSocketConnectionError == .lost)
        #expect(closing.code == nil)
        #expect(recorder.timesClosed == 1)
        try await server.close()
    }
}
