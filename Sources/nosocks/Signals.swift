import CLinux
import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// SIGINT and SIGTERM: the first asks for an orderly end, a second ends the process at once. SIGHUP: what was read at
/// the start is read again. SIGCHLD, where this is the first process of a system: a child has ended. SIGCONT, and what is
/// the same to the process, the machine's waking up: whatever was connected may no longer be.
///
/// Dispatch's own sources ask for a signal to be ignored before they hear of it: what came in between would be lost, and
/// whoever ends a process that has only just begun would wait for ever.
final class Signals {
    private let sources: [any DispatchSourceProtocol]

    /// From now on a hangup ends nobody: what came before there is someone to hear it is heard then.
    static func keepHangUps() {
        if clinux_signal_pipe() >= 0 { clinux_catch_signal(SIGHUP) }
    }

    init(
        reload: @escaping @Sendable () -> Void = {}, wake: @escaping @Sendable () -> Void = {},
        childEnded: @escaping @Sendable () -> Void = {},
        stop: @escaping @Sendable () -> Void
    ) {
        let queue = DispatchQueue(label: "signals")
        let count = Counter()
        let caught = Self.caught(queue) { number in
            switch number {
            // A closed terminal sends it as well, and must not end a mirror half-way.
            case SIGHUP: reload()
            case SIGCONT: wake()
            case SIGCHLD: childEnded()
            default:
                if count.increment() > 1 { _exit(128 + number) }
                stop()
            }
        }
        sources = [caught, Self.wakeUps(queue, wake)].compactMap(\.self)
        for source in sources { source.resume() }
    }

    /// `nil`, and they do what they always do, where the process has no descriptor left for it.
    private static func caught(
        _ queue: DispatchQueue, _ handle: @escaping @Sendable (Int32) -> Void
    ) -> (any DispatchSourceProtocol)? {
        let pipe = clinux_signal_pipe()
        guard pipe >= 0 else { return nil }
        let source = DispatchSource.makeReadSource(fileDescriptor: pipe, queue: queue)
        source.setEventHandler { @Sendable in
            var number: UInt8 = 0
            while read(pipe, &number, 1) == 1 { handle(Int32(number)) }
        }
        for number in [SIGINT, SIGTERM, SIGHUP, SIGCONT] { clinux_catch_signal(number) }
        if getpid() == 1 { clinux_catch_signal(SIGCHLD) }
        return source
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
