import Disk
internal import Synchronization
import Tree

/// Reads large files on a thread of its own, so that looking at them is quick when it is their turn.
final class ReadAhead: Sendable {
    private struct State {
        var jobs: ArraySlice<Job> = []
        /// What jobs that are not done yet read.
        var paths: Set<RelativePath> = []
        /// The files that jobs which are not done yet were asked for by a look, how often each.
        var inodes: [UInt64: Int] = [:]
        var results: [RelativePath: Found] = [:]
        var begun: Begun?
        var isStarted = false
        var isStopped = false
        var thread: Thread?
    }

    /// Hears of a file that was begun of how many bytes its first chunks are.
    typealias Begun = @Sendable (RelativePath, Fingerprint, [Int]) -> Void

    private struct Job: Sendable {
        /// Nil where nothing is to be read.
        let path: RelativePath?
        /// Nil where it was not looked at before.
        var inode: UInt64?
        let done: @Sendable () -> Void
    }

    private struct Found {
        /// Nil where it could not be opened.
        let fingerprint: Fingerprint?
        let content: Result<ReadContent, ContentReader.Failure>
    }

    /// More results than this are not kept: nobody seems to want them.
    private static let limit = 256

    private let root: Root
    private let meter: ReadMeter
    private let state = Mutex(State())
    private let wakeUp = Semaphore()

    init(_ root: Root, _ meter: ReadMeter) {
        self.root = root
        self.meter = meter
    }

    /// From now on `begun` is called on the thread of this object when a file was begun that is so large that others may
    /// want to know.
    func tell(_ begun: @escaping Begun) {
        state.withLock { $0.begun = begun }
    }

    /// Reads the file at `path`, then calls `done` on the thread of this object.
    func read(_ path: RelativePath, done: @escaping @Sendable () -> Void) {
        add(Job(path: path, done: done))
    }

    /// The same for the file `inode`, which was seen at `path`. Nothing is done if what is there is about to be read.
    func read(_ path: RelativePath, inode: UInt64, done: @escaping @Sendable () -> Void) {
        guard state.withLock({ !$0.paths.contains(path) }) else { return }
        add(Job(path: path, inode: inode, done: done))
    }

    /// Whether ``read(_:inode:done:)`` was asked for this file, and has not said yet that it is done.
    func isReading(inode: UInt64) -> Bool {
        state.withLock { $0.inodes[inode] != nil }
    }

    /// Calls `done` when all has been read that was asked for so far.
    func afterReads(done: @escaping @Sendable () -> Void) {
        add(Job(path: nil, done: done))
    }

    private func add(_ job: Job) {
        let starts = state.withLock { state in
            state.jobs.append(job)
            if let path = job.path { state.paths.insert(path) }
            if let inode = job.inode { state.inodes[inode, default: 0] += 1 }
            defer { state.isStarted = true }
            return !state.isStarted && !state.isStopped
        }
        if starts {
            // Where there is none to be had now, the next one to ask tries again.
            let thread = try? Thread { [self] in run() }
            state.withLock { state in
                state.thread = thread
                state.isStarted = thread != nil
            }
        }
        wakeUp.signal()
    }

    /// What came of reading at `path`, if it is this object that was read; once.
    func take(_ path: RelativePath, _ fingerprint: Fingerprint) -> Result<ReadContent, ContentReader.Failure>? {
        let found = state.withLock { $0.results.removeValue(forKey: path) }
        // What changes all the time is to be left alone for a while, even if it has changed again since.
        if case .failure(.unstable) = found?.content { return found?.content }
        guard let found, found.fingerprint == nil || found.fingerprint == fingerprint else { return nil }
        return found.content
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
        reader.meter = meter
        reader.cancel = { [self] in state.withLock(\.isStopped) }
        while true {
            wakeUp.wait()
            let job = state.withLock { state -> Job? in
                if state.isStopped || state.jobs.isEmpty { return nil }
                return state.jobs.popFirst()
            }
            if state.withLock(\.isStopped) { return }
            guard let job else { continue }
            let found = job.path.map { ($0, read($0, reader)) }
            state.withLock { state in
                if let (path, found) = found {
                    if state.results.count >= Self.limit { state.results.removeAll() }
                    state.results[path] = found
                    state.paths.remove(path)
                }
            }
            job.done()
            // Only now: who hears that another name of the file is gone has heard of this one before.
            state.withLock { state in
                guard let inode = job.inode, let count = state.inodes[inode] else { return }
                state.inodes[inode] = count > 1 ? count - 1 : nil
            }
        }
    }

    private func read(_ path: RelativePath, _ reader: ContentReader) -> Found {
        var fingerprint: Fingerprint?
        do throws(ContentReader.Failure) {
            let file: Descriptor
            let status: Status
            do throws(DiskError) {
                file = try root.openFile(path)
                status = try file.status()
            } catch {
                throw .disk(error)
            }
            fingerprint = status.fingerprint
            guard status.kind == .file else { throw .unstable }
            let begun = state.withLock(\.begun)
            reader.begun = begun.map { begun in { cuts in begun(path, status.fingerprint, cuts) } }
            return Found(fingerprint: fingerprint, content: .success(try reader.read(file, status: status)))
        } catch {
            return Found(fingerprint: fingerprint, content: .failure(error))
        }
    }
}
