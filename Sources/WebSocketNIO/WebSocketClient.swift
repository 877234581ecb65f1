package import NIOCore
package import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Opens WebSockets.
package enum WebSocketClient {
    /// Where to connect to.
    package enum Address: Sendable, Equatable {
        /// A name or a literal address, without brackets.
        case host(String, port: Int)
        case unixSocket(path: String)

        /// The Host header (RFC 9110 §7.2): brackets around IPv6, no port if it is http's or https's own.
        func hostHeader(isTLS: Bool) -> String {
            switch self {
            case .host(let host, let port):
                let name = host.contains(":") ? "[\(host)]" : host
                return port == (isTLS ? 443 : 80) ? name : "\(name):\(port)"
            case .unixSocket: return "localhost"
            }
        }
    }

    /// Connects and shakes hands. By the time this returns `handler` may have had its first messages.
    ///
    /// - Parameters:
    ///   - path: The request target: begins with a slash, may have a query.
    ///   - subprotocols: What to offer, the best first. The server may choose one, or none:
    ///     ``WebSocketConnection/subprotocol`` tells.
    ///   - headers: More for the request, such as Authorization.
    ///   - source: Which of this machine's addresses to connect from; `nil` for the system's choice.
    ///   - tls: `nil` for plain TCP.
    ///   - proxy: Whom to ask for a tunnel to the server; `nil` for none. A Unix socket needs none. Everything else,
    ///     TLS with the server too, happens inside the tunnel.
    package static func connect(
        to address: Address, path: String = "/", subprotocols: [String] = [], headers: HTTPHeaders = [:],
        configuration: WebSocketConfiguration = .client, source: SocketAddress? = nil, tls: ClientTLS? = nil,
        proxy: Proxy? = nil, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        handler: any WebSocketHandler
    ) async throws(WebSocketClientError) -> WebSocketConnection {
        var tunnel: Tunnel?
        if let proxy { tunnel = try Tunnel(through: proxy, to: address, configuration: configuration) }
        return try await connect(
            to: address, path: path, subprotocols: subprotocols, headers: headers, configuration: configuration,
            source: source, tls: tls, tunnel: tunnel, group: group, handler: handler)
    }

    static func connect(
        to address: Address, path: String = "/", subprotocols: [String] = [], headers: HTTPHeaders = [:],
        configuration: WebSocketConfiguration = .client, source: SocketAddress? = nil, tls: ClientTLS? = nil,
        tunnel: Tunnel?,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, handler: any WebSocketHandler
    ) async throws(WebSocketClientError) -> WebSocketConnection {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
        head.headers.replaceOrAdd(name: "Host", value: address.hostHeader(isTLS: tls != nil))
        var session: ClientTLSSession?
        if let tls { session = try ClientTLSSession(tls, to: address) }
        let attempt = Attempt(
            head: head, subprotocols: subprotocols, configuration: configuration, source: source, tls: session,
            tunnel: tunnel, handler: handler, outcome: group.any().makePromise(of: WebSocketConnection.self))
        do {
            return try await attempt.run(address, group: group)
        } catch {
            let error = WebSocketClientError(error)
            throw tunnel?.explain(error) ?? error
        }
    }

    /// One try to connect.
    private struct Attempt: Sendable {
        let head: HTTPRequestHead
        let subprotocols: [String]
        let configuration: WebSocketConfiguration
        let source: SocketAddress?
        let tls: ClientTLSSession?
        let tunnel: Tunnel?
        let handler: any WebSocketHandler
        let outcome: EventLoopPromise<WebSocketConnection>

        func run(_ address: Address, group: any EventLoopGroup) async throws -> WebSocketConnection {
            var bootstrap = ClientBootstrap(group: group)
                .connectTimeout(configuration.handshakeTimeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try setUp(channel) }
                }
            if let source { bootstrap = bootstrap.bind(to: source) }
            let channel: any Channel
            do {
                switch tunnel?.entrance ?? address {
                case .host(let host, let port):
                    channel = try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                        .connect(host: host, port: port).get()
                case .unixSocket(let path):
                    channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
                }
            } catch {
                let error = tunnel?.unreachable(error) ?? error
                outcome.fail(error)
                throw error
            }
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
        }

        /// On the channel's event loop.
        private func setUp(_ channel: any Channel) throws {
            try channel.syncOptions?.apply(configuration)
            // Everything that ends the channel without an answer.
            channel.closeFuture.whenComplete { _ in outcome.fail(ChannelError.eof) }
            if let tunnel {
                try tunnel.install(in: channel, fail: { outcome.fail($0) }, opened: shakeHands)
            } else {
                try shakeHands(channel)
            }
        }

        /// With the server, on the channel's event loop.
        private func shakeHands(_ channel: any Channel) throws {
            let encoder = HTTPRequestEncoder()
            let decoder = ByteToMessageHandler(
                HTTPResponseDecoder(
                    leftOverBytesStrategy: .forwardBytes, limitConfiguration: .heads(of: configuration)))
            let validation = NIOHTTPRequestHeadersValidator()
            let upgrader = ClientUpgrader(
                key: AcceptKey.makeKey(), subprotocols: subprotocols, configuration: configuration, owner: handler,
                outcome: outcome)
            let upgrade = NIOTypedHTTPClientUpgradeHandler<UpgradedChannel?>(
                httpHandlers: [encoder, decoder, validation],
                upgradeConfiguration: .init(
                    upgradeRequestHead: head, upgraders: [upgrader],
                    notUpgradingCompletionHandler: { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(RefusalReader(outcome: outcome))
                            return nil
                        }
                    }))
            try tls?.install(in: channel) { outcome.fail($0) }
            try channel.pipeline.syncOperations.addHandlers([encoder, decoder, validation, upgrade])
            upgrade.upgradeResultFuture.assumeIsolated().whenComplete { result in
                switch result {
                case .success(let upgraded?):
                    if upgraded.start() {
                        outcome.succeed(upgraded.connection)
                    } else {
                        outcome.fail(ChannelError.eof)
                    }
                case .success(nil): break
                case .failure(let error): outcome.fail(error)
                }
            }
        }
    }
}

extension WebSocketClientError {
    init(_ error: any Error) {
        switch error {
        case let error as WebSocketClientError:
            self = error
        case let error as IOError:
            self = .unreachable(reason: String(cString: strerror(error.errnoCode)), errno: error.errnoCode)
        case let error as NIOConnectionError:
            if let cause = error.connectionErrors.last?.error {
                self.init(cause)
            } else {
                self = .unreachable(reason: "the name \(error.host) does not resolve", errno: nil)
            }
        case ChannelError.connectTimeout:
            self = .unreachable(reason: String(cString: strerror(ETIMEDOUT)), errno: ETIMEDOUT)
        case is NIOHTTPClientUpgradeError:
            self = .badUpgrade("it names no protocol that was asked for")
        case HTTPParserError.invalidEOFState:
            self = .unreachable(reason: "the connection broke during the handshake", errno: nil)
        case is HTTPParserError:
            self = .badUpgrade("it is not HTTP")
        default:
            self = .unreachable(reason: "the server closed the connection without an answer", errno: nil)
        }
    }
}
