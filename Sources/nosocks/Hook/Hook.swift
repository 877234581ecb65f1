import Dispatch
import Mirror
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What `--exec` asks for: a command that is run when changes of others have been put in place, with their event lines
/// on its stdin. It runs once at a time; what comes meanwhile is the next run's. Nothing ever waits for it.
final class Hook: Sendable {
    private struct State: ~Copyable {
        /// What the next run is about.
        var spool: Spool?
        /// A first copy is one batch, however long it takes.
        var isInSync = false
        /// A run is due, or under way.
        var isBusy = false
        var command: ShellCommand?
        var saidFull = false
        /// Nobody waits for it any longer than this.
        var deadline: ContinuousClock.Instant?
        var isOver = false
    }

    /// How long changes are gathered before a run.
    private static let pause = DispatchTimeInterval.milliseconds(100)
    /// How long the command may take once this process has been asked to end, which it does within 5 s.
    private static let grace = Duration.milliseconds(4500)
    /// How long a command that is told to end has for that.
    private static let dying = Duration.milliseconds(250)

    private let command: String
    private let output: StandardStream
    private let talk: Talk
    private let state = Mutex(State())
    /// One at a time.
    private let queue = DispatchQueue(label: "hook")
    /// One whenever a run has ended, or the time that something has is up.
    private let turns = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// - Parameter output: Where the command's stdout goes.
    init(_ command: String, output: StandardStream, talk: Talk) {
        self.command = command
        self.output = output
        self.talk = talk
    }

    func tell(_ event: MirrorEvent) {
        switch event {
        case .applied, .appliedMove, .conflict: for line in EventLine.lines(of: event, isInSync: true) { add(line) }
        case .connected: state.withLock { $0.isInSync = false }
        case .inSync, .disconnected:
            state.withLock { $0.isInSync = true }
            runSoon()
        default: break
        }
    }

    private func add(_ line: EventLine) {
        let bytes = JSONLine.bytes(line)
        let problem = state.withLock { state -> String? in
            guard !state.isOver else { return nil }
            do throws(Spool.Failure) {
                if state.spool == nil { state.spool = try Spool() }
                state.spool?.append(bytes)
                return nil
            } catch {
                defer { state.saidFull = true }
                return state.saidFull ? nil : error.reason
            }
        }
        if let problem { talk.warn("--exec: the command does not run: changes can't be kept for it: \(problem)") }
        runSoon()
    }

    private func runSoon() {
        let isDue = state.withLock { state in
            guard state.spool != nil, state.isInSync, !state.isBusy, !state.isOver else { return false }
            state.isBusy = true
            return true
        }
        if isDue { queue.asyncAfter(deadline: .now() + Self.pause) { @Sendable in self.run() } }
    }

    /// On the queue alone.
    private func run() {
        let started = state.withLock { state -> Result<ShellCommand, ShellCommand.Failure>? in
            guard var spool = state.spool.take(), !state.isOver else { return nil }
            spool.rewind()
            return Result { () throws(ShellCommand.Failure) in
                let command = try ShellCommand(command, input: spool.descriptor, output: output)
                state.command = command
                return command
            }
        }
        switch started {
        case .success(let command)?: see(command)
        case .failure(let failure)?: talk.warn("--exec: /bin/sh can't be run: \(failure.reason)")
        case nil: break
        }
        ShellCommand.collectOrphans()
        state.withLock { $0.isBusy = false }
        runSoon()
        turns.continuation.yield()
    }

    /// Some process that came to be a child of this one has ended.
    func childEnded() { queue.async { @Sendable in ShellCommand.collectOrphans() } }

    private func see(_ command: ShellCommand) {
        command.wait()
        let (status, isOver) = state.withLock { state in
            // No longer to be signalled: from here on its id may be another's.
            state.command = nil
            return (command.collect(), state.isOver)
        }
        turns.continuation.yield()
        if status != 0, !isOver {
            talk.warn("--exec: the command ended with \(status); it is run again when something changes")
        }
    }

    // MARK: Ending

    /// The process has been asked to end.
    func stop() {
        let deadline = state.withLock { state in
            let deadline = state.deadline ?? .now + Self.grace
            state.deadline = deadline
            return deadline
        }
        turn(at: deadline)
    }

    /// Waits until all changes have had their run: as long as that takes where this process ends of itself, and not past
    /// the time that it has where it was asked to.
    func finish() async {
        state.withLock { $0.isInSync = true }
        runSoon()
        var turn = turns.stream.makeAsyncIterator()
        while state.withLock({ $0.isBusy || $0.spool != nil }) {
            if let deadline = state.withLock({ $0.deadline }), deadline <= .now { return await end(&turn) }
            await turn.next()
        }
    }

    private func end(_ turn: inout AsyncStream<Void>.Iterator) async {
        talk.warn("--exec: the command takes too long, and is ended")
        for signal in [SIGTERM, SIGKILL] {
            state.withLock { state in
                state.isOver = true
                state.command?.signal(signal)
            }
            let deadline = ContinuousClock.now + Self.dying
            self.turn(at: deadline)
            while state.withLock({ $0.command != nil }), deadline > .now { await turn.next() }
        }
    }

    private func turn(at time: ContinuousClock.Instant) {
        Task {
            try? await Task.sleep(until: time, clock: .continuous)
            turns.continuation.yield()
        }
    }
}
