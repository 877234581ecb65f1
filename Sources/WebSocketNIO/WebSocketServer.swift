package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Listens for WebSocket connections, and answers whatever else comes over HTTP.
package final class WebSocketServer: Sendable {
    /// Where to listen.
    package enum Address: Sendable, Equatable {
        /// - Parameter port: 0 for one that is free.
        case host(String, port: Int)
        /// A file that must not exist, or that a process which is gone left behind.
        case unixSocket(path: String)
        /// A stream socket that is bound, and that this process was given by another one. It is the server's from then on.
        case socket(Int32)
    }

    private let channel: any Channel

    private init(channel: any Channel) {
        self.channel = channel
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - tls: `nil` for plain TCP.
    ///   - answer: Called on an event loop for each request that is not a WebSocket's; must not block.
    ///   - decide: Called on an event loop for each WebSocket request that is in order; must not block.
    /// - Throws: What the socket reports: an `IOError` with the errno, usually.
    package static func bind(
        to address: Address, configuration: WebSocketConfiguration = WebSocketConfiguration(),
        tls: ServerTLS? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        answer: @escaping @Sendable (PlainRequest) -> HTTPDecision = { _ in .upgradeRequired },
        decide: @escaping @Sendable (UpgradeRequest) -> UpgradeDecision
    ) async throws -> WebSocketServer {
        let rules = ServerRules(configuration, tls: tls, answer: answer, decide: decide)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try rules.setUp(channel) }
            }
        switch address {
        case .host(let host, let port):
            return WebSocketServer(channel: try await bootstrap.withoutDelay.bind(host: host, port: port).get())
        case .socket(let descriptor):
            let isUnix = try Self.family(of: descriptor) == AF_UNIX
            return WebSocketServer(
                channel: try await (isUnix ? bootstrap : bootstrap.withoutDelay).withBoundSocket(descriptor).get())
        case .unixSocket(let path):
            do {
                return WebSocketServer(channel: try await bootstrap.bind(unixDomainSocketPath: path).get())
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                guard try await isAbandoned(path, group) else { throw error }
                unlink(path)
                return WebSocketServer(channel: try await bootstrap.bind(unixDomainSocketPath: path).get())
            }
        }
    }

    private static func family(of descriptor: Int32) throws -> Int32 {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { throw IOError(errnoCode: errno, reason: "getsockname") }
        return Int32(address.ss_family)
    }

    /// Whether a socket's file was left behind by a process that is gone.
    private static func isAbandoned(_ path: String, _ group: any EventLoopGroup) async throws -> Bool {
        do {
            try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get().close()
            return false
        } catch let error as IOError {
            return error.errnoCode == ECONNREFUSED
        }
    }

    /// Where it listens, with the port that was found.
    package var localAddress: SocketAddress? { channel.localAddress }
    /// `nil` for a Unix socket.
    package var port: Int? { channel.localAddress?.port }

    /// Stops listening. Connections that are open stay so: they belong to their handlers.
    package func close() async throws {
        try await channel.close().get()
    }

    /// Returns when it no longer listens.
    package func wait() async throws {
        try await channel.closeFuture.get()
    }
}

extension ServerBootstrap {
    /// For TCP.
    fileprivate var withoutDelay: ServerBootstrap { childChannelOption(.tcpOption(.tcp_nodelay), value: 1) }
}

/// How a server's channels are set up, one value shared by all of them.
struct ServerRules: Sendable {
    let configuration: WebSocketConfiguration
    let tls: ServerTLS?
    let answer: @Sendable (PlainRequest) -> HTTPDecision
    let decide: @Sendable (UpgradeRequest) -> UpgradeDecision
    private let census: HandshakeCensus
    private let budget: ArrivalBudget

    init(
        _ configuration: WebSocketConfiguration, tls: ServerTLS?,
        answer: @escaping @Sendable (PlainRequest) -> HTTPDecision,
        decide: @escaping @Sendable (UpgradeRequest) -> UpgradeDecision
    ) {
        self.configuration = configuration
        self.tls = tls
        self.answer = answer
        self.decide = decide
        census = HandshakeCensus(
            limit: configuration.maxHandshakes, perAddress: configuration.maxHandshakesPerAddress)
        budget = ArrivalBudget(limit: configuration.maxArrivingBytes)
    }

    /// One channel at a time, whatever their event loops: two threads that need the same generic types for the first
    /// time, in the same instant, can end in a null pointer in the runtime of Swift 6.3. All peers that were waiting
    /// for a hub come in such an instant.
    private static let turn = Mutex(())

    /// On the channel's event loop.
    func setUp(_ channel: any Channel) throws {
        try Self.turn.withLock { _ in try assemble(channel) }
    }

    private func assemble(_ channel: any Channel) throws {
        let seat = HandshakeSeat(census, channel)
        let taken = NIOLoopBound(seat, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in taken.value.leave() }
        try channel.syncOptions?.apply(configuration)
        try channel.keep(to: configuration.rateLimit)
        let guardian = HeadGuard(
            maxBytes: configuration.maxHeadSize, timeout: configuration.handshakeTimeout,
            linger: configuration.lingerTimeout)
        let grant = NIOLoopBoundBox<UpgradeGrant?>(nil, eventLoop: channel.eventLoop)
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(
                leftOverBytesStrategy: .forwardBytes, limitConfiguration: .heads(of: configuration)))
        let pipelining = HTTPServerPipelineHandler()
        let validation = NIOHTTPResponseHeadersValidator()
        let errors = ErrorDrop()
        let gate = HandshakeGate(rules: self, grant: grant, guardian: guardian, seat: seat)
        let upgrade = NIOTypedHTTPServerUpgradeHandler<UpgradedChannel>(
            httpEncoder: encoder,
            extraHTTPHandlers: [guardian, decoder, pipelining, validation, gate, errors],
            upgradeConfiguration: .init(
                upgraders: [ServerUpgrader(grant: grant, configuration: configuration, budget: budget)],
                notUpgradingCompletionHandler: { channel in
                    // The gate lets nothing through that does not upgrade.
                    channel.close().flatMapThrowing { throw ChannelError.inappropriateOperationForState }
                }))
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandlers(tls.makeHandlers()) }
        try pipeline.addHandlers([guardian, encoder, decoder, pipelining, validation, gate, upgrade, errors])
        upgrade.upgradeResultFuture.assumeIsolated().whenSuccess { upgraded in
            taken.value.leave()
            upgraded.start()
        }
    }
}

/// Ends a channel that failed before it was a WebSocket.
private final class ErrorDrop: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension NIOHTTPDecoderLimitConfiguration {
    static func heads(of configuration: WebSocketConfiguration) -> NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.maxHeadSize
        limits.maxHeaderListSize = configuration.maxHeadSize
        limits.maxHeaderFieldCount = configuration.maxHeadLines
        return limits
    }
}

extension NIOSynchronousChannelOptions {
    func apply(_ configuration: WebSocketConfiguration) throws {
        try setOption(.recvAllocator, value: ReceiveAllocator())
        // One read per turn: large reads come from large buffers, and small ones leave time for others.
        try setOption(.maxMessagesPerRead, value: 1)
        var high = configuration.writeBufferHighWaterMark
        if let limit = configuration.rateLimit { high = limit.share(of: 0.25, atMost: high) }
        let marks = ChannelOptions.Types.WriteBufferWaterMark(
            low: min(configuration.writeBufferLowWaterMark, high / 2), high: high)
        try setOption(.writeBufferWaterMark, value: marks)
    }
}
