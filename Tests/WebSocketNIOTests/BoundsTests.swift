import NIOCore
import NIOEmbedded
import Testing
import WebSocket

@testable import WebSocketNIO

/// What a connection may cost, with time that stands still unless a test moves it.
@Suite struct BoundsTests {
    private func open(
        _ recorder: Recorder, _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
        budget: ArrivalBudget? = nil, dam: Dam? = nil
    ) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        if let dam { try channel.pipeline.syncOperations.addHandler(dam) }
        let agreement = DeflateAgreement(serverNoContextTakeover: true, clientNoContextTakeover: true)
        try UpgradedChannel.install(
            in: channel, role: .server, agreement: agreement, subprotocol: nil, configuration: configuration,
            budget: budget, owner: recorder
        ).start()
        return channel
    }

    private func sent(_ channel: EmbeddedChannel) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += Array(buffer.readableBytesView) }
        return bytes
    }

    private func seconds(_ count: Int64, on channel: EmbeddedChannel) {
        channel.embeddedEventLoop.advanceTime(by: .seconds(count))
    }

    /// A frame's header that announces `length` bytes.
    private func announce(_ length: Int, _ first: UInt8 = 0x82) -> [UInt8] {
        var header = ByteBuffer()
        FrameHeader(opcode: .binary, maskingKey: 0, payloadLength: length).write(into: &header)
        return [first] + header.readableBytesView.dropFirst()
    }

    // MARK: Too slow

    @Test("A message that dribbles in is 1008 once its time is up, and one that comes at 256 B/s is not")
    func dribble() throws {
        for (bytesASecond, survives) in [(100, false), (300, true)] {
            let recorder = Recorder()
            let channel = try open(recorder)
            try channel.writeInbound(ByteBuffer(bytes: announce(1 << 20)))
            for _ in 0..<90 where channel.isActive {
                seconds(1, on: channel)
                guard channel.isActive, recorder.ending == nil, recorder.connection != nil else { continue }
                try channel.writeInbound(ByteBuffer(repeating: 0, count: bytesASecond))
            }
            #expect(channel.isActive == survives, "\(bytesASecond) B/s")
            if !survives {
                #expect(recorder.ending?.code == .policyViolation)
                #expect(try sent(channel).dropFirst(2).starts(with: [0x03, 0xF0]))
            }
        }
    }

    @Test("Many messages, each begun before the last one's read is over, are not one slow message")
    func overlapping() throws {
        let recorder = Recorder()
        let channel = try open(recorder)
        let frame = clientFrame(0x82, [1, 2, 3])
        try channel.writeInbound(ByteBuffer(bytes: frame[..<4]))
        for _ in 0..<100 {
            seconds(10, on: channel)
            try channel.writeInbound(ByteBuffer(bytes: frame[4...] + frame[..<4]))
        }
        #expect(channel.isActive)
    }

    @Test("A connection that takes none of its bytes for two minutes is dropped, though it goes on talking")
    func stalled() throws {
        let recorder = Recorder { $0.send(ByteBuffer(repeating: 1, count: 100_000), compress: false) }
        let channel = try open(recorder, dam: Dam())
        for _ in 0..<12 {
            seconds(10, on: channel)
            #expect(channel.isActive)
            try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x8A)))
        }
        seconds(20, on: channel)
        #expect(!channel.isActive)
        #expect(recorder.ending?.error as? WebSocketConnectionError == .readerTooSlow)
    }

    @Test("A connection that takes its bytes bit by bit is not dropped")
    func trickling() throws {
        let recorder = Recorder { connection in
            for _ in 0..<50 { connection.send(ByteBuffer(repeating: 1, count: 100_000), compress: false) }
        }
        let dam = Dam()
        let channel = try open(recorder, dam: dam)
        for _ in 0..<30 {
            seconds(30, on: channel)
            dam.release()
            try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x8A)))
        }
        #expect(channel.isActive)
    }

    @Test("While nothing can be sent only the latest ping is kept, and answered when it can")
    func pings() throws {
        let recorder = Recorder()
        let channel = try open(recorder)
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
        for number in 0..<100 { try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x89, [UInt8(number)]))) }
        #expect(try sent(channel) == [])
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.run()
        #expect(try sent(channel) == [0x8A, 1, 99])
    }

    // MARK: Pausing

    @Test("What comes during a pause waits for its end, in order, and the silence is nobody's death")
    func pausing() throws {
        let recorder = Recorder()
        let channel = try open(recorder)
        let connection = try #require(recorder.connection)
        connection.pauseReading()
        try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x82, [1]) + clientFrame(0x82, [2])))
        seconds(300, on: channel)
        #expect(channel.isActive)
        #expect(recorder.messagesSoFar == [])
        connection.resumeReading()
        try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x82, [3])))
        #expect(recorder.messagesSoFar == [[1], [2], [3]])
        seconds(45, on: channel)
        #expect(!channel.isActive)
    }

    @Test("A pause from within a message's delivery holds back the next one of the same read")
    func pausingInside() throws {
        let recorder = Recorder(pausesAfterEach: true)
        let channel = try open(recorder)
        try channel.writeInbound(ByteBuffer(bytes: clientFrame(0x82, [1]) + clientFrame(0x82, [2])))
        #expect(recorder.messagesSoFar == [[1]])
        recorder.connection?.resumeReading()
        #expect(recorder.messagesSoFar == [[1], [2]])
    }

    // MARK: Memory

    @Test("Messages that are still arriving share one bound, and whoever ends makes room")
    func budget() throws {
        let budget = ArrivalBudget(limit: 4 << 20)
        let first = Recorder()
        let firstChannel = try open(first, budget: budget)
        try firstChannel.writeInbound(ByteBuffer(bytes: announce(3 << 20) + [UInt8](repeating: 0, count: 2_500_000)))
        #expect(firstChannel.isActive)

        // Everyday messages need no room.
        let second = Recorder()
        let secondChannel = try open(second, budget: budget)
        try secondChannel.writeInbound(ByteBuffer(bytes: announce(60_000) + [UInt8](repeating: 0, count: 60_000)))
        #expect(second.messagesSoFar.count == 1)
        try secondChannel.writeInbound(ByteBuffer(bytes: announce(3 << 20)))
        #expect(second.ending?.code == .messageTooBig)
        #expect(try sent(secondChannel).dropFirst(2).starts(with: [0x03, 0xF1]))

        try firstChannel.writeInbound(ByteBuffer(repeating: 0, count: (3 << 20) - 2_500_000))
        #expect(first.messagesSoFar.count == 1)
        let third = Recorder()
        let thirdChannel = try open(third, budget: budget)
        try thirdChannel.writeInbound(ByteBuffer(bytes: announce(3 << 20) + [UInt8](repeating: 0, count: 2_500_000)))
        #expect(thirdChannel.isActive && third.ending == nil)
        try thirdChannel.close().wait()
        #expect(budget.allowance(holding: 0) == 4 << 20, "everything was given back")
    }

    @Test("However many bombs come at a time, no more than the bound is inflated")
    func bombs() throws {
        let budget = ArrivalBudget(limit: 8 << 20)
        var bomb = ByteBuffer()
        let deflater = try #require(Deflater(windowBits: 15, noContextTakeover: true, level: 9))
        [UInt8](repeating: 0, count: 30 << 20).withUnsafeBytes { deflater.deflate($0, into: &bomb) }
        var channels: [EmbeddedChannel] = []
        var tooBig = 0
        for _ in 0..<20 {
            let channel = try open(Recorder(), budget: budget)
            channels.append(channel)
            // All but the end, so that each stays as large as it was allowed to become.
            try channel.writeInbound(
                ByteBuffer(bytes: announce(bomb.readableBytes, 0xC2) + bomb.readableBytesView.dropLast(20)))
            if try sent(channel).dropFirst(2).starts(with: [0x03, 0xF1]) { tooBig += 1 }
        }
        #expect(tooBig == 20)
        #expect(budget.highest <= 8 << 20)
        #expect(budget.allowance(holding: 0) == 8 << 20)
    }

    @Test("Whoever holds more than the bound, as two threads at a time may, keeps what it holds and gets no more")
    func overshoot() throws {
        let budget = ArrivalBudget(limit: 1 << 20)
        budget.settle(from: 0, to: 2 << 20)
        #expect(budget.allowance(holding: 2 << 20) == 2 << 20)
        #expect(budget.allowance(holding: 0) == ArrivalBudget.free)
        budget.settle(from: 2 << 20, to: 0)
        #expect(budget.allowance(holding: 0) == 1 << 20)
    }

    // MARK: Addresses

    @Test(
        "An IPv6 network of 64 bits is one address, and an IPv4 address is itself in either guise",
        arguments: [
            ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("::1", "0:0:0:0::/64"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ])
    func prefix(address: String, prefix: String) throws {
        #expect(try SocketAddress(ipAddress: address, port: 1).prefix == prefix)
    }
}

/// Holds back what is written, as an operating system does for a peer that does not read.
private final class Dam: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var held: [EventLoopPromise<Void>?] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        held.append(promise)
    }

    /// Lets the oldest write pass.
    func release() {
        if !held.isEmpty { held.removeFirst()?.succeed() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for promise in held { promise?.fail(ChannelError.ioOnClosedChannel) }
    }
}
