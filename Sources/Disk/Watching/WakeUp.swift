import CLinux

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Ends another thread's wait.
final class WakeUp: Sendable {
    private let event: Descriptor

    init() throws(DiskError) {
        let raw = clinux_eventfd()
        guard raw >= 0 else { throw .last("eventfd") }
        event = Descriptor(adopting: raw)
    }

    func signal() {
        var one: UInt64 = 1
        // It fails only when it was signalled 2⁶⁴ times unheard, and then a wait ends anyway.
        _ = write(event.raw, &one, 8)
    }

    /// Waits for ``signal()``, or for something to read from `other`; at most `limit`, rounded up to milliseconds, or
    /// for ever where nil. True where `other` can be read.
    @discardableResult
    func wait(_ limit: Duration? = nil, orReadable other: Descriptor? = nil) -> Bool {
        var milliseconds: Int32 = -1
        if let limit {
            let (seconds, attoseconds) = limit.components
            let whole = max(0, seconds) * 1000 + max(0, attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
            milliseconds = Int32(clamping: limit <= .zero ? 0 : whole)
        }
        let ready = clinux_wait(event.raw, other?.raw ?? -1, milliseconds)
        if ready & 1 != 0 {
            var count: UInt64 = 0
            _ = read(event.raw, &count, 8)
        }
        return ready > 0 && ready & 2 != 0
    }
}
