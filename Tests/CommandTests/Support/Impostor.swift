import NIOCore
import NIOPosix
import Synchronization

/// A server that is no hub.
final class Impostor: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        /// A web server that has another page there.
        case web
        /// A web server that has nothing there.
        case notFound
        /// Something that speaks first, and no HTTP.
        case mail

        fileprivate var answer: String {
            switch self {
            case .web: "HTTP/1.1 200 OK\r\nServer: other\r\nContent-Length: 5\r\n\r\nhello"
            case .notFound: "HTTP/1.1 404 Not Found\r\nServer: other\r\nContent-Length: 0\r\n\r\n"
            case .mail: "220 mail.example ESMTP\r\n"
            }
        }
    }

    private let channel: any Channel

    init(_ kind: Kind) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(Answerer(answer: kind.answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var url: String { "ws://127.0.0.1:\(port)" }

    func close() {
        channel.close(promise: nil)
    }
}

private final class Answerer: ChannelInboundHandler {
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

/// A listener that drops whoever comes.
enum Door {
    /// Listens until so many have come, and has gone away by the time that it returns.
    static func slam(port: Int, times: Int) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let enough = group.next().makePromise(of: Void.self)
        let count = Atomic(0)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(
                        Slammer {
                            if count.add(1, ordering: .relaxed).newValue == times { enough.succeed() }
                        })
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        try await enough.futureResult.get()
        try await channel.close().get()
    }
}

private final class Slammer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let gone: () -> Void

    init(gone: @escaping () -> Void) {
        self.gone = gone
    }

    func channelActive(context: ChannelHandlerContext) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
    }
}
