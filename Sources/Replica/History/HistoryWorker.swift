import Disk
internal import Synchronization
import Tree

/// Makes packs and removes files on a thread of its own: with large files both take longer than a save may wait. Nothing
/// is removed while another process looks at what is kept, by what the index said when it began.
final class HistoryWorker: Sendable {
    /// A version to be reduced to the chunks that a later one lacks.
    struct Packing: Sendable {
        let item: Int64
        /// Its name in the history folder.
        let name: String
        let file: Entry.File
        let list: ChunkList
        let base: Int64
        let baseName: String
        let baseFile: Entry.File
        let baseList: ChunkList
    }

    /// What became of a ``Packing``.
    struct Packed: Sendable {
        let packing: Packing
        /// What the pack takes on the disk, in bytes; nil where the version stays as it is.
        let size: UInt64?
    }

    private enum Job: Sendable {
        case pack(Packing)
        case remove(String)
    }

    private struct State {
        var jobs: [Job] = []
        var next = 0
        var packed: [Packed] = []
        /// Files that others may still be looking at.
        var spared: Set<String> = []
        var isStarted = false
        var isStopped = false
        var thread: Thread?
    }

    /// A pack that would take more than three quarters of the file is not worth it.
    private static let worth = (part: UInt64(3), of: UInt64(4))
    /// A larger file is cut by so much at a time before it is removed, in bytes: so other work on the disk gets its turn.
    private static let cut: UInt64 = 32 << 20

    /// For how long others are left to look at what is to be removed before it is tried again, in milliseconds.
    private static let patience = 200

    private let folder: Descriptor
    /// Another descriptor of the folder, for a hold that concerns this thread alone.
    private let gate: Descriptor?
    private let state = Mutex(State())
    private let wakeUp = Semaphore()

    /// - Parameter folder: the history folder.
    init(_ folder: Descriptor) {
        self.folder = folder
        gate = try? Place(directory: folder, name: [UInt8(ascii: ".")]).openDirectory()
    }

    func pack(_ packing: Packing) { add([.pack(packing)]) }
    func remove(_ names: [String]) { add(names.map { .remove($0) }) }

    /// How many files wait for others to have looked at them.
    var sparedCount: Int { state.withLock(\.spared.count) }

    /// What became of the versions that were to be packed, since the last call.
    func takePacked() -> [Packed] {
        state.withLock { state in
            defer { state.packed = [] }
            return state.packed
        }
    }

    private func add(_ jobs: [Job]) {
        guard !jobs.isEmpty else { return }
        let starts = state.withLock { state in
            state.jobs += jobs
            defer { state.isStarted = true }
            return !state.isStarted && !state.isStopped
        }
        if starts, let thread = try? Thread({ [self] in run() }) {
            state.withLock { $0.thread = thread }
        }
        wakeUp.signal()
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

    private var isStopped: Bool { state.withLock(\.isStopped) }

    private func run() {
        while true {
            // That others have looked at it nobody says.
            if sparedCount > 0 { wakeUp.wait(atMost: Self.patience) } else { wakeUp.wait() }
            removeSpared()
            while let job = nextJob() {
                switch job {
                case .remove(let name): removeIfFree(name)
                case .pack(let packing):
                    let packed = Packed(packing: packing, size: try? make(packing))
                    state.withLock { $0.packed.append(packed) }
                }
            }
            if isStopped { return }
        }
    }

    private func nextJob() -> Job? {
        state.withLock { state in
            guard !state.isStopped, state.next < state.jobs.count else {
                state.jobs.removeAll(keepingCapacity: true)
                state.next = 0
                return nil
            }
            defer { state.next += 1 }
            return state.jobs[state.next]
        }
    }

    private func place(_ name: String) -> Place { Place(directory: folder, name: Array(name.utf8)) }

    private func removeSpared() {
        let spared = state.withLock { state in
            defer { state.spared = [] }
            return state.spared
        }
        for name in spared { removeIfFree(name) }
    }

    private func removeIfFree(_ name: String) {
        guard let gate else { return remove(name) }
        // Where there are no locks, nobody holds one.
        guard (try? gate.holdIfFree(.alone)) ?? true else { return state.withLock { _ = $0.spared.insert(name) } }
        remove(name)
        gate.letGo()
    }

    private func remove(_ name: String) {
        let place = place(name)
        if let status = try? place.status(), status.allocated > Self.cut, status.links == 1,
            let file = try? place.openForWriting()
        {
            var size = status.size
            while size > Self.cut, !isStopped {
                size -= Self.cut
                guard (try? file.truncate(to: size)) != nil else { break }
            }
        }
        try? place.removeFile()
    }

    /// Makes a pack, and says what it takes on the disk; nil where it is not worth it.
    private func make(_ packing: Packing) throws(DiskError) -> UInt64? {
        let lacked = packing.list.chunks(lackedBy: packing.baseList)
        let size = lacked.reduce(0) { $0 + UInt64($1.chunk.size) }
        guard size / Self.worth.part < packing.file.size / Self.worth.of else { return nil }
        let source = try whole(packing.name, packing.file)
        _ = try whole(packing.baseName, packing.baseFile)
        let place = place(HistoryPack.name(packing.name))
        try? place.removeFile()
        let target = try place.createFile()
        do {
            try HistoryPack.write(lacked, from: source, to: target) { !isStopped }
            try folder.synchronizeNames()
            return try target.status().allocated
        } catch {
            try? place.removeFile()
            throw error
        }
    }

    /// Opens a version, if it is as it came out of the tree, and ours alone: what has another name may change yet.
    private func whole(_ name: String, _ expected: Entry.File) throws(DiskError) -> Descriptor {
        let file = try place(name).openForReading()
        let status = try file.status()
        guard status.size == expected.size, status.links == 1 else { throw DiskError("pack", code: 0) }
        return file
    }
}
