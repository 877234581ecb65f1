/// Decides when to ask a silent peer for a sign of life, and when to give it up. It has no clock: times are
/// nanoseconds on any clock that never runs back.
package struct Keepalive: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        /// Nothing is due; look again at this time.
        case wait(until: UInt64)
        /// Send a ping, and look again at this time.
        case ping(lookAgain: UInt64)
        /// Nothing was heard for too long: drop the connection.
        case dead
    }

    private let pingInterval: UInt64
    private let deadInterval: UInt64
    private var lastHeard: UInt64
    private var lastPing: UInt64?
    /// When a sign of life that was demanded must have come.
    private var demanded: UInt64?

    /// - Parameters:
    ///   - pingInterval: Nanoseconds of silence after which a ping is sent, and again after as many.
    ///   - deadInterval: Nanoseconds of silence after which the peer counts as dead.
    package init(pingInterval: UInt64, deadInterval: UInt64, now: UInt64) {
        self.pingInterval = max(1, pingInterval)
        self.deadInterval = max(1, deadInterval)
        self.lastHeard = now
    }

    /// Any byte came: it proves as much as a pong does.
    package mutating func heard(at now: UInt64) {
        lastHeard = now
        lastPing = nil
        demanded = nil
    }

    /// Gives the peer this many nanoseconds from now, at the most, and has it asked at once.
    package mutating func demand(within time: UInt64, at now: UInt64) {
        demanded = min(demanded ?? .max, now &+ time)
        lastPing = nil
    }

    package mutating func check(at now: UInt64) -> Action {
        let death = min(lastHeard &+ deadInterval, demanded ?? .max)
        if now >= death { return .dead }
        let due = lastPing.map { $0 &+ pingInterval } ?? (demanded == nil ? lastHeard &+ pingInterval : now)
        if now < due { return .wait(until: min(due, death)) }
        lastPing = now
        return .ping(lookAgain: min(now &+ pingInterval, death))
    }
}
