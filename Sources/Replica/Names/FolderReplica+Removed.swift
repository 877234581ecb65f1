import Disk
import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension FolderReplica {
    /// What was taken out of the tree and is not yet history, oldest first; after a crash, also what was taken out
    /// before it.
    package func removed() throws(StoreFailure) -> [Removed] {
        try indexed { () throws(IndexError) in try index.removed().map { Removed(item: $0) } }
    }

    /// Looks at it again: still what was expected, or an edit that nobody has seen.
    package func review(_ removed: Removed) throws(StoreFailure) -> Review {
        let place = state.staged(removed.item.token)
        do {
            guard let status = try place.statusIfPresent() else {
                try strike(removed)
                return .gone
            }
            if status.fingerprint.isSame(exceptForChangeTime: removed.item.fingerprint) { return .settled }
            guard let entry = try entry(at: place, status) else { return .settled }
            // Touched, and nothing more.
            if entry.hasSameContent(as: removed.item.expected) { return .settled }
            return .edited(entry, from: removed.item.path)
        } catch let error as StoreFailure {
            throw error
        } catch {
            // It can't be read now. It stays, and is reviewed again.
            return .settled
        }
    }

    /// What is at a place in the staging folder; nil where it changes all the time, or is of a kind that is not
    /// mirrored.
    private func entry(at place: Place, _ status: Status) throws -> Entry? {
        switch status.kind {
        case .special: return nil
        case .directory: return .directory(Entry.Directory(mode: status.mode))
        case .symlink: return .symlink(Entry.Symlink(target: try place.readSymlink()))
        case .file:
            let file = try place.openForReading()
            let content = try reader.read(file, status: try file.status())
            if let list = content.list { try index.save(list, of: content.digest) }
            return .file(
                Entry.File(size: content.size, digest: content.digest, mode: status.mode, mtime: status.mtime))
        }
    }

    /// Names it again at `path`; false if something is there.
    package func restore(_ removed: Removed, at path: RelativePath) throws(StoreFailure) -> Bool {
        do {
            try state.staged(removed.item.token).renameExclusively(to: root.place(of: path))
        } catch {
            if error.isMissing { try check() }
            return false
        }
        touched.insert(path.parent)
        rules.completed(path)
        try strike(removed)
        return true
    }

    /// Lets it become history, if it still holds `entry` (nil: what was expected when it came out). What a program
    /// still holds open for writing stays, and is reviewed again at the next start.
    package func retire(_ removed: Removed, holding entry: Entry? = nil) throws(StoreFailure) {
        let item = removed.item
        let place = state.staged(item.token)
        guard let status = try? place.status() else { return try strike(removed) }
        // First that nobody can write any more, then that nobody has: in this order there is no moment in between.
        if status.kind == .file, let file = try? place.openForReading(), file.hasNoWriter == false { return }
        switch (try review(removed), entry) {
        case (.settled, nil): break
        case (.edited(let held, _), let entry?) where held.hasSameContent(as: entry): break
        case (.settled, _), (.edited, _), (.gone, _): return
        }
        guard status.kind == .file else {
            // Links are cheap to make again, and a directory is empty or it would be an edit.
            if status.kind == .directory { try? place.removeDirectory() } else { try? place.removeFile() }
            return try strike(removed)
        }
        guard (try? place.renameOver(state.kept(item.token))) != nil else { return }
        try settle(item, holding: entry, size: status.size)
        try pruneHistory()
    }

    /// Writes down that this lies in the history folder now.
    func settle(_ item: RemovedItem, holding entry: Entry? = nil, size: UInt64) throws(StoreFailure) {
        let history = HistoryItem(
            name: item.token, path: item.path, entry: entry ?? item.expected, size: size, seconds: Int64(time(nil)))
        try indexed { () throws(IndexError) in try index.settle(item.token, as: history) }
    }

    /// Removes history that is too old or too much, the oldest first, a little at a time so that nobody waits for it.
    func pruneHistory() throws(StoreFailure) {
        let now = Int64(time(nil))
        let limit = now - Int64(settings.historyDays) * 86_400
        var size = try indexed { () throws(IndexError) in try index.historySize() }
        guard size > settings.historySize || now >= nextPruning else { return }
        let oldest = try indexed { () throws(IndexError) in try index.oldestHistory(limit: 32) }
        var gone: [HistoryItem] = []
        for item in oldest where item.seconds < limit || size > settings.historySize {
            try? state.kept(item.name).removeFile()
            gone.append(item)
            size -= min(size, item.size)
        }
        // What is too old goes on going; else it is looked for once a minute.
        nextPruning = gone.isEmpty ? now + 60 : now
        guard !gone.isEmpty else { return }
        sources.forgetFiles()
        try indexed { () throws(IndexError) in try index.removeHistory(gone) }
    }
}
