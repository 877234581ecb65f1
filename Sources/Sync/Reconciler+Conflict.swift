package import Tree

/// What became of the hub's entry where something local keeps the name.
enum Keeping {
    /// It is beside it, or somewhere else already.
    case kept
    /// Nobody has its content.
    case lost
    case open(Attempt)
}

extension Reconciler {
    /// How many digits of the digest are tried in a conflict copy's name, one after the other, while the name holds
    /// something else.
    private static var digits: [Int] { [8, 16, 32, 64] }

    /// Names under which `entry` is kept beside `path`, the best first. What is a conflict copy itself may have one of them.
    private func copies(of path: RelativePath, by author: String, _ entry: Entry) -> [RelativePath] {
        let digest = digest(of: entry)
        return Self.digits.compactMap {
            ConflictName.path(for: path, author: author, digest: digest, digits: $0)
        }.filter { $0 != path }
    }

    private func digest(of entry: Entry) -> Digest {
        switch entry {
        case .file(let file): file.digest
        case .symlink(let symlink): store.digest(of: symlink.target)
        case .directory, .tombstone: store.digest(of: [])
        }
    }

    /// Renames the local loser to its conflict copy's name.
    mutating func setLocalAside(_ record: Record, _ found: Found) throws(StoreFailure) -> Attempt {
        guard let fingerprint = found.fingerprint else { return .again }
        // Where a file system takes two steps for that, what comes out may have to be looked at again.
        hasRemoved = true
        for copy in copies(of: record.path, by: name, found.entry) {
            switch try store.rename(record.path, to: copy, expecting: fingerprint) {
            case .renamed:
                touched.append(copy)
                notices.append(.conflict(path: record.path, copy: copy))
                return .again
            case .changed:
                return .again
            case .occupied:
                guard try isCopied(found.entry, at: copy) else { continue }
                return try removeRedundant(record.path, fingerprint, found.entry, keptAt: copy)
            case .problem(let problem):
                notices.append(.problem(record.path, problem))
                return .waiting(.problem)
            }
        }
        notices.append(.problem(record.path, Problem(.nameNotPossible, operation: "rename")))
        return .waiting(.problem)
    }

    /// The loser is already kept elsewhere.
    private mutating func removeRedundant(
        _ path: RelativePath, _ fingerprint: Fingerprint, _ entry: Entry, keptAt copy: RelativePath
    ) throws(StoreFailure) -> Attempt {
        switch try store.remove(path, expecting: fingerprint) {
        case .removed(let removed):
            hasRemoved = true
            // Whoever has just deleted the copy may have done so because this was still here.
            if let removed, try !isCopied(entry, at: copy), try store.restore(removed, at: copy) {
                touched.append(copy)
                notices.append(.conflict(path: path, copy: copy))
            }
            return .again
        case .changed: return .again
        case .displaced(let edit):
            try rescue(edit)
            return .again
        case .notEmpty: return .again
        case .problem(let problem):
            notices.append(.problem(path, problem))
            return .waiting(.problem)
        }
    }

    /// Keeps the hub's file or symlink as a conflict copy, since a local directory keeps the name.
    mutating func setRemoteAside(_ record: Record) throws(StoreFailure) -> Keeping {
        let entry = record.remote.entry
        for copy in copies(of: record.path, by: record.author, entry) {
            let there = try self.record(at: copy).remote
            if there.entry.hasSameContent(as: entry) {
                // One that was there before may be what was renamed to this path, and go as soon as that is heard of.
                if there.revision > record.remote.revision { return .kept }
                continue
            }
            var staged: Store.Staged?
            if case .file(let file) = entry {
                let before = missing.count
                staged = try takePrepared(file, at: record.path)
                if staged == nil, missing.count == before { return .open(.waiting(.problem)) }
                if staged == nil {
                    guard gone.contains(file.digest) else { return .open(.waiting(.content)) }
                    // What is here is not to wait for ever. Whoever is away and has the file keeps it as history.
                    missing.removeLast(missing.count - before)
                    return .lost
                }
            }
            let placement = try store.place(entry, staged: staged, at: copy, expecting: nil)
            switch placement {
            case .placed, .displaced:
                touched.append(copy)
                notices.append(.conflict(path: record.path, copy: copy))
                return .kept
            case .changed, .noParent, .notEmpty, .problem:
                if let staged, case .file(let file) = entry { putBack(staged, of: file, at: record.path) }
            }
            if case .problem(let problem) = placement {
                notices.append(.problem(copy, problem))
                return .open(.waiting(.problem))
            }
            if try isCopied(entry, at: copy) { return .kept }
        }
        notices.append(.problem(record.path, Problem(.nameNotPossible, operation: "rename")))
        return .open(.waiting(.problem))
    }

    /// Whether a conflict copy is on the disk already, and nothing of the hub's is about to take its place: what was renamed
    /// from there goes as soon as that is followed.
    private func isCopied(_ entry: Entry, at copy: RelativePath) throws(StoreFailure) -> Bool {
        let record = try record(at: copy)
        if record.isPending, !record.remote.entry.hasSameContent(as: entry) { return false }
        guard case .present(let there, _) = try store.look(at: copy, record: record, rereading: false) else {
            return false
        }
        return there.hasSameContent(as: entry)
    }

    /// Looks again at everything that came out of the tree: it becomes history, or was edited meanwhile and becomes a
    /// conflict copy.
    package mutating func reviewRemoved() throws(StoreFailure) {
        hasRemoved = false
        for removed in try store.removed() {
            switch try store.review(removed) {
            case .settled, .gone: if try !store.retire(removed, holding: nil) { hasRemoved = true }
            case .edited(let entry, let path): try rescue(removed, as: entry, from: path)
            case .unreadable: hasRemoved = true
            }
        }
    }

    /// Keeps an edit that came out of the tree unseen.
    mutating func rescue(_ edit: Store.Removed) throws(StoreFailure) {
        hasRemoved = true
        if case .edited(let entry, let path) = try store.review(edit) {
            try rescue(edit, as: entry, from: path)
        }
    }

    private mutating func rescue(
        _ edit: Store.Removed, as entry: Entry, from path: RelativePath
    ) throws(StoreFailure) {
        // Its directory may be gone: then it is kept in the nearest one above that is still there.
        let home = try nearestPlace(for: path)
        for copy in copies(of: home, by: name, entry) {
            if try store.restore(edit, at: copy) {
                hasRemoved = true
                touched.append(copy)
                notices.append(.conflict(path: path, copy: copy))
                return
            }
            if try isCopied(entry, at: copy) {
                if try !store.retire(edit, holding: entry) { hasRemoved = true }
                return
            }
        }
        // It stays where it is until there is a name for it.
        hasRemoved = true
    }

    func isDirectoryOnDisk(_ path: RelativePath) throws(StoreFailure) -> Bool {
        let look = try store.look(at: path, record: record(at: path), rereading: false)
        if case .present(.directory, _) = look { return true }
        return false
    }

    private func nearestPlace(for path: RelativePath) throws(StoreFailure) -> RelativePath {
        var directory = path.parent
        while let candidate = directory {
            if try isDirectoryOnDisk(candidate) { break }
            directory = candidate.parent
        }
        return (try? RelativePath.child(path.name, of: directory)) ?? path
    }
}
