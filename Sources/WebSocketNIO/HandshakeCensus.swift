import NIOCore
import Synchronization

/// Bounds how many of a server's connections are no WebSockets yet, in all and from one address. When one too many
/// comes, the one that has waited longest goes: an honest handshake takes a moment, and those that a flood leaves
/// behind only make room for each other.
final class HandshakeCensus: Sendable {
    fileprivate struct Guest {
        let channel: any Channel
        let prefix: String
    }

    fileprivate struct State {
        var lastID: UInt64 = 0
        var guests: [UInt64: Guest] = [:]
        /// By address, in order of arrival.
        var arrivals: [String: [UInt64]] = [:]
    }

    private let limit: Int
    private let limitPerAddress: Int
    private let state = Mutex(State())

    init(limit: Int, perAddress: Int) {
        self.limit = max(1, limit)
        limitPerAddress = max(1, perAddress)
    }

    /// A connection has come.
    ///
    /// - Returns: What to call when it is a WebSocket, or gone.
    func arrived(_ channel: any Channel) -> @Sendable () -> Void {
        let prefix = channel.remoteAddress?.prefix ?? ""
        let (id, victim) = state.withLock { state in
            state.lastID += 1
            let victim = excess(state, prefix).flatMap { state.remove($0) }
            state.guests[state.lastID] = Guest(channel: channel, prefix: prefix)
            state.arrivals[prefix, default: []].append(state.lastID)
            return (state.lastID, victim?.channel)
        }
        if let victim {
            victim.eventLoop.execute { victim.drop() }
        }
        return { [self] in
            state.withLock { _ = $0.remove(id) }
        }
    }

    /// Who has to go for one more from this address.
    private func excess(_ state: State, _ prefix: String) -> UInt64? {
        if let own = state.arrivals[prefix], own.count >= limitPerAddress, !prefix.isEmpty { return own.first }
        return state.guests.count >= limit ? state.guests.keys.min() : nil
    }
}

extension HandshakeCensus.State {
    fileprivate mutating func remove(_ id: UInt64) -> HandshakeCensus.Guest? {
        guard let guest = guests.removeValue(forKey: id) else { return nil }
        arrivals[guest.prefix]?.removeAll { $0 == id }
        if arrivals[guest.prefix]?.isEmpty == true { arrivals[guest.prefix] = nil }
        return guest
    }
}

/// One connection's place among a census's guests. On the connection's event loop.
final class HandshakeSeat {
    private let census: HandshakeCensus
    private let channel: any Channel
    private var left: (@Sendable () -> Void)?

    init(_ census: HandshakeCensus, _ channel: any Channel) {
        self.census = census
        self.channel = channel
        left = census.arrived(channel)
    }

    /// It is a guest, from now on if it was not.
    func take() {
        if left == nil { left = census.arrived(channel) }
    }

    /// It is a WebSocket, or is served, or has gone.
    func leave() {
        left?()
        left = nil
    }
}
