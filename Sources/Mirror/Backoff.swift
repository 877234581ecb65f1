import NIOCore

/// How long to wait before the next attempt to connect: doubling from 0.25 s to 30 s, with full jitter, so that the
/// peers of a hub that was away do not all come back in the same instant.
struct Backoff {
    private static let shortest = TimeAmount.milliseconds(250)
    private static let longest = TimeAmount.seconds(30)

    private var ceiling = Self.shortest

    mutating func next(using random: inout some RandomNumberGenerator) -> TimeAmount {
        defer { ceiling = min(ceiling + ceiling, Self.longest) }
        return .nanoseconds(Int64.random(in: 0...ceiling.nanoseconds, using: &random))
    }

    /// A connection came about.
    mutating func reset() {
        ceiling = Self.shortest
    }
}
