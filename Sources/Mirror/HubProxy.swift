import WebSocketNIO

/// Through whom a peer reaches its hub, where the environment says so.
package struct HubProxy: Hashable, Sendable, CustomStringConvertible {
    let proxy: Proxy

    /// A variable that can't be followed: which, why, and what to write.
    package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// The environment's variables that matter.
    package static var variables: [String] { ProxyEnvironment.variables }

    /// Reads the variables as curl does; nil where the hub is to be reached directly.
    package init?(to hub: HubAddress, environment: [String: String]) throws(Fault) {
        do {
            let chosen = try ProxyEnvironment(environment).proxy(to: hub.socketAddress, isTLS: hub.isSecure)
            guard let chosen else { return nil }
            proxy = chosen
        } catch {
            throw Fault(description: "\(error)")
        }
    }

    /// Whether the way to it leads beyond this machine.
    package var isInTheOpen: Bool { !HubAddress.isLoopback(proxy.host) }

    /// How it is spoken of: without its secret.
    package var description: String { proxy.description }
}

extension HubAddress {
    /// Where to connect to.
    var socketAddress: WebSocketClient.Address {
        socketPath.map { .unixSocket(path: $0) } ?? .host(host, port: port)
    }
}
