import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A TLS connection that says whatever a test wants.
final class RawTLSClient: Sendable {
    private let channel: any Channel
    private let pieces: AsyncStream<ByteBuffer>
    private let errors: Errors

    private final class Errors: Sendable {
        let first = Mutex<String?>(nil)
    }

    private init(channel: any Channel, pieces: AsyncStream<ByteBuffer>, errors: Errors) {
        self.channel = channel
        self.pieces = pieces
        self.errors = errors
    }

    /// - Parameter version: The only one that it offers; `nil` for all.
    static func connect(port: Int, only version: TLSVersion? = nil) async throws -> RawTLSClient {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        if let version {
            configuration.minimumTLSVersion = version
            configuration.maximumTLSVersion = version
        }
        let tls = try NIOSSLContext(configuration: configuration)
        let (pieces, continuation) = AsyncStream<ByteBuffer>.makeStream()
        let errors = Errors()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil))
                    try pipeline.addHandler(
                        Collector(continuation: continuation) { error in
                            errors.first.withLock { $0 = $0 ?? "\(error)" }
                        })
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawTLSClient(channel: channel, pieces: pieces, errors: errors)
    }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// From here on it reads nothing, and so answers nothing, least of all a goodbye.
    func deafen() async throws {
        try await channel.setOption(.autoRead, value: false).get()
    }

    /// Reads to the end of the connection.
    func read() async -> [UInt8] {
        var bytes: [UInt8] = []
        for await piece in pieces { bytes += Array(piece.readableBytesView) }
        return bytes
    }

    /// The first thing that went wrong.
    var failure: String? { errors.first.withLock { $0 } }

    func close() async {
        // The other side may have been faster.
        try? await channel.close().get()
    }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<ByteBuffer>.Continuation
    private let onError: (any Error) -> Void

    init(continuation: AsyncStream<ByteBuffer>.Continuation, onError: @escaping (any Error) -> Void) {
        self.continuation = continuation
        self.onError = onError
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(Self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        onError(error)
        context.close(promise: nil)
    }
}

/// Accepts connections and never says a word.
func silentListener() async throws -> any Channel {
    try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
}
