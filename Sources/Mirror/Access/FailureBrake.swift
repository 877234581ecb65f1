import NIOCore

/// Slows down whoever fails to get in: after a few wrong tokens an address waits, longer with each further one.
///
/// Bounded: of very many addresses only those that failed last are remembered.
struct FailureBrake {
    private struct Failures {
        var count: Int
        var until: NIODeadline
        var last: NIODeadline
    }

    /// So many failures cost nothing: people mistype.
    static let free = 5
    static let longest = TimeAmount.seconds(60)
    /// After so long without a failure an address begins anew.
    static let forgiven = TimeAmount.minutes(10)
    static let mostAddresses = 4096

    private var addresses: [String: Failures] = [:]

    /// How long an address has to wait from now on; nil if it need not.
    func wait(_ address: String, now: NIODeadline) -> TimeAmount? {
        guard let failures = addresses[address], failures.until > now else { return nil }
        return failures.until - now
    }

    mutating func failed(_ address: String, now: NIODeadline) {
        var failures = addresses[address] ?? Failures(count: 0, until: now, last: now)
        if now - failures.last > Self.forgiven { failures.count = 0 }
        failures.count += 1
        failures.last = now
        if failures.count > Self.free {
            let doublings = min(failures.count - Self.free - 1, 6)
            failures.until = now + min(.seconds(Int64(1 << doublings)), Self.longest)
        }
        addresses[address] = failures
        if addresses.count > Self.mostAddresses { forget(now) }
    }

    mutating func succeeded(_ address: String) {
        addresses[address] = nil
    }

    /// Forgets those whose last failure is longest ago.
    private mutating func forget(_ now: NIODeadline) {
        let oldest = addresses.sorted { $0.value.last < $1.value.last }
        for (address, _) in oldest.prefix(Self.mostAddresses / 4) { addresses[address] = nil }
    }
}
