import Disk
import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension FolderReplica {
    /// Takes what is at `path` out of the tree if and only if it is what is expected. A directory must be empty.
    package func remove(_ path: RelativePath, expecting expected: Fingerprint) throws(StoreFailure) -> Removal<Removed>
    {
        do {
            let place = try self.place(of: path)
            guard let status = try place.statusIfPresent(), status.fingerprint == expected else {
                try check()
                return .changed
            }
            if expected.isDirectory { forgetResolved() }
            let removal =
                expected.isDirectory
                ? try removeDirectory(place, path, expected) : try takeOut(place, path, expected)
            touched.insert(path.parent)
            rules.completed(path)
            return removal
        } catch let error as StoreFailure {
            throw error
        } catch let error as DiskError {
            guard error.isMissing else { return .problem(error.problem) }
            try check()
            return .changed
        } catch {
            return .problem(Problem(.failed, operation: "remove"))
        }
    }

    private func removeDirectory(
        _ place: Place, _ path: RelativePath, _ expected: Fingerprint
    ) throws -> Removal<Removed> {
        do throws(DiskError) {
            try place.removeDirectory()
        } catch {
            if error.isExisting { return .notEmpty }
            guard error.code == ENOTDIR else { throw error }
            return .changed
        }
        let (known, origin) = try known(at: path, expected)
        if known.isDirectory { try keepDirectory(known, at: path, origin) }
        return .removed(nil)
    }

    private func takeOut(_ place: Place, _ path: RelativePath, _ expected: Fingerprint) throws -> Removal<Removed> {
        hooks.beforeRemoval?(path)
        let removed = try willRemove(freshName(), path, expected)
        let aside = state.staged(removed.item.token)
        do {
            try place.renameOver(aside)
        } catch {
            try strike(removed)
            throw error
        }
        hooks.afterRemoval?(path)
        if try aside.status().fingerprint.isSame(exceptForChangeTime: expected) { return .removed(removed) }
        // An edit. It goes back to where it was, unless that name was taken meanwhile.
        let isAway: Bool
        do throws(DiskError) {
            isAway = try putBack(removed, at: place)
        } catch {
            return .displaced(edit: removed.asEdit)
        }
        if isAway { try strike(removed) }
        return .changed
    }

    /// Renames within the tree, if `path` holds what is expected and nothing is at `target`.
    package func rename(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Renaming {
        do {
            if let renaming = try renameAtOnce(path, to: target, expecting: expected) { return renaming }
        } catch {
            if error.isExisting { return .occupied }
            guard error.isMissing else { return .problem(error.problem) }
            try check()
            return .changed
        }
        return try renameInSteps(path, to: target, expecting: expected)
    }

    /// Nil where the file system cannot, and nothing was done.
    private func renameAtOnce(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(DiskError) -> Renaming? {
        let from = try self.place(of: path)
        let to = try self.place(of: target)
        if expected.isDirectory { forgetResolved() }
        guard let status = try from.statusIfPresent(), status.fingerprint == expected else { return .changed }
        if expected.isDirectory {
            try from.renameExclusively(to: to)
        } else {
            guard try from.renameAtOnce(to: to) else {
                // Not to be taken out in vain: put back, it has another change time, and would be tried for ever.
                return try to.statusIfPresent() == nil ? nil : .occupied
            }
        }
        touched.insert(path.parent)
        touched.insert(target.parent)
        rules.completed(path)
        rules.completed(target)
        // What was put there in the last moment has moved too: it is whole, and a look at both names shows it.
        if try !to.status().fingerprint.isSame(exceptForChangeTime: expected) {
            try? to.renameExclusively(to: from, by: state.staged(freshName()))
            return .changed
        }
        return .renamed
    }

    /// Out of the tree, and in again under the other name. What comes out counts as an edit until it is in again, and
    /// becomes a conflict copy where it finds neither name free.
    private func renameInSteps(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Renaming {
        let item = RemovedItem(
            token: freshName(), path: path, fingerprint: .outOfSight, expected: .tombstone, seconds: index.clock())
        try indexed { () throws(IndexError) in try index.willRemove([item], durably: false) }
        let removed = Removed(item: item)
        let aside = state.staged(item.token)
        do {
            try place(of: path).renameOver(aside)
        } catch {
            try strike(removed)
            return error.isMissing ? .changed : .problem(error.problem)
        }
        touched.insert(path.parent)
        rules.completed(path)
        let isExpected = (try? aside.status())?.fingerprint.isSame(exceptForChangeTime: expected) == true
        if isExpected, try restore(removed, at: target) { return .renamed }
        return try restore(removed, at: path) && isExpected ? .occupied : .changed
    }

    /// Renames a file that has no other name, with all that the disk keeps of it, if `path` holds what is expected and
    /// nothing is at `target`. Nil where nothing was done.
    ///
    /// Its content was agreed on under the former name and needs no look: so however large it is, this takes no time.
    ///
    /// - Returns: what the file's fingerprint is now.
    package func move(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Fingerprint? {
        do throws(DiskError) {
            let from = try self.place(of: path)
            let to = try self.place(of: target)
            // What has other names, in the tree or elsewhere, would go on to be changed by those.
            guard let status = try from.statusIfPresent(), status.fingerprint == expected, status.kind == .file,
                status.links == 1
            else { return nil }
            hooks.beforeRemoval?(path)
            guard try from.renameAtOnce(to: to) else { return nil }
            touched.insert(path.parent)
            touched.insert(target.parent)
            let fingerprint = try to.status().fingerprint
            guard fingerprint.isSame(exceptForChangeTime: expected) else {
                // An edit of the last moment: back to where it was made, or else a look at both names shows it.
                try? to.renameExclusively(to: from, by: state.staged(freshName()))
                return nil
            }
            watcher?.moved(path, to: target, fingerprint)
            if !told.isEmpty { told[target] = nil }
            return fingerprint
        } catch {
            return nil
        }
    }

    /// Writes down what is about to be taken out of the tree.
    func willRemove(
        _ token: String, _ path: RelativePath, _ expected: Fingerprint
    ) throws(StoreFailure) -> Removed {
        if let item = foretold[path], item.fingerprint == expected {
            foretold[path] = nil
            return Removed(item: item)
        }
        let (known, origin) = try known(at: path, expected)
        let item = RemovedItem(
            token: token, path: path, fingerprint: expected, expected: known, seconds: index.clock(), origin: origin)
        try indexed { () throws(IndexError) in try index.willRemove([item], durably: false) }
        return Removed(item: item)
    }

    /// What will be taken out because of these records, if nothing comes in between. Written down together it costs a
    /// fraction of what it does one by one.
    func foretell(_ records: [Record]) throws(StoreFailure) -> [RemovedItem] {
        var items: [RemovedItem] = []
        let arriving = Set(records.lazy.filter { $0.fingerprint == nil }.compactMap(\.remote.entry.file?.digest))
        for record in records {
            guard record.offered == nil, let fingerprint = record.fingerprint, record.isReplacedAtOnce else { continue }
            // It is renamed, as a rule.
            if record.remote.entry.isTombstone, let digest = record.base.entry.file?.digest, arriving.contains(digest) {
                continue
            }
            let (known, origin) = try known(at: record.path, fingerprint)
            items.append(
                RemovedItem(
                    token: freshName(), path: record.path, fingerprint: fingerprint, expected: known,
                    seconds: index.clock(), origin: origin))
        }
        return items
    }

    /// Strikes off what was not taken out after all.
    func strikeForetold() throws(StoreFailure) {
        guard !foretold.isEmpty else { return }
        let tokens = foretold.values.map { (token: $0.token, history: nil as HistoryItem?) }
        try indexed { () throws(IndexError) in try index.settle(tokens) }
        foretold.removeAll(keepingCapacity: true)
    }

    /// What the object of this fingerprint holds, as far as that is known, and which version of the path it is. Where
    /// neither the index nor the last look says what it holds, that is a tombstone here.
    private func known(at path: RelativePath, _ expected: Fingerprint) throws(StoreFailure) -> (Entry, Origin) {
        let (record, origin) = try indexed { () throws(IndexError) in try index.recordAndOrigin(at: path) }
        var known = record.fingerprint == expected ? record.offered ?? record.base.entry : .tombstone
        if known.isTombstone, let seen = lastSeen, seen.path == path, seen.fingerprint == expected {
            known = seen.entry
        }
        return (known, known.hasSameContent(as: record.base.entry) ? origin : .unknown)
    }

    /// Strikes off what was not taken out after all, or has a name again.
    func strike(_ removed: Removed) throws(StoreFailure) {
        try indexed { () throws(IndexError) in try index.settle(removed.item.token) }
    }
}

extension Record {
    /// Whether a file or symlink is here whose place something takes that needs no content first, or so little that it
    /// comes along.
    fileprivate var isReplacedAtOnce: Bool {
        switch (base.entry, remote.entry) {
        case (.file, .tombstone), (.file, .symlink), (.symlink, .tombstone), (.symlink, .symlink): true
        case (.file, .file(let file)), (.symlink, .file(let file)):
            file.isOneChunk && !base.entry.hasSameContent(as: remote.entry)
        default: false
        }
    }
}
