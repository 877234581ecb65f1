package import Disk
package import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// One folder as a versioned store: what is known of it, what is on its disk, and the content between them.
///
/// Has what the machines ask of a store. Belongs to one thread or actor; only its signals come from elsewhere. After a
/// crash at any instant each path holds one whole version, and what was taken out of the tree is found again.
package final class FolderReplica {
    package let root: Root
    package let index: Index
    package private(set) var settings: ReplicaSettings
    let state: StateFolder
    private let lock: FolderLock

    let reader = ContentReader()
    package let readMeter = ReadMeter()
    let readAhead: ReadAhead
    let stager: Stager
    package let stagingAhead: StagingAhead
    package let uploads: UploadFolder
    let rules: RuleBook
    var watcher: Watcher?
    /// Who is told what to do next, once somebody is.
    var deliver: (@Sendable (ReplicaSignal) -> Void)?
    /// Whether looks that can wait leave large files to another thread (``Observation/reading``). It takes a watcher.
    package var putsOffReading = false
    var recent = RecentContent(limit: 4 << 20)
    var arrived = RecentContent(limit: 64 << 20)
    var staging = StagingLedger()
    var headroom: Headroom
    /// How many bytes of history should make room for what arrives.
    var spaceWanted: UInt64 = 0
    var transfers: [Digest: Transfer] = [:]
    /// Of a file of which another version is expected.
    var copyAhead: CopyAhead?
    var sources = SourceCache()
    /// What was written down as about to be taken out, together with the records that ask for it, and was not yet.
    var foretold: [RelativePath: RemovedItem] = [:]
    /// Beyond how many chunk lists those that nothing needs are looked for.
    var listLimit: Int
    /// Directories in which names changed since they were last made durable.
    var touched: Set<RelativePath?> = []
    var hooks = Hooks()
    /// When to look for history that is too old, in seconds since 1970.
    var nextPruning: Int64 = 0
    let historyWorker: HistoryWorker
    /// How many versions are being packed.
    var packing = 0
    /// Files in the history folder that are needed until what took their place is durable.
    var spent: [String] = []
    /// Names in the history folder that were not compared with the index since the start; nil before it began.
    var unswept: ArraySlice<[UInt8]>?
    /// Whether ``tend()`` has something to do.
    package internal(set) var wantsTending = true
    /// What was looked at last: what is taken out of the tree next, as a rule.
    var lastSeen: (path: RelativePath, fingerprint: Fingerprint, entry: Entry)?
    /// By inode, files that were seen to have changed and may have other names.
    var sightings: [UInt64: Sighting] = [:]
    /// By inode, the names of files that were seen to have come from another name since then, and to have no other: that
    /// the former ones are gone is nothing new to these.
    var soleNames: [UInt64: RelativePath] = [:]
    /// What the index says of the file that was looked at last, where that came from another name.
    var lastNamed: (fingerprint: Fingerprint, records: [Record])?
    private var resolved = ResolvedDirectories()
    private var isInBatch = false
    /// The kind of file system, where it does not tell of what others change on it.
    let fileSystemWithoutEvents: String?
    /// Problems that were told already.
    var told: [RelativePath: Problem] = [:]

    /// Opens the folder at `path`, and makes its state folder where it has none.
    ///
    /// - Parameter role: what to say of this process to another one that wants the folder too, as `hub`.
    package init(
        at path: [UInt8], role: String, settings: ReplicaSettings = ReplicaSettings()
    ) throws(OpenFailure) {
        Memory.keep()
        self.settings = settings
        listLimit = settings.spareLists
        let floor = Floor(settings.minimumFree)
        headroom = Headroom(floor: floor)
        root = try Self.openRoot(at: path, resolution: settings.resolution)
        if let outer = Self.replica(around: root.path) { throw .inside(replicaAt: outer) }
        if let place = settings.state { try StateFolder.put(at: place, for: root) }
        do {
            state = try StateFolder(in: root)
        } catch {
            throw error.problem.reason == .unreadable ? .unreadable(error) : .failed(error)
        }
        do {
            lock = try FolderLock(at: Place(directory: state.descriptor, name: Array("lock".utf8)), role: role)
        } catch {
            switch error {
            case .held(let holder): throw .held(by: holder)
            case .failed(let error): throw .failed(error)
            }
        }
        do {
            index = try Index(
                path: state.indexPath(in: root), newReplica: Self.newID(),
                home: Index.Home(root: root.identity.inode, state: state.identity.inode))
        } catch {
            throw .index(error)
        }
        readAhead = ReadAhead(root, readMeter)
        reader.meter = readMeter
        stager = Stager(folder: state.staging)
        stagingAhead = StagingAhead(stager, floor: floor)
        uploads = UploadFolder(stager, floor: floor)
        fileSystemWithoutEvents = root.descriptor.fileSystemWithoutEvents
        historyWorker = HistoryWorker(state.history)
        rules = RuleBook(root, command: settings.ignore)
        do {
            try state.save(patterns: settings.ignore)
        } catch {
            throw .failed(error)
        }
        try recover()
    }

    deinit {
        close()
    }

    /// The replica's random id, given when its index was made.
    package var id: UInt64 { index.replica }
    static func newID() -> UInt64 { UInt64.random(in: 1...UInt64.max) }

    /// Whether its state was found to be another folder's, as a copy is: everything was forgotten, and nothing that is
    /// missing here counts as deleted.
    package var wasElsewhere: Bool { index.wasElsewhere }

    /// From now on these are in force, of what may change while the folder is held: patterns, how much history is kept,
    /// and how much stays free.
    /// Whoever asks what is ignored hears of the patterns.
    package func use(_ new: ReplicaSettings) throws(DiskError) {
        settings.historyDays = new.historyDays
        settings.historySize = new.historySize
        settings.minimumFree = new.minimumFree
        headroom.floor.use(new.minimumFree)
        nextPruning = 0
        wantsTending = true
        guard settings.ignore != new.ignore else { return }
        settings.ignore = new.ignore
        rules.use(command: new.ignore)
        try state.save(patterns: new.ignore)
    }

    /// Ends its threads. Nothing else may be called afterwards.
    package func close() {
        watcher?.stop()
        watcher = nil
        readAhead.stop()
        stagingAhead.stop()
        copyAhead = nil
        historyWorker.stop()
        // Where that fails, the next process reads it.
        try? index.checkpoint()
    }

    /// Works off a batch, if the folder still is the one that was opened. In it a directory is resolved once for all that
    /// is done there in a row.
    ///
    /// Whoever moves a directory meanwhile is taken to have done so after what was done in it here; the watcher tells of
    /// the move when the batch is over.
    package func batch(_ body: () throws(StoreFailure) -> Void) throws(StoreFailure) {
        try check()
        isInBatch = true
        defer {
            isInBatch = false
            forgetResolved()
            lastNamed = nil
        }
        try body()
    }

    /// Nothing is going on: lets go of what is kept for the case that it is wanted soon.
    ///
    /// - Returns: whether there is something to be reviewed that others took out of the tree.
    package func rest() -> Bool {
        dropAbandoned()
        if copyAhead?.isOver == true { copyAhead = nil }
        tendAtRest()
        let hasAdopted = (try? adoptAside()) ?? false
        recent.removeAll()
        watcher?.rest()
        sources = SourceCache()
        Memory.trim()
        return hasAdopted
    }

    /// Where to listen for other processes of this machine. Whatever was left there by an earlier one goes.
    package func socketPath(_ name: String) -> String { state.socketPath(name) }

    package func clearSocket(_ name: String) throws(DiskError) {
        do {
            try Place(directory: state.descriptor, name: Array(name.utf8)).removeFile()
        } catch  where error.isMissing {}
    }

    /// Whether there is nothing in the folder but its state.
    package var isEmpty: Bool {
        (try? root.descriptor.names().allSatisfy { $0 == StatePlace.name }) ?? false
    }

    func place(of path: RelativePath) throws(DiskError) -> Place {
        guard isInBatch else { return try root.place(of: path) }
        let parent = path.parent
        if let directory = try resolved.directory(at: parent) {
            return Place(directory: directory, name: Array(path.name), path: path)
        }
        do throws(DiskError) {
            let place = try root.place(of: path)
            resolved.found(parent, place.directory)
            return place
        } catch {
            if error.isMissing, let parent { resolved.missed(parent, error) }
            throw error
        }
    }

    /// A directory was made, moved or removed here: its path means another one now.
    func forgetResolved() { resolved = ResolvedDirectories() }

    /// A directory was just seen at `path`, if it was not there before.
    func foundDirectory(_ path: RelativePath) { resolved.appeared(path) }

    /// Checks what ``check()`` checks, after `path` was found missing; once for all that is in a missing directory.
    func checkMissing(_ path: RelativePath) throws(StoreFailure) {
        let parent = path.parent
        if let parent, resolved.isChecked(parent) { return }
        try check()
        if let parent { resolved.checked(parent) }
    }

    /// Checks that the folder is the one that was opened, with the state that was opened: without that, nothing that is
    /// missing from it may be taken for deleted.
    package func check() throws(StoreFailure) {
        guard root.isInPlace else {
            throw .rootChanged("\(RelativePath.printable(root.path)) is gone, or another folder is there")
        }
        guard state.isInPlace(in: root) else {
            throw .rootChanged("the state folder of \(RelativePath.printable(root.path)) is gone, or another one")
        }
    }

    private static func openRoot(at path: [UInt8], resolution: Root.Resolution?) throws(OpenFailure) -> Root {
        do {
            return try Root(at: path, resolution: resolution)
        } catch {
            switch error.code {
            case ENOENT: throw .missing
            case ENOTDIR: throw .notDirectory
            case EACCES, EPERM: throw .unreadable(error)
            default: throw .failed(error)
            }
        }
    }

    /// Where the state of the replica in a folder is, or would be.
    package static func statePath(of folder: [UInt8]) -> [UInt8] {
        let usual = folder + [UInt8(ascii: "/")] + StatePlace.name
        return (try? StatePlace(of: Root(at: folder)).elsewhere()).flatMap(\.self) ?? usual
    }

    /// The path of a replica in which something new in the folder at `path` would lie.
    package static func replica(over path: [UInt8]) -> String? {
        guard let folder = try? Root(at: path) else { return nil }
        return replica(around: folder.path + Array("/new".utf8))
    }

    /// The path of a replica that `path`, absolute and without symlinks, lies inside of.
    private static func replica(around path: [UInt8]) -> String? {
        var rest = path[...]
        while let cut = rest.lastIndex(of: UInt8(ascii: "/")) {
            rest = rest[..<cut]
            let outer = rest.isEmpty ? [UInt8(ascii: "/")] : Array(rest)
            guard let root = try? Root(at: outer),
                let state = try? StatePlace(of: root).open(),
                (try? Place(directory: state, name: Array("index.sqlite".utf8)).status()) != nil
            else { continue }
            return RelativePath.printable(outer)
        }
        return nil
    }
}
