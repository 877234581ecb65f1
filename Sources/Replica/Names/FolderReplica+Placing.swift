import Disk
import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension FolderReplica {
    /// Names staged content, or makes a directory or symlink, if and only if `expected` is what is there (nil:
    /// nothing). A directory in place of another one takes only the mode.
    package func place(
        _ entry: Entry, staged: Staged?, at path: RelativePath, expecting expected: Fingerprint?
    ) throws(StoreFailure) -> Placement<Removed> {
        if case .directory = entry, let expected, expected.isDirectory {
            return try setMetadata(entry, at: path, expecting: expected)
        }
        let object: NewObject
        do {
            object = try newObject(entry, staged)
        } catch {
            return .problem(error.problem)
        }
        let placement = try name(object, at: path, expecting: expected)
        if object.isDirectory || expected?.isDirectory == true { forgetResolved() }
        switch placement {
        case .placed(let fingerprint, _), .displaced(let fingerprint, _):
            watcher?.placed(path, fingerprint, isExchange: expected != nil)
            touched.insert(path.parent)
            if !told.isEmpty { told[path] = nil }
            rules.placed(path)
            if let staged { staging.remove(staged, placedAt: path) }
        case .changed, .noParent, .notEmpty, .problem:
            // Staged content stays for the next attempt; these are as quickly made again.
            if staged == nil { removeStaged(object) }
        }
        return placement
    }

    /// What is about to get a name in the tree, under its name in the staging folder.
    struct NewObject {
        let name: String
        let fingerprint: Fingerprint
        let isDirectory: Bool
    }

    private func newObject(_ entry: Entry, _ staged: Staged?) throws(DiskError) -> NewObject {
        switch entry {
        case .directory(let directory): return try stageDirectory(directory)
        case .symlink(let symlink): return try stageSymlink(symlink)
        case .file:
            if let staged {
                return NewObject(name: staged.name, fingerprint: staged.fingerprint, isDirectory: false)
            }
        case .tombstone: break
        }
        throw DiskError("place", code: EINVAL)
    }

    private func stageDirectory(_ directory: Entry.Directory) throws(DiskError) -> NewObject {
        let name = freshName()
        let place = state.staged(name)
        try place.makeDirectory(mode: Mode(rawValue: 0o700))
        // Made with no rights for others, and given its mode past the process's umask.
        let descriptor = try place.openDirectory()
        try descriptor.setMode(directory.mode)
        return NewObject(name: name, fingerprint: try descriptor.status().fingerprint, isDirectory: true)
    }

    private func stageSymlink(_ symlink: Entry.Symlink) throws(DiskError) -> NewObject {
        let name = freshName()
        let place = state.staged(name)
        try place.makeSymlink(to: symlink.target)
        return NewObject(name: name, fingerprint: try place.status().fingerprint, isDirectory: false)
    }

    private func removeStaged(_ object: NewObject) {
        let place = state.staged(object.name)
        if object.isDirectory { try? place.removeDirectory() } else { try? place.removeFile() }
    }

    private func name(
        _ object: NewObject, at path: RelativePath, expecting expected: Fingerprint?
    ) throws(StoreFailure) -> Placement<Removed> {
        let place: Place
        do {
            place = try self.place(of: path)
        } catch {
            guard error.isMissing else { return .problem(error.problem) }
            try check()
            return .noParent
        }
        do {
            guard let expected else { return try nameNew(object, at: place) }
            guard let status = try place.statusIfPresent(), status.fingerprint == expected else { return .changed }
            if expected.isDirectory {
                return try replaceDirectory(at: place, with: object, expecting: expected)
            }
            return try replace(at: place, path, with: object, expecting: expected)
        } catch let error as StoreFailure {
            throw error
        } catch let error as DiskError {
            // The parent went in between.
            if error.code == ENOENT { return .changed }
            return .problem(error.problem)
        } catch {
            return .problem(Problem(.failed, operation: "rename"))
        }
    }

    private func nameNew(_ object: NewObject, at place: Place) throws(DiskError) -> Placement<Removed> {
        do {
            try state.staged(object.name).renameExclusively(to: place)
        } catch  where error.isExisting {
            return .changed
        }
        return .placed(fingerprint(of: object, at: place), replaced: nil)
    }

    /// The object's fingerprint under its new name. Where somebody has written to it since, or put something else
    /// there, it is one that nothing on the disk has: so that it is read at the next look.
    private func fingerprint(of object: NewObject, at place: Place) -> Fingerprint {
        guard let now = try? place.status().fingerprint, now.isSame(exceptForChangeTime: object.fingerprint) else {
            return object.fingerprint
        }
        return now
    }

    private func replace(
        at place: Place, _ path: RelativePath, with object: NewObject, expecting expected: Fingerprint
    ) throws -> Placement<Removed> {
        hooks.beforeExchange?(path)
        // Written down first: whatever comes out, and whenever the process ends, it is found again.
        let removed = try willRemove(object.name, path, expected)
        // What comes out has the name that what goes in had.
        let staged = state.staged(removed.item.token)
        let isRenamed = removed.item.token != object.name
        let isExchanged: Bool
        do {
            if isRenamed { try state.staged(object.name).renameOver(staged) }
            isExchanged = try staged.exchange(with: place)
        } catch {
            if isRenamed { try? staged.renameOver(state.staged(object.name)) }
            try strike(removed)
            throw error
        }
        guard isExchanged else {
            if isRenamed { try staged.renameOver(state.staged(object.name)) }
            try strike(removed)
            return try moveAside(at: place, path, for: object, expecting: expected)
        }
        hooks.afterExchange?(path)
        let named = fingerprint(of: object, at: place)
        let out = try staged.status().fingerprint
        return out.isSame(exceptForChangeTime: expected)
            ? .placed(named, replaced: removed) : .displaced(named, edit: removed.asEdit)
    }

    /// Replaces in two steps, where the file system has no exchange: there is a moment without the name, but none in
    /// which anything could be lost.
    private func moveAside(
        at place: Place, _ path: RelativePath, for object: NewObject, expecting expected: Fingerprint
    ) throws -> Placement<Removed> {
        let removed = try willRemove(freshName(), path, expected)
        let aside = state.staged(removed.item.token)
        do {
            try place.renameOver(aside)
        } catch {
            try strike(removed)
            throw error
        }
        let isExpected = try aside.status().fingerprint.isSame(exceptForChangeTime: expected)
        do {
            try state.staged(object.name).renameExclusively(to: place)
        } catch {
            // Back to how it was, if nobody took the name meanwhile; else what came out is kept like any removal.
            if (try? putBack(removed, at: place)) == true { try strike(removed) }
            if error.isExisting { return .changed }
            throw error
        }
        let named = fingerprint(of: object, at: place)
        return isExpected ? .placed(named, replaced: removed) : .displaced(named, edit: removed.asEdit)
    }

    private func replaceDirectory(
        at place: Place, with object: NewObject, expecting expected: Fingerprint
    ) throws -> Placement<Removed> {
        guard try place.openDirectory().names().isEmpty else { return .notEmpty }
        let staged = state.staged(object.name)
        guard try staged.exchange(with: place) else {
            try place.removeDirectory()
            return try nameNew(object, at: place)
        }
        do throws(DiskError) {
            try staged.removeDirectory()
        } catch {
            // Something was put into it, or something else into its place, in that very moment: back.
            guard try staged.exchange(with: place) else { throw error }
            return error.isExisting ? .notEmpty : .changed
        }
        return .placed(fingerprint(of: object, at: place), replaced: nil)
    }
}

extension Fingerprint {
    var isDirectory: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    var isFile: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
}

/// Moments at which a test does what another process could.
struct Hooks {
    var beforeExchange: ((RelativePath) -> Void)?
    var afterExchange: ((RelativePath) -> Void)?
    var beforeRemoval: ((RelativePath) -> Void)?
    var afterRemoval: ((RelativePath) -> Void)?
}
