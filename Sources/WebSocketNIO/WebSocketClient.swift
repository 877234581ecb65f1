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
        let dialer = Dialer(
            address: address, source: source, tls: session, tunnel: tunnel, configuration: configuration)
        let handshake = Handshake(
            head: head, subprotocols: subprotocols, configuration: configuration, handler: handler,
            outcome: group.any().makePromise(of: WebSocketConnection.self))
        return try await dialer.connect(handshake.outcome, group: group) { try handshake.begin($0) }
    }

    private struct Handshake: Sendable {
        let head: HTTPRequestHead
        let subprotocols: [String]
        let configuration: WebSocketConfiguration
        let handler: any WebSocketHandler
        let outcome: EventLoopPromise<WebSocketConnection>

        /// With the server, on the channel's event loop.
        func begin(_ channel: any Channel) throws {
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
