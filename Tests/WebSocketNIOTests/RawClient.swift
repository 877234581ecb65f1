import NIOCore
import NIOPosix

/// A TCP connection that says whatever a test wants.
final class RawClient: Sendable {
    private let channel: any Channel
    private let pieces: AsyncStream<ByteBuffer>

    private init(channel: any Channel, pieces: AsyncStream<ByteBuffer>) {
        self.channel = channel
        self.pieces = pieces
    }

    static func connect(port: Int, reads: Bool = true) async throws -> RawClient {
        let (pieces, continuation) = AsyncStream<ByteBuffer>.makeStream()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation: continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawClient(channel: channel, pieces: pieces)
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Reads until `isEnough`, or the end of the connection.
    func read(until isEnough: ([UInt8]) -> Bool = { _ in false }) async -> [UInt8] {
        var bytes: [UInt8] = []
        for await piece in pieces {
            bytes += Array(piece.readableBytesView)
            if isEnough(bytes) { break }
        }
        return bytes
    }

    /// The answer's head, with nothing behind it.
    func readHead() async -> String {
        String(decoding: await read { $0.suffix(4) == Array("\r\n\r\n".utf8) }, as: UTF8.self)
    }

    /// What came, up to the end of the connection.
    func readAll() async -> String {
        String(decoding: await read(), as: UTF8.self)
    }

    func close() async {
        // The other side may have been faster.
        try? await channel.close().get()
    }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(continuation: AsyncStream<ByteBuffer>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(Self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

let upgradeHead = """
    GET /chat HTTP/1.1\r
    Host: localhost\r
    Upgrade: websocket\r
    Connection: keep-alive, Upgrade\r
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
    Sec-WebSocket-Version: 13\r
    \r\n
    """

/// A client's frame, masked with a key of zeros.
func clientFrame(_ first: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
    [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
}
