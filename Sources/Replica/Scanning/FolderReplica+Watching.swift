package import Disk
package import Tree

extension FolderReplica {
    /// Begins to watch. Directories are watched as a ``scan(inside:)`` meets them, so a scan should follow.
    ///
    /// - Parameter deliver: called on threads of the replica's, with what to do next on the replica's own.
    /// - Throws: where the system cannot watch; then the folder must be scanned now and then.
    package func watch(deliver: @escaping @Sendable (ReplicaSignal) -> Void) throws(DiskError) {
        self.deliver = deliver
        readAhead.tell { path, fingerprint, cuts in deliver(.reading(path, fingerprint, cuts)) }
        let forwarder = Forwarder(
            root: root, readAhead: readAhead, rules: rules, size: settings.readAheadSize, deliver: deliver)
        let watcher = try Watcher(
            root, delays: settings.delays, pollInterval: settings.pollInterval, excluding: rules
        ) { forwarder.forward($0) }
        try watcher.start()
        self.watcher = watcher
    }

    /// A comparison of the folder, or of a part of it and all inside, with the index.
    ///
    /// - Parameter isThorough: whether all that is not in step wants a look, and not only what changed on the disk.
    package func scan(inside directory: RelativePath? = nil, isThorough: Bool = false) -> Scan {
        Scan(self, inside: directory, isThorough: isThorough)
    }

    /// Asks for a ``ReplicaSignal/barrier(_:)`` behind all that has happened in the folder so far.
    ///
    /// - Returns: False where only a scan can tell what has happened.
    package func barrier(_ id: UInt64) -> Bool {
        guard polling == nil else { return false }
        return watcher?.barrier(id, through: state.descriptor) ?? false
    }

    /// How many directories are watched, and how many a user's programs may watch together; nil where nothing is
    /// watched.
    package var watchUsage: (watched: Int, allowed: Int)? { watcher?.usage }

    /// Why the folder is to be compared as a whole now and then; nil where the watcher tells of everything, or polls
    /// what it can't watch.
    package var polling: Polling? {
        if watcher == nil { return .unwatched }
        if let name = fileSystemWithoutEvents { return .withoutEvents(fileSystem: name) }
        return settings.isPolling ? .asked : nil
    }

    package enum Polling: Hashable, Sendable {
        /// The system can't watch here.
        case unwatched
        /// What changes on other machines has no events here.
        case withoutEvents(fileSystem: String)
        /// Somebody wants it.
        case asked
    }

    /// Whether directories are unwatched because too few watches are allowed; meaningful after a scan.
    package var watchShortage: Watcher.Shortage? { watcher?.shortage }
}

/// Passes on what the watcher says, with large files read before anybody has to wait for them.
private struct Forwarder: Sendable {
    let root: Root
    let readAhead: ReadAhead
    let rules: RuleBook
    let size: UInt64
    let deliver: @Sendable (ReplicaSignal) -> Void

    func forward(_ signal: Watcher.Signal) {
        switch signal {
        case .rootMoved: deliver(.rootMoved)
        // Behind the large files that are being read.
        case .barrier(let id): readAhead.afterReads { [deliver] in deliver(.barrier(id)) }
        case .rescan(let path, let reason): deliver(.rescan(path, reason))
        case .dirty(let all): forward(all)
        }
    }

    private func forward(_ all: [Dirty]) {
        var ready: [Dirty] = []
        ready.reserveCapacity(all.count)
        var subtrees: [RelativePath] = []
        for dirty in all {
            if dirty.isSubtree {
                subtrees.append(dirty.path)
            } else if dirty.rereading, isLarge(dirty.path) {
                readAhead.read(dirty.path) { [deliver] in deliver(.dirty([dirty])) }
            } else {
                ready.append(dirty)
            }
        }
        if !ready.isEmpty { deliver(.dirty(ready)) }
        for path in subtrees { deliver(.rescan(path, nil)) }
    }

    private func isLarge(_ path: RelativePath) -> Bool {
        guard let status = try? root.status(of: path), status.kind == .file,
            !rules.excludes(path, isDirectory: false)
        else { return false }
        return status.size >= size
    }
}
