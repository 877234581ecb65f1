import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection to a hub that says what a test wants, and may not listen.
final class Stranger: Sendable {
    /// What has come of it so far.
    private final class Hearing: Sendable {
        let bytes = Mutex<[UInt8]>([])
        let isOver = Atomic(false)
    }

    private let channel: any Channel
    private let hearing: Hearing

    private init(_ channel: any Channel, _ hearing: Hearing) {
        self.channel = channel
        self.hearing = hearing
    }

    /// - Parameter listens: Whether it reads what it is sent, beyond what its operating system takes.
    static func connect(port: Int, listens: Bool = true) async throws -> Stranger {
        let hearing = Hearing()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: listens)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Ear(hearing))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return Stranger(channel, hearing)
    }

    /// Says nothing more where the other side has gone.
    func send(_ bytes: [UInt8]) async {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func close() {
        channel.close(promise: nil)
    }

    var heard: [UInt8] { hearing.bytes.withLock(\.self) }
    /// Whether the connection has ended.
    var isGone: Bool { hearing.isOver.load(ordering: .acquiring) }

    /// The code of the close frame that it heard last, if what it heard are short frames after a 101.
    var closeCode: UInt16? {
        let heard = heard
        guard let frame = heard.lastIndex(of: 0x88), heard.count >= frame + 4 else { return nil }
        return UInt16(heard[frame + 2]) << 8 | UInt16(heard[frame + 3])
    }

    /// The opening of a WebSocket to a hub.
    static let upgrade = Array(
        """
        GET / HTTP/1.1\r
        Host: localhost\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Version: 13\r
        Sec-WebSocket-Protocol: nosocks.1\r
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r
        \r\n
        """.utf8)

    /// A frame's first bytes, up to its masking key of zeros.
    static func header(_ first: UInt8, length: Int) -> [UInt8] {
        switch length {
        case ...125: [first, 0x80 | UInt8(length), 0, 0, 0, 0]
        case ...0xFFFF: [first, 0xFE, UInt8(length >> 8), UInt8(length & 0xFF), 0, 0, 0, 0]
        default: [first, 0xFF] + (0..<8).map { UInt8(length >> (56 - 8 * $0) & 0xFF) } + [0, 0, 0, 0]
        }
    }

    private final class Ear: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let hearing: Hearing

        init(_ hearing: Hearing) {
            self.hearing = hearing
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data)
            hearing.bytes.withLock { $0 += bytes.readableBytesView }
        }

        func channelInactive(context: ChannelHandlerContext) {
            hearing.isOver.store(true, ordering: .releasing)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
