import WebSocketNIO

/// Where a hub is to be reached.
package struct HubListener: Sendable {
    package var address: HubAddress
    /// A socket that listens there already, where this process was given one.
    package var descriptor: Int32?

    package init(address: HubAddress, descriptor: Int32? = nil) {
        self.address = address
        self.descriptor = descriptor
    }

    var place: WebSocketServer.Address {
        if let descriptor { return .socket(descriptor) }
        return address.socketPath.map { .unixSocket(path: $0) } ?? .host(address.host, port: address.port)
    }
}
