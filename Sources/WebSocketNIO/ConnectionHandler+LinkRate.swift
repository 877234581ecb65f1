import CLinux
import NIOCore

extension ConnectionHandler {
    /// Bytes, before compression, and nanoseconds between two looks at how fast the link is.
    private static let lookInterval: (bytes: Int, time: UInt64) = (64 << 10, 1_000_000)
    /// In bytes a second: on a faster link nothing waits for long.
    private static let slowLink = 50e6
    /// In bytes.
    private static let leastUnsent: CInt = 32 << 10

    /// The operating system has taken what was so many bytes before compression: finds out now and then how fast they go.
    /// What the operating system takes says nothing of that while it has room of its own.
    func noteTaken(_ bytes: Int, at now: UInt64) {
        takenSinceLook += bytes
        guard takenSinceLook >= Self.lookInterval.bytes, now >= nextLook, clinux_TCP_INFO >= 0,
            let options = context?.channel as? any SocketOptionProvider
        else { return }
        takenSinceLook = 0
        nextLook = now + Self.lookInterval.time
        let info: EventLoopFuture<clinux_tcp_info> = options.unsafeGetSocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: clinux_TCP_INFO))
        info.assumeIsolated().whenComplete { result in
            var rate: Double? = .infinity
            // A Unix socket has no such thing, and no link either.
            if let info = try? result.get() { rate = self.link.rate(LinkMeter.Reading(info, at: now)) }
            self.keepUnsentLow(rate)
            let limit = self.configuration.rateLimit?.bytesPerSecond.map { Double($0) }
            self.connection?.setLinkRate(limit.map { min($0, rate ?? $0) } ?? rate)
        }
    }
}

extension ConnectionHandler {
    /// On a slow link the operating system is to hold no more than the link takes in 20 ms, besides what is on its way:
    /// it would take megabytes, and what is small and new would wait for them (`TCP_NOTSENT_LOWAT`, tcp(7)).
    private func keepUnsentLow(_ rate: Double?) {
        guard let rate, let channel = context?.channel, clinux_TCP_NOTSENT_LOWAT >= 0 else { return }
        // 0 is what the system has for all.
        let wanted = rate < Self.slowLink ? max(Self.leastUnsent, CInt(max(0, rate) / 50)) : 0
        // A link's rate is never quite the same twice.
        guard wanted == 0 ? unsentLimit != 0 : wanted > unsentLimit * 2 || wanted < unsentLimit / 2 else { return }
        unsentLimit = wanted
        let name = NIOBSDSocket.Option(rawValue: clinux_TCP_NOTSENT_LOWAT)
        let option = ChannelOptions.Types.SocketOption(level: .tcp, name: name)
        channel.setOption(option, value: SocketOptionValue(wanted)).whenFailure { _ in
            // A Unix socket has none.
        }
    }
}

/// Finds out how fast a link is from what the operating system has counted since the last look.
///
/// A link is known to be slow by what it acknowledges while it alone holds things up: while something was on its way and
/// the other side had room for more. Where that is less than half of the time, something else is the slow one.
struct LinkMeter {
    struct Reading {
        /// In nanoseconds.
        var time: UInt64
        /// In bytes.
        var acknowledged: UInt64
        /// In nanoseconds: how long something was on its way, and for how much of that the other side had no room.
        var busy: UInt64
        var heldUp: UInt64
        /// In bytes a second: the newest measurement.
        var deliveryRate: UInt64
    }

    /// A sample ends with the first of these, in bytes and nanoseconds, if there is that much, in bytes, at all.
    private static let sample: (bytes: UInt64, time: UInt64, least: UInt64) = (512 << 10, 20_000_000, 32 << 10)
    /// In bytes a second: nobody who sends less is held up by what is measured here, and so nothing is.
    private static let trickle = 1e6
    /// In bytes a second: a reader that takes no more than this may as well have a slow link behind it.
    private static let slowReader: UInt64 = 8_000_000
    /// Samples of which the median counts: a processor that is away for a moment makes no slow link, nor a pause a fast one.
    private static let few = 5

    private var last: Reading?
    private var samples: [Double] = []

    /// In bytes a second; infinity where it is not the link that holds things up, nil as long as nothing is known.
    mutating func rate(_ reading: Reading) -> Double? {
        guard let last else {
            self.last = reading
            return nil
        }
        let bytes = reading.acknowledged &- last.acknowledged
        let time = reading.time &- last.time
        let isLong = time >= Self.sample.time && bytes >= Self.sample.least
        guard isLong || bytes >= Self.sample.bytes else { return median }
        self.last = reading
        let heldUp = reading.heldUp &- last.heldUp
        let busy = max(reading.busy &- last.busy, heldUp) - heldUp
        if heldUp > busy, reading.deliveryRate <= Self.slowReader {
            add(Double(reading.deliveryRate))
        } else if busy > time / 2 {
            add(Double(bytes) * 1e9 / Double(busy))
        } else if Double(bytes) * 1e9 > Self.trickle * Double(time) {
            add(.infinity)
        }
        return median
    }

    private mutating func add(_ sample: Double) {
        if samples.count == Self.few { samples.removeFirst() }
        samples.append(sample)
    }

    private var median: Double? {
        samples.isEmpty ? nil : samples.sorted()[samples.count / 2]
    }
}

extension LinkMeter.Reading {
    init(_ info: clinux_tcp_info, at now: UInt64) {
        self.init(
            time: now, acknowledged: info.bytes_acked, busy: info.busy_time &* 1000,
            heldUp: info.rwnd_limited &* 1000, deliveryRate: info.delivery_rate)
    }
}
