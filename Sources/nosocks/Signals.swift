import CLinux
import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// SIGINT and SIGTERM: the first asks for an orderly end, a second ends the process at once. SIGHUP: what was read at
/// the start is read again. SIGCONT, and what is the same to the process, the machine's waking up: whatever was
/// connected may no longer be.
final class Signals {
    private let sources: [any DispatchSourceProtocol]

    init(
        reload: @escaping @Sendable () -> Void = {}, wake: @escaping @Sendable () -> Void = {},
        stop: @escaping @Sendable () -> Void
    ) {
        let queue = DispatchQueue(label: "signals")
        let count = Counter()
        let ends = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable in
                if count.increment() > 1 { _exit(128 + number) }
                stop()
            }
            return source
        }
        // A closed terminal sends it as well, and must not end a mirror half-way.
        signal(SIGHUP, SIG_IGN)
        let hangUp = DispatchSource.makeSignalSource(signal: SIGHUP, queue: queue)
        hangUp.setEventHandler { @Sendable in reload() }
        let continuing = DispatchSource.makeSignalSource(signal: SIGCONT, queue: queue)
        continuing.setEventHandler { @Sendable in wake() }
        sources = ends + [hangUp, continuing] + [Self.wakeUps(queue, wake)].compactMap(\.self)
        for source in sources { source.resume() }
    }

    /// The machine's wake-ups; `nil` where the system does not tell of them.
    private static func wakeUps(
        _ queue: DispatchQueue, _ wake: @escaping @Sendable () -> Void
    ) -> (any DispatchSourceProtocol)? {
        let clock = clinux_clock_watch()
        guard clock >= 0 else { return nil }
        // Used on its own queue alone.
        nonisolated(unsafe) let source = DispatchSource.makeReadSource(fileDescriptor: clock, queue: queue)
        source.setEventHandler { @Sendable in
            // A watch that fails would be readable for ever.
            if clinux_clock_watch_again(clock) != 0 { source.cancel() }
            wake()
        }
        source.setCancelHandler { @Sendable in close(clock) }
        return source
    }
}

/// Counts on one queue.
private final class Counter: @unchecked Sendable {
    private var count = 0

    func increment() -> Int {
        count += 1
        return count
    }
}
