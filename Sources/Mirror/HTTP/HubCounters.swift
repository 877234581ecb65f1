import Sync
import WebSocketNIO

/// What a hub counts since its start for whoever watches it. On the replica's thread, but for the traffic.
final class HubCounters {
    let traffic = Traffic()
    let deliveries = DeliveryMeter()
    /// Changes of others that were put in place on this disk.
    private(set) var applied: UInt64 = 0
    /// Changes made on this disk that came into the feed.
    private(set) var sent: UInt64 = 0
    private(set) var conflicts: UInt64 = 0

    func count(_ notice: Notice) {
        switch notice {
        case .applied: applied += 1
        case .sent: sent += 1
        case .conflict: conflicts += 1
        case .problem, .held: break
        }
    }
}
