import NIOCore
import NIOEmbedded
import Testing

@testable import WebSocketNIO

@Suite("Rate limit")
struct RateLimitTests {
    private static let rate = 64 << 10

    private let limit = RateLimit(bytesPerSecond: rate)

    private func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: PacingHandler(limit))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/peer")).wait()
        return channel
    }

    private func send(_ count: Int, on channel: EmbeddedChannel) {
        channel.writeAndFlush(ByteBuffer(repeating: 7, count: count), promise: nil)
    }

    private func sent(by channel: EmbeddedChannel) throws -> Int {
        var count = 0
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { count += buffer.readableBytes }
        return count
    }

    @Test("what is sent waits until what went before it has had its time, and no longer")
    func sending() throws {
        let channel = try channel()
        send(Self.rate, on: channel)
        #expect(try sent(by: channel) == Self.rate)
        send(100, on: channel)
        send(Self.rate / 2, on: channel)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(try sent(by: channel) == 0)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(try sent(by: channel) == Self.rate / 2 + 100)
        send(1, on: channel)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(500))
        #expect(try sent(by: channel) == 0)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(2))
        #expect(try sent(by: channel) == 1)
        // A pause is no credit, and after it nothing waits.
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        send(Self.rate, on: channel)
        #expect(try sent(by: channel) == Self.rate)
        send(1, on: channel)
        #expect(try sent(by: channel) == 0)
        _ = try channel.finish()
    }

    @Test("all connections count together")
    func together() throws {
        let (one, other) = (try channel(), try channel())
        send(Self.rate, on: one)
        send(Self.rate, on: other)
        #expect(try sent(by: one) == Self.rate)
        #expect(try sent(by: other) == 0)
        other.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try sent(by: other) == Self.rate)
        _ = try (one.finish(), other.finish())
    }

    @Test("last words go before the end")
    func closing() throws {
        let channel = try channel()
        send(Self.rate, on: channel)
        send(5, on: channel)
        #expect(try sent(by: channel) == Self.rate)
        channel.close(promise: nil)
        #expect(try sent(by: channel) == 5)
    }

    @Test("nothing is read while what was read before has not had its time")
    func receiving() throws {
        let channel = try channel()
        let counter = ReadCounter()
        try channel.pipeline.syncOperations.addHandler(counter, position: .first)
        channel.read()
        #expect(counter.reads == 1)
        try channel.writeInbound(ByteBuffer(repeating: 1, count: Self.rate))
        channel.read()
        channel.read()
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(counter.reads == 1)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(counter.reads == 2)
        _ = try channel.finish()
    }
}

/// Counts what reaches the socket's side.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private(set) var reads = 0

    func read(context: ChannelHandlerContext) {
        reads += 1
        context.read()
    }
}
