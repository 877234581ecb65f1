import Disk
import Index
package import Tree

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
            if !removed.isEdit, let standing = try leave(removed, at: place, status) { return standing }
            // Of a kind that is not mirrored.
            guard let entry = try entry(at: place, status) else { return .settled }
            // Touched, and nothing more.
            if entry.hasSameContent(as: removed.item.expected) { return .settled }
            return .edited(entry, from: removed.item.path)
        } catch let error as StoreFailure {
            throw error
        } catch {
            return .unreadable
        }
    }

    /// What came out as expected and has another name in the tree was changed through that: it is no edit of this path.
    /// The other name has it, and is looked at.
    private func leave(_ removed: Removed, at place: Place, _ status: Status) throws -> Review? {
        guard status.links > 1, try isInTree(status) || isAt(removed.path, status) else { return nil }
        noteChange(ofInode: status.inode, at: nil)
        // Whoever still writes to it by the name that it had is heard by nobody else.
        if try place.openForReading().hasNoWriter == false { return .settled }
        try place.removeFile()
        try strike(removed)
        return .gone
    }

    private func isAt(_ path: RelativePath, _ status: Status) -> Bool {
        (try? root.status(of: path))?.identity == status.identity
    }

    private func isInTree(_ status: Status) throws(StoreFailure) -> Bool {
        let named = try indexed { () throws(IndexError) in try index.records(ofInode: status.inode) }
        return named.contains { isAt($0.path, status) }
    }

    /// What is at a place in the staging folder; nil where it is of a kind that is not mirrored.
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
        let isAway: Bool
        do {
            isAway = try putBack(removed, at: root.place(of: path))
        } catch {
            if error.isMissing { try check() }
            return false
        }
        touched.insert(path.parent)
        rules.completed(path)
        if isAway { try strike(removed) }
        return true
    }

    /// Gives what came out of the tree a name in it, which must be free.
    ///
    /// Where the file system takes two steps for that, a program that has it open would go on writing to something without
    /// a name, and nothing tell of it. Until it has closed it, this keeps the name that it has here, too, and is looked at
    /// like anything that came out.
    ///
    /// - Returns: Whether it has gone from here.
    func putBack(_ removed: Removed, at place: Place) throws(DiskError) -> Bool {
        let staged = state.staged(removed.item.token)
        if try staged.renameAtOnce(to: place) { return true }
        if staged.isBeingWritten(try staged.status()) {
            try staged.link(to: place)
            return false
        }
        try staged.renameExclusively(to: place)
        return true
    }

    /// Lets it become history, if it still holds `entry` (nil: what was expected when it came out).
    ///
    /// - Returns: whether it is done with. What a program still holds open for writing, or has changed, stays, and must be
    ///   reviewed again.
    @discardableResult
    package func retire(_ removed: Removed, holding entry: Entry? = nil) throws(StoreFailure) -> Bool {
        let item = removed.item
        let place = state.staged(item.token)
        guard let status = try? place.status() else {
            try strike(removed)
            return true
        }
        // First that nobody can write any more, then that nobody has: in this order there is no moment in between.
        if place.isBeingWritten(status) { return false }
        switch (try review(removed), entry) {
        case (.gone, _): return true
        case (.settled, nil): break
        case (.edited(let held, _), let entry?) where held.hasSameContent(as: entry): break
        case (.settled, _), (.edited, _), (.unreadable, _): return false
        }
        switch status.kind {
        case .file: return try keep(item, at: place, status, entry)
        case .symlink:
            guard let target = try? place.readSymlink() else { return false }
            try settle(item, holding: .symlink(Entry.Symlink(target: target)), size: 0)
            try? place.removeFile()
        case .directory, .special:
            // A directory is empty, or it would be an edit.
            try? place.removeDirectory()
            try? place.removeFile()
            try strike(removed)
        }
        try pruneHistory()
        return true
    }

    /// Puts a durable copy in the place of a staged file; false if that does not work, or it holds something else.
    private func separate(_ place: Place, _ file: Entry.File) -> Bool {
        guard let source = try? place.openForReading(), case .ready(let copy) = copy(file, from: source) else {
            return false
        }
        defer { staging.remove(copy, placedAt: nil) }
        let name = state.staged(copy.name)
        do throws(DiskError) {
            try name.openForReading().synchronize()
            try name.renameOver(place)
            return true
        } catch {
            try? name.removeFile()
            return false
        }
    }

    private func keep(
        _ item: RemovedItem, at place: Place, _ status: Status, _ entry: Entry?
    ) throws(StoreFailure) -> Bool {
        var entry = entry ?? item.expected
        if entry.file == nil {
            // It came out without anybody knowing what it held.
            guard let found = (try? self.entry(at: place, status)) ?? nil else { return false }
            entry = found
        }
        // What has another name could be changed by that at any time.
        if status.links > 1, let file = entry.file, !separate(place, file) { return false }
        guard (try? place.renameOver(state.kept(item.token))) != nil else { return false }
        try settle(item, holding: entry, size: status.allocated)
        try pruneHistory()
        return true
    }
}
