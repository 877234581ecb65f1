import Disk
internal import Synchronization
import Tree

/// Reads large files on a thread of its own, so that looking at them is quick when it is their turn.
final class ReadAhead: Sendable {
    private struct State {
        var jobs: [Job] = []
        var results: [RelativePath: Found] = [:]
        var isStarted = false
        var isStopped = false
        var thread: Thread?
    }

    private struct Job: Sendable {
        /// Nil where nothing is to be read.
        let path: RelativePath?
        let done: @Sendable () -> Void
    }

    struct Found: Sendable {
        let fingerprint: Fingerprint
        let content: ReadContent
    }

    /// More results than this are not kept: nobody seems to want them.
    private static let limit = 256

    private let root: Root
    private let state = Mutex(State())
    private let wakeUp = Semaphore()

    init(_ root: Root) {
        self.root = root
    }

    /// Reads the file at `path`, then calls `done` on the thread of this object.
    func read(_ path: RelativePath, done: @escaping @Sendable () -> Void) {
        add(Job(path: path, done: done))
    }

    /// Calls `done` when all has been read that was asked for so far.
    func afterReads(done: @escaping @Sendable () -> Void) {
        add(Job(path: nil, done: done))
    }

    private func add(_ job: Job) {
        let starts = state.withLock { state in
            state.jobs.append(job)
            defer { state.isStarted = true }
            return !state.isStarted && !state.isStopped
        }
        if starts, let thread = try? Thread({ [self] in run() }) {
            state.withLock { $0.thread = thread }
        }
        wakeUp.signal()
    }

    /// What was read at `path`, if it was this object; once.
    func take(_ path: RelativePath, _ fingerprint: Fingerprint) -> ReadContent? {
        state.withLock { state in
            guard let found = state.results.removeValue(forKey: path) else { return nil }
            return found.fingerprint == fingerprint ? found.content : nil
        }
    }

    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        wakeUp.signal()
        thread?.join()
    }

    private func run() {
        let reader = ContentReader()
        reader.cancel = { [self] in state.withLock(\.isStopped) }
        while true {
            wakeUp.wait()
            let job = state.withLock { state -> Job? in
                if state.isStopped || state.jobs.isEmpty { return nil }
                return state.jobs.removeFirst()
            }
            if state.withLock(\.isStopped) { return }
            guard let job else { continue }
            if let path = job.path, let found = read(path, reader) {
                state.withLock { state in
                    if state.results.count >= Self.limit { state.results.removeAll() }
                    state.results[path] = found
                }
            }
            job.done()
        }
    }

    private func read(_ path: RelativePath, _ reader: ContentReader) -> Found? {
        guard let file = try? root.openFile(path), let status = try? file.status(), status.kind == .file,
            let content = try? reader.read(file, status: status)
        else { return nil }
        return Found(fingerprint: status.fingerprint, content: content)
    }
}
