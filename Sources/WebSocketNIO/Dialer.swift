import NIOCore
import NIOPosix

/// The way to a server: through a proxy or not, with TLS or not. What is spoken there is begun by others.
struct Dialer: Sendable {
    let address: WebSocketClient.Address
    /// Which of this machine's addresses to connect from; `nil` for the system's choice.
    let source: SocketAddress?
    let tls: ClientTLSSession?
    let tunnel: Tunnel?
    let configuration: WebSocketConfiguration

    /// Connects, and waits for `outcome`: within the handshake's time, or else it fails, and the channel is closed.
    ///
    /// - Parameter begin: What begins once the way is open, behind TLS in the pipeline, on the channel's event loop. It
    ///   sees to it that `outcome` succeeds.
    func connect<Outcome: Sendable>(
        _ outcome: EventLoopPromise<Outcome>, group: any EventLoopGroup,
        begin: @escaping @Sendable (any Channel) throws -> Void
    ) async throws(WebSocketClientError) -> Outcome {
        do {
            let channel = try await open(outcome, group: group, begin: begin)
            let deadline = channel.eventLoop.scheduleTask(in: configuration.handshakeTimeout) {
                // Still in there if it is the proxy that takes so long.
                try? channel.pipeline.syncOperations.handler(type: TunnelHandler.self).timedOut()
                outcome.fail(WebSocketClientError.timedOut)
            }
            outcome.futureResult.whenComplete { result in
                deadline.cancel()
                if case .failure = result { channel.close(promise: nil) }
            }
            return try await outcome.futureResult.get()
        } catch {
            let error = WebSocketClientError(error)
            throw tunnel?.explain(error) ?? error
        }
    }

    private func open<Outcome: Sendable>(
        _ outcome: EventLoopPromise<Outcome>, group: any EventLoopGroup,
        begin: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> any Channel {
        var bootstrap = ClientBootstrap(group: group)
            .connectTimeout(configuration.handshakeTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try setUp(channel, outcome, begin) }
            }
        if let source { bootstrap = bootstrap.bind(to: source) }
        do {
            switch tunnel?.entrance ?? address {
            case .host(let host, let port):
                return try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: host, port: port).get()
            case .unixSocket(let path):
                return try await bootstrap.connect(unixDomainSocketPath: path).get()
            }
        } catch {
            let error = tunnel?.unreachable(error) ?? error
            outcome.fail(error)
            throw error
        }
    }

    /// On the channel's event loop.
    private func setUp<Outcome: Sendable>(
        _ channel: any Channel, _ outcome: EventLoopPromise<Outcome>,
        _ begin: @escaping @Sendable (any Channel) throws -> Void
    ) throws {
        try channel.syncOptions?.apply(configuration)
        try channel.keep(to: configuration.rateLimit)
        // Everything that ends the channel without an answer.
        channel.closeFuture.whenComplete { _ in outcome.fail(ChannelError.eof) }
        let opened = { (channel: any Channel) in
            try tls?.install(in: channel) { outcome.fail($0) }
            try begin(channel)
        }
        if let tunnel {
            try tunnel.install(in: channel, fail: { outcome.fail($0) }, opened: opened)
        } else {
            try opened(channel)
        }
    }
}
