import NIOCore
import NIOSSL
import Synchronization

/// A server's TLS. Its identity may change while the server runs.
package final class ServerTLS: Sendable {
    private let current: Mutex<ServerIdentity>

    package init(_ identity: ServerIdentity) {
        current = Mutex(identity)
    }

    /// Who connections are met as that come from now on.
    package var identity: ServerIdentity { current.withLock { $0 } }

    /// Connections that are open, or on their way, keep the identity that they met.
    package func replace(_ identity: ServerIdentity) {
        current.withLock { $0 = identity }
    }

    /// What comes first in a channel's pipeline.
    func makeHandlers() -> [any ChannelHandler] {
        [NIOSSLServerHandler(context: identity.context, configuration: .frugal), PlainHTTPAnswer()]
    }
}
