import CLinux
import NIOCore

extension ConnectionHandler {
    /// Bytes, before compression, between two looks at how fast the connection delivers.
    private static let deliveryInterval = 64 << 10

    /// The operating system has taken what was so many bytes before compression: finds out now and then how fast the other
    /// side acknowledges what it gets. What the operating system takes says nothing of that while it has room of its own.
    func noteTaken(_ bytes: Int) {
        takenSinceDelivery += bytes
        guard takenSinceDelivery >= Self.deliveryInterval, clinux_TCP_INFO >= 0,
            let options = context?.channel as? any SocketOptionProvider
        else { return }
        takenSinceDelivery = 0
        let info: EventLoopFuture<clinux_tcp_info> = options.unsafeGetSocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: clinux_TCP_INFO))
        info.assumeIsolated().whenComplete { result in
            // A Unix socket has no such thing.
            self.connection?.setDeliveryRate((try? result.get()).map { Double($0.delivery_rate) })
        }
    }
}
