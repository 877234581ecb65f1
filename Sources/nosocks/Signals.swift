import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// SIGINT and SIGTERM: the first asks for an orderly end, a second ends the process at once. SIGHUP: what was read at
/// the start is read again.
final class Signals {
    private let sources: [any DispatchSourceSignal]

    init(reload: @escaping @Sendable () -> Void = {}, stop: @escaping @Sendable () -> Void) {
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
        sources = ends + [hangUp]
        for source in sources { source.resume() }
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
