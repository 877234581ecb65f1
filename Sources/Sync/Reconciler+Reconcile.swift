package import Tree

/// How an attempt at a step ended.
enum Attempt: Hashable {
    case done
    /// The disk is not as it was: look and decide again.
    case again
    case waiting(Wait)
}

/// What was found on the disk when the step was decided.
struct Found {
    var entry: Entry
    /// Nil where nothing is there.
    var fingerprint: Fingerprint?
}

extension Reconciler {
    /// How often a path is looked at again when it changes under our hands, before it is left for later.
    private static var attempts: Int { 16 }

    /// Settles one path as far as that is possible now.
    ///
    /// `rereading` asks for the content to be read although the fingerprint is the same, `canWait` says that it may be
    /// read later (``ReplicaStore/look(at:record:rereading:isPastRules:canWait:)``).
    package mutating func reconcile(
        _ path: RelativePath, rereading: Bool = false, canWait: Bool = true
    ) throws(StoreFailure) -> Standing {
        for _ in 0..<Self.attempts {
            let record = try record(at: path)
            // Until the verdict is known, nobody can say whether a newer entry was made from ours.
            if let offered = record.offered {
                // Whatever the verdict, what becomes of it from here on nobody sees.
                if store.ignores(path, isDirectory: offered.isDirectory) { loseSight(of: record) }
                return .waiting(.verdict)
            }
            if try isPlacedUnseen(record) { return .settled }
            let found: Found
            switch try store.look(
                at: path, record: record, rereading: rereading, isPastRules: false, canWait: canWait)
            {
            case .absent: found = Found(entry: .tombstone, fingerprint: nil)
            case .present(let entry, let fingerprint): found = Found(entry: entry, fingerprint: fingerprint)
            case .ignored:
                loseSight(of: record)
                return .waiting(.rules)
            case .unstable: return .waiting(.unstable)
            case .reading: return .waiting(.reading)
            case .unknown(let problem):
                notices.append(.problem(path, problem))
                return .waiting(.problem)
            }
            switch try step(record, found) {
            case .submit(let record): return try submit(record, found)
            case .attempt(.done): return .settled
            case .attempt(.again): continue
            case .attempt(.waiting(let wait)): return .waiting(wait)
            }
        }
        return .waiting(.unstable)
    }

    /// A file that was never here is put in place without a look, once its content is ready: the disk itself refuses if
    /// something is there. False where that takes a closer look.
    private mutating func isPlacedUnseen(_ record: Record) throws(StoreFailure) -> Bool {
        guard direction != .sendOnly, record.base == .never, record.fingerprint == nil,
            case .file(let file) = record.remote.entry, isPrepared(file, at: record.path),
            !store.ignores(record.path, isDirectory: false),
            let staged = try takePrepared(file, at: record.path)
        else { return false }
        let placement = try store.place(record.remote.entry, staged: staged, at: record.path, expecting: nil)
        guard case .placed(let fingerprint, replaced: nil) = placement else {
            putBack(staged, of: file, at: record.path)
            return false
        }
        settle(record, fingerprint: fingerprint, was: .tombstone)
        return true
    }

    private enum Step {
        case attempt(Attempt)
        case submit(Record)
    }

    private mutating func step(_ record: Record, _ found: Found) throws(StoreFailure) -> Step {
        if hasLostBase(record, found) { return try step(unmade(record), found) }
        let isReplaced = isReplacing && record.base == .never
        let base = isReplaced ? found.entry : record.base.entry
        let outcome = Reconciliation(remote: record.remote.entry, base: base, local: found.entry)
        if direction == .sendOnly, outcome.isOfHub { return try leftUntaken(record, found, outcome) }
        switch outcome {
        case .nothing, .adopt:
            if record.isPending || record.fingerprint != found.fingerprint {
                settle(record, fingerprint: found.fingerprint, was: found.entry)
            }
            return .attempt(.done)
        case .submit: return .submit(rebased(record))
        case .keep: return .submit(rebased(record))
        case .apply: return try applied(record, found)
        case .applyMetadata: return .attempt(try applyMetadata(record, found))
        case .setLocalAside: return .attempt(try setLocalAside(record, found))
        case .setRemoteAside: return try keepingDirectory(record)
        }
    }

    /// The hub has what is not taken here. A directory in which there is work of this replica's is made there again.
    private mutating func leftUntaken(
        _ record: Record, _ found: Found, _ outcome: Reconciliation
    ) throws(StoreFailure) -> Step {
        var isConflict = outcome.isConflict
        if found.entry.isDirectory, !record.remote.entry.isDirectory, try holdsOwn(record.path) {
            guard record.remote.entry.isLive else { return .submit(rebased(record)) }
            isConflict = true
        }
        guard isConflict else { return .attempt(.waiting(.untaken)) }
        notices.append(.problem(record.path, Problem(.untaken, operation: "place")))
        return .attempt(.waiting(.problem))
    }

    /// Whether anything inside a directory here is another than what the hub has deleted.
    private func holdsOwn(_ directory: RelativePath) throws(StoreFailure) -> Bool {
        for child in try store.children(of: directory) ?? [] {
            let inside = try record(at: child)
            let isUntaken = inside.isPending && inside.remote.entry.isTombstone && inside.base.entry.isLive
            guard isUntaken, inside.offered == nil else { return true }
            if inside.base.entry.isDirectory, try holdsOwn(child) { return true }
        }
        return false
    }

    /// Whether what was agreed on once says nothing any more about what one side has and the other has not.
    private func hasLostBase(_ record: Record, _ found: Found) -> Bool {
        guard record.base.entry.isLive else { return false }
        if record.fingerprint == .outOfSight { return found.entry.isTombstone || record.remote.entry.isTombstone }
        return found.entry.isTombstone && wasMadeAnew(record)
    }

    /// Whether the hub's entry went, or was another one, since the base, and is the same again. Where it is gone from this
    /// disk, this replica may have taken it away itself when it followed, and have forgotten in a crash that it did. And
    /// whoever deleted it has not seen the new one: an edit beats a delete.
    private func wasMadeAnew(_ record: Record) -> Bool {
        record.isPending && record.remote.entry == record.base.entry
    }

    /// What was ignored when it went was seen to be gone by nobody: that is no deletion. Nor is a deletion elsewhere one
    /// of what was ignored here, and may be here for reasons of its own. It is as if it had never been here, and so what
    /// one side has comes anew to the other, however long that takes.
    @discardableResult
    mutating func unmade(_ record: Record) -> Record {
        var record = record
        record.base = .never
        record.fingerprint = nil
        put(record)
        return record
    }

    private mutating func applied(_ record: Record, _ found: Found) throws(StoreFailure) -> Step {
        let outcome = try apply(record, found)
        guard outcome == .filled else { return .attempt(outcome.attempt) }
        let emptying = try emptyOut(record)
        // What is inside may have been offered, and this before it, as it was then.
        guard try self.record(at: record.path) == record else { return .attempt(.again) }
        switch emptying {
        case .emptied: return .attempt(.again)
        case .waiting(let wait): return .attempt(.waiting(wait))
        case .holdsOwn: return try keepingDirectory(record)
        }
    }

    /// The local directory keeps its name; what the hub has there, unless nothing, becomes a conflict copy.
    private mutating func keepingDirectory(_ record: Record) throws(StoreFailure) -> Step {
        guard record.remote.entry.isLive else { return .submit(rebased(record)) }
        switch try setRemoteAside(record) {
        case .kept: return .submit(rebased(record))
        case .lost: return .submit(withoutContent(record))
        case .open(let attempt): return .attempt(attempt)
        }
    }

    /// The hub's entry is what a submission will be made on top of.
    private func rebased(_ record: Record) -> Record {
        guard record.isPending else { return record }
        var record = record
        record.base = record.remote
        record.fingerprint = nil
        return record
    }

    /// The same where nobody has the content of the hub's entry. Should the submission come to nothing, then somebody may
    /// have it by that time: so this is not taken for something that was here.
    private func withoutContent(_ record: Record) -> Record {
        var record = record
        record.base = Version(revision: record.remote.revision, entry: .tombstone)
        record.fingerprint = nil
        return record
    }
}

// MARK: - Offering

extension Reconciler {
    /// Puts the disk's entry among the submissions, if the tree at the hub would be well formed with it.
    private mutating func submit(_ record: Record, _ found: Found) throws(StoreFailure) -> Standing {
        put(record)
        guard direction != .receiveOnly else { return .waiting(.unsent) }
        guard maySubmit else {
            notices.append(.problem(record.path, Problem(.readOnly, operation: "submit")))
            return .waiting(.role)
        }
        if record.remote.entry.isDirectory, !found.entry.isDirectory {
            if let inside = try liveEntry(inside: record.path) {
                if try isKept(inside) { return .waiting(keepUndeleted(record.path)) }
                // What came there meanwhile may wait for this in its turn: it is that which finds out who gives way.
                if try self.record(at: inside).isPending { touched.append(inside) }
                return .waiting(.children)
            }
        }
        var goesWithDirectory = false
        if record.path.isRuleFile, !found.entry.isLive { goesWithDirectory = try isParentGone(record.path) }
        if goesWithDirectory, try hasMoreToRule(record.path) { return .waiting(.children) }
        if found.entry.isLive, let parent = record.path.parent, try !isDirectoryAtHub(parent) {
            let standing = try reconcile(parent)
            guard try isDirectoryAtHub(parent) else {
                // What the hub has there instead is not taken: so nobody but a person makes way.
                return direction == .sendOnly && standing == .waiting(.problem) ? standing : .waiting(.parent)
            }
            // Whoever sees to a directory may see to what is inside.
            guard try self.record(at: record.path) == record else { return .waiting(.parent) }
        }
        let admission = admit(record, found.entry, goesWithDirectory: goesWithDirectory)
        guard admission != .held else { return .waiting(.held) }
        var record = record
        record.offered = found.entry
        record.fingerprint = found.fingerprint
        put(record)
        submissions.append(
            Submission(
                path: record.path, base: record.base.revision, entry: found.entry, isConfirmed: admission == .confirmed)
        )
        if !record.base.entry.isLive, case .file = found.entry, let fingerprint = found.fingerprint,
            let former = try store.formerName(of: record.path, fingerprint)
        {
            formerNames.append(former)
        }
        return .submitted
    }

    private mutating func admit(
        _ record: Record, _ new: Entry, goesWithDirectory: Bool
    ) -> DeletionGuard.Admission {
        let old = record.remote.entry
        let isDisputed = record.fingerprint == .wantedInVain
        switch (old.isLive, new.isLive) {
        case (true, false):
            guard old.isDirectory || goesWithDirectory && !isDisputed else {
                return deletions.admit(old, at: record.path, isDisputed: isDisputed)
            }
            deletions.removedDirectory()
        case (false, true):
            if let path = deletions.created(new) { touched.append(path) }
        case (true, true), (false, false): break
        }
        return .admitted
    }

    private func isParentGone(_ path: RelativePath) throws(StoreFailure) -> Bool {
        guard let parent = path.parent,
            case .absent = try store.look(at: parent, record: record(at: parent), rereading: false)
        else { return false }
        return true
    }

    /// Whether a rule file that went with its directory is not the last thing in there to go: whoever follows must not
    /// judge the rest by other rules than were in force here. Like the directory it waits for all that is inside, and
    /// then for nothing more.
    private func hasMoreToRule(_ path: RelativePath) throws(StoreFailure) -> Bool {
        guard let parent = path.parent else { return false }
        return try liveEntry(inside: parent, except: path) != nil
    }

    /// Whether the hub has what is not taken here, and so is not deleted there either.
    private func isKept(_ path: RelativePath) throws(StoreFailure) -> Bool {
        let record = try record(at: path)
        if direction == .sendOnly, record.isPending { return true }
        return store.ignores(path, isDirectory: record.remote.entry.isDirectory)
    }

    /// A directory that is gone here stays elsewhere, since the hub has something in it that is not taken here.
    private mutating func keepUndeleted(_ path: RelativePath) -> Wait {
        notices.append(.problem(path, Problem(.ignored, operation: "rmdir")))
        return .problem
    }

    private func isDirectoryAtHub(_ path: RelativePath) throws(StoreFailure) -> Bool {
        let record = try record(at: path)
        return (record.offered ?? record.remote.entry).isDirectory
    }

    /// The offer at `path` was accepted at `revision`: both sides agreed on it, whatever the path holds by now.
    ///
    /// Returns what it replaced, or nil where nothing was on offer.
    @discardableResult
    package mutating func accepted(_ path: RelativePath, at revision: Revision) throws(StoreFailure) -> Entry? {
        var record = try record(at: path)
        guard let offered = record.offered else { return nil }
        let was = record.base.entry
        record.base = Version(revision: revision, entry: offered)
        if record.remote.revision <= revision {
            record.remote = record.base
            record.author = name
        }
        record.offered = nil
        put(record)
        return was
    }

    /// The offer at `path` came to nothing: the disk's entry is a local change like any other again.
    package mutating func withdrawn(_ path: RelativePath) throws(StoreFailure) {
        var record = try record(at: path)
        guard record.offered != nil else { return }
        record.offered = nil
        if record.fingerprint != .outOfSight { record.fingerprint = nil }
        put(record)
    }
}
