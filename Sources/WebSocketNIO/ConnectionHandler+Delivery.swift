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
            let info = try? result.get()
            let rate = info.flatMap { self.delivery.rate($0) }
            let limit = self.configuration.rateLimit.map { Double($0.bytesPerSecond) }
            self.connection?.setDeliveryRate(limit.map { min($0, rate ?? $0) } ?? rate)
        }
    }
}

/// How fast a link delivers, as far as the operating system can tell.
struct Delivery {
    /// In bytes a second: who takes no more than this may as well have a slow link.
    private static let slowReader: UInt64 = 8_000_000

    private var busy: UInt64 = 0
    private var limited: UInt64 = 0

    /// In bytes a second; nil where it was the other side that held things up, which says nothing of the link: it may have
    /// no time for what comes, and had less if it had to be inflated first.
    mutating func rate(_ info: clinux_tcp_info) -> Double? {
        let isHeldUp = (info.rwnd_limited &- limited) > (info.busy_time &- busy) / 2
        busy = info.busy_time
        limited = info.rwnd_limited
        return isHeldUp && info.delivery_rate > Self.slowReader ? nil : Double(info.delivery_rate)
    }
}
