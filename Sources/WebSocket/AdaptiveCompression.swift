/// Finds out, while bulk goes by, whether compressing makes a connection faster, and follows.
///
/// Compressing is the bottleneck of a fast link and the cure of a slow one, and nobody knows beforehand which it is, nor
/// how fast the other side takes what it gets. So what counts is the outcome: how many bytes go by, before compression,
/// in a time. Now and then the other way is tried on a little; the better one stays, and on a tie the one that costs no
/// work. Each attempt in vain makes the next one rarer. And what is known to be a slow link is not tried.
package struct AdaptiveCompression: Sendable {
    /// In bytes. What is smaller is compressed anyway: it waits for nobody's work, and its bytes may.
    package static let bulk = 16 << 10
    /// In bytes: enough to tell, and little enough to lose.
    private static let sample = 2 << 20
    /// In nanoseconds: who sends nothing for longer, and has nothing waiting, had nothing to send.
    private static let pause: UInt64 = 20_000_000
    /// In bytes a second. A link this slow profits, whoever else may be slow.
    private static let slow = 40e6
    /// In bytes a second: over a link like this there is time to compress harder.
    private static let slowest = 8e6
    /// In bytes a second: no compressor is faster.
    private static let fast = 300e6
    /// By so many times compressing must be faster.
    private static let margin = 1.25
    /// In nanoseconds, from one attempt to the next.
    private static let intervals: ClosedRange<UInt64> = 1_000_000_000...64_000_000_000

    private var isCompressing = true
    private var isTrying = false
    /// What the other way has to surpass, in bytes a second.
    private var rate = 0.0
    private var nextTrial: UInt64 = 0
    private var interval = Self.intervals.lowerBound
    private var began: UInt64 = 0
    private var last: UInt64 = 0
    private var bytes = 0

    package init() {}

    /// How the message that is sent next should be compressed, if it shrinks.
    ///
    /// - Parameters:
    ///   - count: Its length, in bytes.
    ///   - isBacklogged: Whether what was sent before still waits for the socket.
    ///   - deliveryRate: How fast the other side acknowledges what it gets, in bytes a second; nil where that is not known.
    ///   - now: In nanoseconds, of a clock that never goes back.
    package mutating func next(
        _ count: Int, isBacklogged: Bool, deliveryRate: Double? = nil, at now: UInt64
    ) -> Compression {
        guard count >= Self.bulk else { return .quick }
        // Before the operating system's own buffers are full, much goes by on any link.
        if let deliveryRate, deliveryRate < Self.slow {
            isCompressing = true
            isTrying = false
            bytes = 0
            return deliveryRate > 0 && deliveryRate < Self.slowest ? .thorough : .quick
        }
        if bytes == 0 || now - last > Self.pause && !isBacklogged {
            begin(at: now)
        } else if bytes >= Self.sample, now > began {
            conclude(Double(bytes) * 1e9 / Double(now - began), at: now)
            begin(at: now)
        }
        last = now
        bytes += count
        return isCompressing ? .quick : .none
    }

    private mutating func begin(at now: UInt64) {
        began = now
        bytes = 0
    }

    private mutating func conclude(_ measured: Double, at now: UInt64) {
        if isTrying {
            isTrying = false
            let isBetter = isCompressing ? measured > rate * Self.margin : measured * Self.margin > rate
            if isBetter {
                rate = measured
                interval = Self.intervals.lowerBound
            } else {
                isCompressing.toggle()
                interval = min(interval * 2, Self.intervals.upperBound)
            }
            nextTrial = now + interval
        } else {
            rate = measured
            let isSettled = isCompressing ? rate < Self.slow : rate > Self.fast
            guard now >= nextTrial, !isSettled else { return }
            isTrying = true
            isCompressing.toggle()
        }
    }
}

/// How hard a message is compressed.
package enum Compression: Hashable, Comparable, Sendable {
    case none
    case quick
    /// About a fifth smaller, at a third of the speed.
    case thorough

    /// zlib's level; nil for the usual one.
    package var level: Int? { self == .thorough ? 6 : nil }
}
