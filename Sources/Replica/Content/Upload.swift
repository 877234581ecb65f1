package import Disk
import Index
internal import Synchronization
package import Tree

/// Where content is written that comes from somebody who can't say what it will be. On whichever thread.
package final class UploadFolder: Sendable {
    private let stager: Stager
    private let floor: Floor
    /// What has come and is not named yet, by what it will be.
    private let ready = Mutex<[Entry.File: (Staged, Descriptor)]>([:])

    init(_ stager: Stager, floor: Floor) {
        self.stager = stager
        self.floor = floor
    }

    package func begin() throws(DiskError) -> Upload {
        let name = Upload.prefix + freshName()
        let place = Place(directory: stager.folder, name: Array(name.utf8))
        return Upload(try place.createFile(), place, stager, Headroom(floor: floor))
    }

    /// Keeps what was finished until it is staged.
    func offer(_ staged: Staged, _ descriptor: Descriptor, as file: Entry.File) {
        let former = ready.withLock { $0.updateValue((staged, descriptor), forKey: file) }
        if let former { stager.discard(former.0) }
    }

    func take(_ file: Entry.File) -> (Staged, Descriptor)? {
        ready.withLock { $0.removeValue(forKey: file) }
    }

    /// What was not staged is not wanted.
    package func discard(_ file: Entry.File) {
        if let (staged, _) = take(file) { stager.discard(staged) }
    }
}

/// Content that is being written to the staging folder. By one thread at a time; it goes with the last reference unless
/// it was finished.
package final class Upload: Sendable {
    /// Of names in the staging folder; what a process that was killed left there is of no use to anyone.
    static let prefix = "u-"

    package enum Failure: Error, Hashable, Sendable {
        case disk(DiskError)
        case noSpace
        case tooLarge
    }

    private struct State {
        var size: UInt64 = 0
        var headroom: Headroom
        var isFinished = false
    }

    private let target: Descriptor
    private let place: Place
    private let stager: Stager
    private let state: Mutex<State>

    init(_ target: Descriptor, _ place: Place, _ stager: Stager, _ headroom: Headroom) {
        self.target = target
        self.place = place
        self.stager = stager
        state = Mutex(State(headroom: headroom))
    }

    deinit {
        if !state.withLock(\.isFinished) { try? place.removeFile() }
    }

    package func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        let count = UInt64(bytes.count)
        let start = state.withLock { state -> Result<UInt64, Failure> in
            let start = state.size
            guard start + count <= ChunkingParameters.largestFile else { return .failure(.tooLarge) }
            guard state.headroom.allows(count, on: target, promised: { 0 }) else { return .failure(.noSpace) }
            state.size = start + count
            return .success(start)
        }
        let offset = try start.get()
        do {
            try target.write(bytes, at: offset)
        } catch {
            throw Failure(error)
        }
    }

    /// All has come: cuts and hashes it, makes it durable, and keeps it in `folder` to be staged.
    ///
    /// - Returns: What it is, and how it is cut; nil for one chunk.
    package func finish(
        mode: Mode, mtime: Timestamp, in folder: UploadFolder
    ) throws(Failure) -> (file: Entry.File, list: ChunkList?) {
        let content = try read()
        let file = Entry.File(size: content.size, digest: content.digest, mode: mode, mtime: mtime)
        do {
            let name = freshName()
            try place.renameOver(Place(directory: stager.folder, name: Array(name.utf8)))
            state.withLock { $0.isFinished = true }
            let staged = try stager.finish(file, target, name)
            try target.synchronize()
            folder.offer(staged, target, as: file)
        } catch {
            throw Failure(error)
        }
        return (file, content.list)
    }

    private func read() throws(Failure) -> ReadContent {
        do {
            return try ContentReader().read(target, status: try status())
        } catch {
            switch error {
            case .disk(let error): throw Failure(error)
            case .tooLarge: throw .tooLarge
            case .unstable, .cancelled: throw .disk(DiskError("read", code: 0))
            }
        }
    }

    private func status() throws(ContentReader.Failure) -> Status {
        do {
            return try target.status()
        } catch {
            throw .disk(error)
        }
    }
}

extension Upload.Failure {
    fileprivate init(_ error: DiskError) { self = error.isNoSpace ? .noSpace : .disk(error) }
}

extension FolderReplica {
    /// Remembers how a file is cut that was uploaded.
    package func save(_ list: ChunkList, of file: Digest) throws(StoreFailure) {
        try indexed { () throws(IndexError) in try index.save(list, of: file) }
    }
}
