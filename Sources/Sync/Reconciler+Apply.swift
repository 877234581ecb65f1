package import Tree

/// How applying the hub's entry ended.
enum Application: Hashable {
    case ended(Attempt)
    /// A directory is in the way and is not empty.
    case filled

    var attempt: Attempt {
        switch self {
        case .ended(let attempt): attempt
        case .filled: .waiting(.children)
        }
    }
}

/// What became of a directory that should have been empty.
enum Emptying: Hashable {
    case emptied
    /// It holds local work that the hub has not seen.
    case holdsOwn
    case waiting(Wait)
}

extension Reconciler {
    /// Finds out, when a process begins, what the one before it had put in place and could not record any more; also where
    /// rules leave it out since then, for they may go again.
    package mutating func adoptApplied() throws(StoreFailure) {
        var last: RelativePath?
        while true {
            let page = try store.unfinished(after: last, limit: 512)
            guard let end = page.last else { return }
            for record in page where record.isPending && record.offered == nil {
                switch try store.look(at: record.path, record: record, rereading: false, isPastRules: true) {
                case .present(let entry, let fingerprint) where entry == record.remote.entry:
                    settle(record, fingerprint: fingerprint, was: entry)
                case .absent where record.remote.entry.isTombstone:
                    settle(record, fingerprint: nil, was: .tombstone)
                case .present(let entry, _) where isOfUnknownOrigin(entry, record):
                    unmade(record)
                case .absent, .present, .ignored, .unstable, .reading, .unknown: break
                }
            }
            try commit(cursor: nil, durably: false)
            last = end.path
        }
    }

    /// Whether somebody made this in the place of what was agreed on, or in that of the hub's next entry, if the process
    /// before this one had got so far: should the hub have the former again, this may have been made without it.
    private func isOfUnknownOrigin(_ entry: Entry, _ record: Record) -> Bool {
        let base = record.base.entry
        return base.isLive && !record.remote.entry.hasSameContent(as: base) && !entry.hasSameContent(as: base)
    }

    /// Puts the hub's entry in the place of what was found.
    mutating func apply(_ record: Record, _ found: Found) throws(StoreFailure) -> Application {
        switch record.remote.entry {
        case .tombstone:
            return try applyDeletion(record, found)
        case .directory, .symlink:
            let placement = try store.place(
                record.remote.entry, staged: nil, at: record.path, expecting: found.fingerprint)
            return try conclude(placement, record, found)
        case .file(let file):
            if found.fingerprint == nil, try isMovedHere(record, file) { return .ended(.done) }
            let before = missing.count
            guard let staged = try takePrepared(file, at: record.path) else {
                guard missing.count > before else { return .ended(.waiting(.problem)) }
                guard gone.contains(file.digest), let cleared = try clearWay(to: record, found) else {
                    return .ended(.waiting(.content))
                }
                missing.removeLast(missing.count - before)
                return cleared
            }
            let placement = try store.place(
                record.remote.entry, staged: staged, at: record.path, expecting: found.fingerprint)
            switch placement {
            case .placed, .displaced: break
            case .changed, .noParent, .notEmpty, .problem: putBack(staged, of: file, at: record.path)
            }
            return try conclude(placement, record, found)
        }
    }

    /// Notes that the hub has deleted a file that is here.
    mutating func noteLeaving(_ record: Record) {
        guard record.remote.entry.isTombstone, case .file(let file) = record.base.entry, record.offered == nil,
            record.fingerprint != nil, !record.path.isRuleFile
        else { return }
        leaving[file, default: []].append(record.path)
    }

    /// These paths, with those last that have a file which has to go and comes elsewhere, so that it can be moved there.
    func leavingLast(_ paths: [RelativePath]) throws(StoreFailure) -> [RelativePath] {
        guard !leaving.isEmpty else { return paths }
        var last: Set<RelativePath> = []
        var arriving: Set<Entry.File> = []
        for path in paths {
            guard case .file(let file) = try record(at: path).remote.entry, let former = leaving[file],
                arriving.insert(file).inserted
            else { continue }
            last.formUnion(former)
        }
        return last.isEmpty ? paths : paths.filter { !last.contains($0) } + paths.filter { last.contains($0) }
    }

    /// Renames a file that has to go to where the hub has the same one, and nothing is: so a renamed directory takes
    /// neither copies nor space, and nobody who has one of its files open loses sight of it. False where there is none.
    private mutating func isMovedHere(_ record: Record, _ file: Entry.File) throws(StoreFailure) -> Bool {
        guard record.fingerprint == nil, !record.path.isRuleFile, !isPrepared(file, at: record.path) else {
            return false
        }
        // The first, since the others go later.
        while let path = leaving[file]?.popFirst() {
            let former = try self.record(at: path)
            guard former.isPending, former.remote.entry.isTombstone, former.offered == nil,
                former.base.entry == .file(file), let expected = former.fingerprint,
                !store.ignores(path, isDirectory: false),
                let fingerprint = try store.move(path, to: record.path, expecting: expected)
            else { continue }
            settle(record, fingerprint: fingerprint, was: .tombstone)
            settle(former, fingerprint: nil, was: former.base.entry)
            movedAway.insert(path)
            return true
        }
        return false
    }

    /// Does what the hub's file asks of the tree where nobody has its content: what was made here in the way is not to
    /// wait for what may never come. Nil where nothing is in the way.
    private mutating func clearWay(to record: Record, _ found: Found) throws(StoreFailure) -> Application? {
        guard record.fingerprint != .wantedBack else { return nil }
        if found.entry.isDirectory {
            return try store.children(of: record.path)?.isEmpty == false ? .filled : nil
        }
        guard let parent = record.path.parent, try !isDirectoryOnDisk(parent) else { return nil }
        return .ended(try makeParent(of: record.path))
    }

    /// Gives what was found the hub's mode and mtime.
    mutating func applyMetadata(_ record: Record, _ found: Found) throws(StoreFailure) -> Attempt {
        guard let fingerprint = found.fingerprint else { return .again }
        let placement = try store.setMetadata(record.remote.entry, at: record.path, expecting: fingerprint)
        return try conclude(placement, record, found).attempt
    }

    private mutating func conclude(
        _ placement: Placement<Store.Removed>, _ record: Record, _ found: Found
    ) throws(StoreFailure) -> Application {
        switch placement {
        case .placed(let fingerprint, let replaced):
            if replaced != nil { hasRemoved = true }
            settle(record, fingerprint: fingerprint, was: found.entry)
            return .ended(.done)
        case .displaced(let fingerprint, let edit):
            settle(record, fingerprint: fingerprint, was: found.entry)
            try rescue(edit)
            return .ended(.done)
        case .changed:
            return .ended(.again)
        case .noParent:
            return .ended(try makeParent(of: record.path))
        case .notEmpty:
            return .filled
        case .problem(let problem):
            notices.append(.problem(record.path, problem))
            return .ended(.waiting(.problem))
        }
    }

    private mutating func applyDeletion(_ record: Record, _ found: Found) throws(StoreFailure) -> Application {
        guard let fingerprint = found.fingerprint else {
            settle(record, fingerprint: nil, was: found.entry)
            return .ended(.done)
        }
        if try mustStay(record.path) { return .ended(.waiting(.rules)) }
        switch try store.remove(record.path, expecting: fingerprint) {
        case .removed(let removed):
            if removed != nil { hasRemoved = true }
            settle(record, fingerprint: nil, was: found.entry)
            return .ended(.done)
        case .displaced(let edit):
            try rescue(edit)
            return .ended(.again)
        case .changed:
            return .ended(.again)
        case .notEmpty:
            return .filled
        case .problem(let problem):
            notices.append(.problem(record.path, problem))
            return .ended(.waiting(.problem))
        }
    }

    /// Whether these are rules that should go with their directory, which can't go yet: what keeps it may be what they
    /// ignore, and without them that would count as somebody's work, and bring the directory back.
    private func mustStay(_ path: RelativePath) throws(StoreFailure) -> Bool {
        guard path.isRuleFile, let parent = path.parent else { return false }
        return try !record(at: parent).remote.entry.isLive && !store.isAlone(path)
    }

    /// Settles what is inside a directory that has to go. The hub's deletions of it came before; what is left is local
    /// work, or waits for something itself.
    mutating func emptyOut(_ record: Record) throws(StoreFailure) -> Emptying {
        guard let children = try store.children(of: record.path) else { return .waiting(.problem) }
        var holdsOwn = false
        var holdsRules = false
        for child in children {
            let inside = try self.record(at: child)
            guard isReplacing || (inside.isPending && inside.remote.entry.isTombstone) else {
                if inside.offered != nil { return .waiting(.children) }
                holdsOwn = true
                continue
            }
            switch try reconcile(child) {
            case .settled: continue
            case .submitted: holdsOwn = true
            case .waiting(.role), .waiting(.unsent): holdsOwn = true
            case .waiting(.rules): holdsRules = true
            case .waiting: return .waiting(.children)
            }
        }
        if holdsOwn { return .holdsOwn }
        if children.isEmpty || holdsRules {
            notices.append(.problem(record.path, Problem(.notEmpty, operation: "rmdir")))
            return .waiting(.problem)
        }
        return .emptied
    }

    /// Makes the directory that should hold `path`: the hub has something in it, so it is there at the hub, even if
    /// its own entry comes later in the feed, and even if it was deleted here.
    private mutating func makeParent(of path: RelativePath) throws(StoreFailure) -> Attempt {
        guard let parent = path.parent else { return .again }
        let record = try record(at: parent)
        guard record.offered == nil else { return .waiting(.parent) }
        let isAtHub = record.remote.entry.isDirectory
        switch try store.look(at: parent, record: record, rereading: false) {
        case .present(.directory, _):
            return .again
        case .present(let entry, let fingerprint):
            guard isAtHub else { return .waiting(.parent) }
            if record.isPending {
                switch try reconcile(parent) {
                // What was made here in the directory's place waits for all that is in it, which waits for this: an edit
                // beats the deletion, and so it is set aside.
                case .settled, .waiting(.children): return .again
                case .submitted, .waiting: return .waiting(.parent)
                }
            }
            return try setLocalAside(record, Found(entry: entry, fingerprint: fingerprint))
        case .absent:
            let entry = isAtHub ? record.remote.entry : .directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
            switch try store.place(entry, staged: nil, at: parent, expecting: nil) {
            case .placed(let fingerprint, _), .displaced(let fingerprint, _):
                if isAtHub { settle(record, fingerprint: fingerprint, was: .tombstone) }
                return .again
            case .noParent:
                return try makeParent(of: parent)
            case .changed, .notEmpty:
                return .again
            case .problem(let problem):
                notices.append(.problem(parent, problem))
                return .waiting(.problem)
            }
        case .unstable, .reading, .ignored:
            return .waiting(.parent)
        case .unknown:
            // Its own look says so, and is repeated.
            touched.append(parent)
            return .waiting(.parent)
        }
    }
}
