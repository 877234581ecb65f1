import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import WebSocketNIO

/// What a task that serves requests heard and said.
private final class Ledger: Sendable {
    private let state = Mutex<[String]>([])
    private let received = Atomic(0)

    func note(_ line: String) { state.withLock { $0.append(line) } }
    var lines: [String] { state.withLock { $0 } }

    func add(_ bytes: Int) { received.add(bytes, ordering: .relaxed) }
    var bytes: Int { received.load(ordering: .relaxed) }
}

private let waiting = Duration.seconds(30)

private func eventually(_ condition: () -> Bool) async throws -> Bool {
    let start = ContinuousClock.now
    while !condition() {
        guard ContinuousClock.now - start < waiting else { return false }
        try await Task.sleep(for: .milliseconds(2))
    }
    return true
}

@Suite(.timeLimit(.minutes(5))) struct PlainHTTPTests {
    /// A server that serves every plain request with `serve`, and a connection to it.
    private func serving(
        _ configuration: WebSocketConfiguration = WebSocketConfiguration(), reads: Bool = true,
        _ serve: @escaping @Sendable (HTTPExchange) async throws -> Void
    ) async throws -> (server: WebSocketServer, client: RawClient) {
        let server = try await WebSocketServer.bind(
            to: .host("127.0.0.1", port: 0), configuration: configuration, answer: { _ in .serve(serve) },
            decide: { _ in .accept(subprotocol: nil, handler: Recorder(echoes: true)) })
        return (server, try await RawClient.connect(port: try #require(server.port), reads: reads))
    }

    private static func echo(_ exchange: HTTPExchange) async throws {
        var body = ByteBuffer()
        while var piece = try await exchange.read() { body.writeBuffer(&piece) }
        try await exchange.answer(HTTPAnswer(status: .ok, body: body))
    }

    @Test("Requests with bodies that come in one go are answered in order, and then an upgrade still works")
    func pipelining() async throws {
        let (server, client) = try await serving(WebSocketConfiguration(deflate: nil), Self.echo)
        func request(_ text: String) -> String {
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
        }
        let chunked = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
        try await client.send(request("one") + chunked + request("three"))
        let answers = await client.read { String(decoding: $0, as: UTF8.self).hasSuffix("three") }
        let bodies = String(decoding: answers, as: UTF8.self).split(separator: "\r\n\r\n").map(String.init)
        #expect(bodies.count == 4)
        #expect(bodies.dropFirst().map { $0.replacing(/HTTP[^$]*/, with: "") } == ["one", "two", "three"])
        try await client.send(upgradeHead)
        #expect(await client.readHead().hasPrefix("HTTP/1.1 101"))
        try await server.close()
    }

    @Test("A body larger than any head is taken as it is asked for, and no faster")
    func backPressure() async throws {
        let ledger = Ledger()
        let gate = AsyncStream<Void>.makeStream()
        let (server, client) = try await serving { exchange in
            for await _ in gate.stream { break }
            while let piece = try await exchange.read() { ledger.add(piece.readableBytes) }
            try await exchange.answer(HTTPAnswer(status: .ok, text: "\(ledger.bytes)"))
        }
        let size = 64 << 20
        try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: \(size)\r\n\r\n")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await client.send([UInt8](repeating: 1, count: size))
                ledger.note("sent")
            }
            // Far more than the sockets of both sides hold.
            try await Task.sleep(for: .milliseconds(300))
            #expect(ledger.lines == [])
            gate.continuation.yield()
            try await group.waitForAll()
        }
        #expect(await client.readAll().hasSuffix("\r\n\r\n\(size)\n"))
        try await server.close()
    }

    @Test("What is written waits for whoever does not read, and its task is told when the connection has gone")
    func slowReader() async throws {
        let ledger = Ledger()
        let (server, client) = try await serving(reads: false) { exchange in
            try await exchange.begin(.ok, [:])
            do {
                while true {
                    try await exchange.write(ByteBuffer(repeating: 1, count: 64 << 10))
                    ledger.add(64 << 10)
                }
            } catch {
                ledger.note("\(type(of: error))")
            }
        }
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var before = -1
        while ledger.bytes > before || before == 0 {
            before = ledger.bytes
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(ledger.bytes < 32 << 20)
        await client.close()
        #expect(try await eventually { ledger.lines == ["HTTPExchangeGone"] })
        try await server.close()
    }

    @Test("100 Continue is said when the body is wanted, and not where it is not")
    func expectation() async throws {
        let head = "PUT /want HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        let (server, client) = try await serving { exchange in
            guard exchange.head.uri == "/want" else {
                return try await exchange.answer(HTTPAnswer(status: .forbidden, text: "no"))
            }
            try await Self.echo(exchange)
        }
        try await client.send(head)
        #expect(await client.readHead() == "HTTP/1.1 100 Continue\r\n\r\n")
        try await client.send("body")
        #expect(
            String(decoding: await client.read { $0.suffix(4) == Array("body".utf8) }, as: UTF8.self).contains("200"))
        try await client.send(head.replacing("/want", with: "/not"))
        let refusal = await client.readAll()
        // The body may still come, so that the connection carries no other request.
        #expect(refusal.hasPrefix("HTTP/1.1 403") && refusal.contains("connection: close"))
        try await server.close()
    }

    @Test("An answer that breaks off is never taken for a whole one, and one that never came is a 500")
    func breakingOff() async throws {
        struct Failure: Error {}
        let (server, client) = try await serving { exchange in
            if exchange.head.uri == "/late" {
                try await exchange.begin(.ok, [:])
                try await exchange.write(ByteBuffer(string: "part"))
            }
            throw Failure()
        }
        try await client.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await client.readHead().hasPrefix("HTTP/1.1 500"))
        try await client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(await client.readAll().hasSuffix("\r\n\r\n4\r\npart\r\n"))
        try await server.close()
    }

    @Test("To HTTP/1.0 an answer of unknown length ends with the connection")
    func oldVersion() async throws {
        let (server, client) = try await serving { exchange in
            try await exchange.begin(.ok, [:])
            try await exchange.write(ByteBuffer(string: "all"))
            try await exchange.finish()
        }
        try await client.send("GET / HTTP/1.0\r\n\r\n")
        let answer = await client.readAll()
        #expect(answer.hasPrefix("HTTP/1.0 200") && answer.hasSuffix("\r\n\r\nall"))
        try await server.close()
    }

    @Test("A request that is served may take longer than a handshake, and is not dropped for the next guest")
    func noHandshake() async throws {
        var configuration = WebSocketConfiguration()
        configuration.handshakeTimeout = .seconds(8)
        configuration.maxHandshakesPerAddress = 1
        let gate = AsyncStream<Void>.makeStream()
        let ledger = Ledger()
        let (server, client) = try await serving(configuration) { exchange in
            ledger.note("begun")
            for await _ in gate.stream { break }
            try await exchange.answer(HTTPAnswer(status: .ok, text: "late"))
        }
        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await eventually { ledger.lines == ["begun"] })
        let other = try await RawClient.connect(port: try #require(server.port))
        #expect(await other.readAll() == "")
        gate.continuation.yield()
        #expect(
            String(decoding: await client.read { $0.suffix(5) == Array("late\n".utf8) }, as: UTF8.self).contains("200"))
        // Idle again, it is a guest like any other.
        #expect(await client.readAll() == "")
        try await server.close()
    }

    @Test("Who sends or takes nothing of a body for the stall interval is dropped")
    func stalling() async throws {
        var configuration = WebSocketConfiguration()
        configuration.stallInterval = .milliseconds(300)
        let (server, client) = try await serving(configuration, Self.echo)
        try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart")
        #expect(await client.readAll() == "")
        try await server.close()
    }
}
