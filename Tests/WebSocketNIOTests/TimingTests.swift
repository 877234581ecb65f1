import NIOCore
import NIOEmbedded
import Testing
import WebSocket

@testable import WebSocketNIO

/// Time stands still here unless a test moves it.
@Suite struct TimingTests {
    private func open(_ recorder: Recorder, role: Role = .server) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        try UpgradedChannel.install(
            in: channel, role: role, agreement: nil, subprotocol: nil, configuration: WebSocketConfiguration(),
            owner: recorder
        ).start()
        return channel
    }

    private func sent(_ channel: EmbeddedChannel) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += Array(buffer.readableBytesView) }
        return bytes
    }

    private let ping: [UInt8] = [0x89, 0]

    @Test("Silence is met with pings at 15 s and 30 s, and with the end at 45 s")
    func silence() throws {
        let recorder = Recorder()
        let channel = try open(recorder)
        for (seconds, expected) in [(14, []), (1, ping), (14, []), (1, ping), (14, [])] as [(Int64, [UInt8])] {
            channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
            #expect(try sent(channel) == expected)
        }
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        #expect(recorder.ending?.error as? WebSocketConnectionError == .silent)
        #expect(recorder.timesClosed == 1)
    }

    @Test("A sign of life that is demanded is asked for at once, and is not waited for any longer")
    func demand() throws {
        let channel = try open(Recorder())
        let other = try open(Recorder())
        for (channel, answers) in [(channel, true), (other, false)] {
            channel.embeddedEventLoop.advanceTime(by: .seconds(3))
            let recorder = try channel.pipeline.syncOperations.handler(type: ConnectionHandler.self)
            recorder.probe(within: .seconds(5))
            #expect(try sent(channel) == ping)
            channel.embeddedEventLoop.advanceTime(by: .seconds(4))
            if answers { try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x8A))) }
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(channel.isActive == answers)
        }
        channel.embeddedEventLoop.advanceTime(by: .seconds(43))
        #expect(channel.isActive, "from then on it is as it was before")
    }

    @Test("Any byte is a sign of life")
    func pong() throws {
        let recorder = Recorder()
        let channel = try open(recorder)
        for _ in 0..<10 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(15))
            #expect(try sent(channel) == ping)
            try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x8A)))
        }
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(45))
        #expect(!channel.isActive)
    }

    @Test("A server drops TCP at once when both have closed; a client leaves that to the server for under a second")
    func afterTheHandshake() throws {
        let serverSide = Recorder()
        let server = try open(serverSide)
        try server.writeInbound(ByteBuffer(bytes: clientFrame(0x88, [0x03, 0xE8])))
        #expect(try sent(server) == [0x88, 2, 0x03, 0xE8])
        #expect(!server.isActive)
        #expect(serverSide.ending?.code == .normalClosure)
        #expect(serverSide.ending?.error == nil)

        let clientSide = Recorder()
        let client = try open(clientSide, role: .client)
        try client.writeInbound(ByteBuffer(bytes: [0x88, 2, 0x03, 0xE8]))
        #expect(try sent(client).count == 8)
        #expect(client.isActive)
        client.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(!client.isActive)
        #expect(clientSide.ending?.error == nil)
    }

    @Test("A close that is never answered ends by itself")
    func unanswered() throws {
        let recorder = Recorder { $0.close(code: .goingAway, reason: "bye") }
        let channel = try open(recorder)
        #expect(try sent(channel) == [0x88, 5, 0x03, 0xE9] + Array("bye".utf8))
        channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(!channel.isActive)
        #expect(recorder.ending?.error as? WebSocketConnectionError == .closeTimedOut)
    }

    @Test("Sends in one turn leave in one write, and those of a read with its end")
    func coalescing() throws {
        let recorder = Recorder { connection in
            for number in 0..<10 { connection.send(ByteBuffer(bytes: [UInt8(number)]), compress: false) }
        }
        let channel = try open(recorder)
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        channel.embeddedEventLoop.run()
        #expect(try channel.readOutbound(as: ByteBuffer.self)?.readableBytes == 30)
        try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x89, [1]) + clientFrame(0x89, [2])))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(bytes: [0x8A, 1, 1, 0x8A, 1, 2]))
    }

    @Test("The receive buffer grows eightfold while reads fill it, and shrinks when they do not")
    func receiveAllocator() {
        var allocator = ReceiveAllocator()
        #expect(allocator.nextBufferSize() == 4096)
        let reads = [(100, 4), (4 << 10, 32), (32 << 10, 256), (256 << 10, 256), (10, 32), (10, 4)]
        for (bytes, kibibytes) in reads {
            let mayGrow = allocator.record(actualReadBytes: bytes)
            #expect(mayGrow == (kibibytes > 4))
            #expect(allocator.buffer(allocator: ByteBufferAllocator()).capacity >= kibibytes << 10)
            #expect(allocator.nextBufferSize() == (kibibytes > 4 ? nil : 4096), "large buffers are not kept")
        }
    }

    @Test("The accept value is RFC 6455's")
    func acceptKey() {
        #expect(AcceptKey.accept(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(AcceptKey.isValid(AcceptKey.makeKey()))
        #expect(!AcceptKey.isValid("dGhlIHNhbXBsZSBub25jZQ=") && !AcceptKey.isValid(String(repeating: "*", count: 24)))
    }
}
