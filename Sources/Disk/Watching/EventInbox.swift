internal import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Events on their way from the thread that reads them to the one that settles them.
final class EventInbox: Sendable {
    private struct State {
        var events: [RawEvent] = []
        var isClosed = false
    }

    /// So many unsettled events are memory better spent otherwise: it is an overflow.
    private static let limit = 1 << 20
    private static let bufferSize = 256 * 1024
    private static let handful = Duration.milliseconds(1)
    /// So many reads without a pause between them mean that events come thick.
    private static let patience = 16

    private let state = Mutex(State())
    private let arrived: WakeUp
    private let ended: WakeUp

    init() throws(DiskError) {
        arrived = try WakeUp()
        ended = try WakeUp()
    }

    /// Reads until ``close()``.
    func fill(from inotify: Descriptor) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 16)
        defer { buffer.deallocate() }
        var last = ContinuousClock.now
        var inARow = 0
        while !state.withLock({ $0.isClosed }) {
            guard ended.wait(orReadable: inotify) else { continue }
            // While events come thick they are taken by the handful: three threads wake up for each handful.
            let now = ContinuousClock.now
            inARow = now - last < Self.handful ? inARow + 1 : 0
            if inARow > Self.patience { ended.wait(Self.handful) }
            last = .now
            let count = read(inotify.raw, buffer.baseAddress, buffer.count)
            guard count > 0 else { continue }
            put(RawEvent.parse(UnsafeRawBufferPointer(rebasing: buffer[0..<count])))
        }
    }

    func put(_ events: [RawEvent]) {
        state.withLock { state in
            if state.events.count < Self.limit {
                state.events.append(contentsOf: events)
            } else {
                state.events = [RawEvent(watch: -1, kind: .overflow, name: [])]
            }
        }
        arrived.signal()
    }

    /// Waits for events, at most `limit`; nil when ``close()`` was called.
    func take(waiting limit: Duration?) -> [RawEvent]? {
        arrived.wait(limit)
        return state.withLock { state in
            if state.isClosed { return nil }
            defer { state.events.removeAll(keepingCapacity: state.events.count < 4096) }
            return state.events
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        ended.signal()
        arrived.signal()
    }
}
