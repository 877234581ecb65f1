import NIOCore
import NIOPosix
import Synchronization

@testable import WebSocketNIO

/// A proxy that says the same to everybody who has asked, whatever for.
final class StubProxy: Sendable {
    private let channel: any Channel
    private let heads: Heads

    private final class Heads: Sendable {
        let all = Mutex<[String]>([])
    }

    private init(channel: any Channel, heads: Heads) {
        self.channel = channel
        self.heads = heads
    }

    /// - Parameters:
    ///   - answer: `nil` for none, not even the end of the connection.
    ///   - onward: The port of this machine that everybody is then led to; `nil` for none.
    static func bind(
        answer: String?, onward: Int? = nil, tls: ServerTLS? = nil, closes: Bool = false
    ) async throws -> StubProxy {
        let heads = Heads()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    if let tls { try child.pipeline.syncOperations.addHandlers(tls.makeHandlers()) }
                    try child.pipeline.syncOperations.addHandler(
                        Doorman(answer: answer, onward: onward, closes: closes) { head in
                            heads.all.withLock { $0.append(head) }
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return StubProxy(channel: channel, heads: heads)
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    /// What it was asked.
    var asked: [String] { heads.all.withLock { $0 } }

    func close() async throws {
        try await channel.close().get()
    }
}

private final class Doorman: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String?
    private let onward: Int?
    private let closes: Bool
    private let note: (String) -> Void
    private var head = ByteBuffer()
    private var isAnswered = false
    private var far: (any Channel)?

    init(answer: String?, onward: Int?, closes: Bool, note: @escaping (String) -> Void) {
        self.answer = answer
        self.onward = onward
        self.closes = closes
        self.note = note
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        if let far { return far.writeAndFlush(bytes, promise: nil) }
        head.writeBuffer(&bytes)
        let text = String(buffer: head)
        guard !isAnswered, text.hasSuffix("\r\n\r\n") else { return }
        isAnswered = true
        note(text)
        guard let answer else { return }
        guard let onward else { return say(answer, context.channel) }
        let near = context.channel
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { far in
                far.eventLoop.makeCompletedFuture { try far.pipeline.syncOperations.addHandler(Passage(to: near)) }
            }
            .connect(host: "127.0.0.1", port: onward)
            .whenSuccess { far in
                handler.value.far = far
                handler.value.say(answer, near)
            }
    }

    private func say(_ answer: String, _ channel: any Channel) {
        let written = channel.writeAndFlush(ByteBuffer(string: answer))
        if closes { written.whenComplete { _ in channel.close(promise: nil) } }
    }

    func channelInactive(context: ChannelHandlerContext) {
        far?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

private final class Passage: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let near: any Channel

    init(to near: any Channel) {
        self.near = near
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        near.writeAndFlush(Self.unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        near.close(promise: nil)
    }
}
