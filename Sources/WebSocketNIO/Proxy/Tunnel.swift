import NIOCore
import NIOSSL

/// A way to a server through a proxy.
struct Tunnel: Sendable {
    let proxy: Proxy
    private let host: String
    private let port: Int
    /// With the proxy itself.
    private let tls: ClientTLSSession?
    private let maxHeadSize: Int

    /// `nil` for a Unix socket, which no proxy reaches. May read the system's authorities, so not for an event loop.
    ///
    /// - Parameter authorities: Whom an `https` proxy is trusted by.
    init?(
        through proxy: Proxy, to address: WebSocketClient.Address, configuration: WebSocketConfiguration = .client,
        authorities: NIOSSLTrustRoots = .default
    ) throws(WebSocketClientError) {
        guard case .host(let host, let port) = address else { return nil }
        // It becomes part of a line, or is counted in a byte.
        guard host.utf8.count <= 255, host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw .proxy("\(proxy) can't be asked for a server of that name")
        }
        self.proxy = proxy
        self.host = host
        self.port = port
        maxHeadSize = configuration.maxHeadSize
        do {
            tls =
                proxy.kind == .https
                ? try ClientTLSSession(.systemTrust, to: .host(proxy.host, port: proxy.port), authorities: authorities)
                : nil
        } catch {
            throw .proxy("\(proxy) cannot be used: \(error)")
        }
    }

    /// Where to connect to.
    var entrance: WebSocketClient.Address { .host(proxy.host, port: proxy.port) }

    /// - Parameters:
    ///   - fail: Learns why there is no tunnel.
    ///   - opened: What begins in the channel once there is one.
    func install(
        in channel: any Channel, fail: @escaping (WebSocketClientError) -> Void,
        opened: @escaping (any Channel) throws -> Void
    ) throws {
        try tls?.install(in: channel, named: nil) { fail(.proxy("\(proxy) cannot be used: \($0)")) }
        try channel.pipeline.syncOperations.addHandler(
            TunnelHandler(negotiation, fail: { fail(.proxy("\(proxy) \($0)")) }, opened: opened))
    }

    private var negotiation: any TunnelNegotiation {
        switch proxy.kind {
        case .http, .https:
            ConnectNegotiation(
                to: "\(host.contains(":") ? "[\(host)]" : host):\(port)", credentials: proxy.credentials,
                maxHeadSize: maxHeadSize)
        case .socks5:
            SOCKSNegotiation(to: host, port: port, credentials: proxy.credentials)
        }
    }

    /// No connection to the proxy.
    func unreachable(_ error: any Error) -> WebSocketClientError {
        .proxy("\(proxy) cannot be reached: \(WebSocketClientError(error))")
    }

    /// What a failure beyond the proxy may have to do with it.
    func explain(_ error: WebSocketClientError) -> WebSocketClientError {
        switch error {
        case .unreachable(let reason, let errno): .unreachable(reason: "\(reason) (through \(proxy))", errno: errno)
        case .timedOut: .unreachable(reason: "\(error) (through \(proxy))", errno: nil)
        default: error
        }
    }
}
