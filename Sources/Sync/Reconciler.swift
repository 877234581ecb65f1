package import Tree

/// Brings paths of one replica to agreement: asks the three-way table, and has the store make the answer true.
///
/// It works on records in memory until ``commit(cursor:durably:)``, so that a batch costs one transaction. Whatever
/// happens between a name on the disk and the commit is recognised afterwards by its content: nothing here relies on
/// both happening together.
package struct Reconciler<Store: ReplicaStore> {
    package let store: Store
    /// How others see this replica; part of the names of its conflict copies.
    package let name: String
    /// The hub's snapshot wins over what was here before it: local entries without a base become history.
    package var isReplacing = false
    /// Whether local changes may be offered.
    package var maySubmit = true
    /// Which changes are wanted at all.
    package let direction: Direction
    package internal(set) var deletions: DeletionGuard

    /// Local changes to be offered, in an order in which they can be accepted.
    package var submissions: [Submission] = []
    /// Content that must come from the other side before paths can be settled.
    package var missing: [MissingContent] = []
    /// Files of which nobody who could be asked has the content: there is nothing of them to be kept.
    package var gone: Set<Digest> = []
    /// Paths that this reconciler itself made or changed and that should be looked at as local changes.
    package var touched: [RelativePath] = []
    package var notices: [Notice] = []
    /// Where files were that are offered under other names: deletions to be offered with them, so that others, who hear of
    /// both at once, have but to rename.
    package var formerNames: [RelativePath] = []
    /// Where files are that the hub has deleted: what it has elsewhere now may be one of them.
    var leaving: [Entry.File: ArraySlice<RelativePath>] = [:]
    /// What was renamed in their place: these are settled.
    var movedAway: Set<RelativePath> = []
    /// Whether something came out of the tree that must be looked at once more.
    package internal(set) var hasRemoved = false

    private var working: [RelativePath: Working] = [:]
    /// Those of `working` that are not saved, each once.
    private var unsaved: [RelativePath] = []
    private var prepared: [RelativePath: Prepared] = [:]
    /// What was prepared for these paths before: what took its place may come to nothing.
    private var preparedBefore: [(path: RelativePath, prepared: Prepared)] = []
    private var needsFlush = false
    /// Whether something that is ignored by now must be known to be so, whatever happens.
    private var hasLostSight = false

    private struct Prepared {
        var file: Entry.File
        var staged: Store.Staged
    }

    package init(
        store: Store, name: String, direction: Direction = .both, deletionLimit: DeletionLimit = .standard
    ) {
        self.store = store
        self.name = name
        self.direction = direction
        deletions = DeletionGuard(deletionLimit)
    }
}

/// A record that was looked up or changed lately. Not a type of the generic one's, whose dictionaries would be looked up
/// anew at each access.
private struct Working {
    var record: Record
    var isUnsaved: Bool
}

/// Where a path stands after an attempt to settle it.
package enum Standing: Hashable, Sendable {
    /// Disk and hub agree.
    case settled
    /// A local change is in ``Reconciler/submissions``.
    case submitted
    case waiting(Wait)
}

/// What a path waits for.
package enum Wait: Hashable, Sendable {
    /// Its submission has no verdict yet.
    case verdict
    /// Content that is in ``Reconciler/missing``.
    case content
    /// Its parent must be settled first.
    case parent
    /// What is inside must be settled first.
    case children
    /// It changes too fast to be taken.
    case unstable
    /// It is being read; it will be told of again.
    case reading
    /// It can't be settled as things are; it was reported.
    case problem
    /// Local changes are not offered.
    case role
    /// It is one of many deletions.
    case held
    /// Rules leave it out, here or at the hub.
    case rules
    /// It is a local change, and only the hub's are wanted.
    case unsent
    /// It is a change of the hub's, and only local ones are wanted.
    case untaken
}

/// A file that can't be named until content has come.
package struct MissingContent: Hashable, Sendable {
    package let path: RelativePath
    package let file: Digest
    /// Whether not even the chunk list is here.
    package let list: Bool
    package let chunks: [Chunk]

    package init(path: RelativePath, file: Digest, list: Bool, chunks: [Chunk]) {
        self.path = path
        self.file = file
        self.list = list
        self.chunks = chunks
    }
}

/// Whether a file's content is ready to be named.
package enum Preparation: Hashable, Sendable {
    case ready
    /// What is missing is in ``Reconciler/missing``.
    case missing
    /// The content that came is not the file's.
    case mismatch
    case problem(Problem)
}

/// What people may want to hear of.
package enum Notice: Hashable, Sendable {
    /// A change of somebody else's is on this disk; `was` is what it replaced.
    case applied(Change, was: Entry)
    /// A change made here was accepted.
    case sent(Change, was: Entry)
    /// The losing version of `path` is kept at `copy`.
    case conflict(path: RelativePath, copy: RelativePath)
    case problem(RelativePath, Problem)
    /// So many deletions are not sent, or not taken, until somebody says that they are meant.
    case held(HeldDeletions)
}

// MARK: - Records

extension Reconciler {
    package func record(at path: RelativePath) throws(StoreFailure) -> Record {
        if let known = working[path] { return known.record }
        return try store.record(at: path)
    }

    package mutating func put(_ record: Record) {
        let before = working.updateValue(Working(record: record, isUnsaved: true), forKey: record.path)
        if before?.isUnsaved != true { unsaved.append(record.path) }
    }

    /// Saves what was decided since the last commit, in one transaction.
    package mutating func commit(cursor: Cursor?, durably: Bool) throws(StoreFailure) {
        guard cursor != nil || !unsaved.isEmpty else { return }
        try store.save(unsavedRecords, cursor: cursor, durably: durably || hasLostSight)
        committed()
    }

    /// Saves what was heard since the last commit, durably: it is about to be done, and then saved again.
    package mutating func announce(cursor: Cursor) throws(StoreFailure) {
        try store.announce(unsavedRecords, cursor: cursor)
        committed()
    }

    /// Saves what was decided since the last commit together with what the hub has accepted.
    package mutating func commit(
        accepting changes: [Change], bases: [Revision], cursor: Cursor
    ) throws(StoreFailure) {
        try store.append(changes, bases: bases, saving: unsavedRecords, cursor: cursor)
        committed()
    }

    private mutating func committed() {
        if working.count > Self.recordsAtHand {
            working.removeAll()
        } else {
            for path in unsaved { working[path]?.isUnsaved = false }
        }
        unsaved.removeAll(keepingCapacity: true)
        hasLostSight = false
    }

    /// What was just settled is soon looked at again, when the watcher tells of it: so many records stay at hand.
    private static var recordsAtHand: Int { 4096 }

    private var unsavedRecords: [Record] {
        unsaved.compactMap { working[$0]?.record }
    }

    /// What becomes of an ignored path from here on is not known.
    mutating func loseSight(of record: Record) {
        drop(record.path)
        guard record.isInSight else { return }
        var record = record
        record.fingerprint = .outOfSight
        put(record)
        hasLostSight = true
    }

    /// The same for what is ignored of these, whether or not anything can be settled now.
    package mutating func loseSight(among all: [Dirty]) throws(StoreFailure) {
        for path in all.lazy.map(\.path)
        where store.ignores(path, isDirectory: true) || store.ignores(path, isDirectory: false) {
            let record = try record(at: path)
            let isDirectory = (record.offered ?? record.base.entry).isDirectory
            if store.ignores(path, isDirectory: isDirectory) { loseSight(of: record) }
        }
        try commit(cursor: nil, durably: false)
    }

    /// Forgets what was not committed.
    package mutating func reset() {
        unsaved.removeAll()
        hasLostSight = false
        working.removeAll()
        submissions.removeAll()
        missing.removeAll()
        touched.removeAll()
        formerNames.removeAll()
        leaving.removeAll()
        movedAway.removeAll()
    }

    /// A path inside `directory` that keeps it from going, `exception` apart: live, if what is on offer is accepted.
    package func liveEntry(
        inside directory: RelativePath, except exception: RelativePath? = nil
    ) throws(StoreFailure) -> RelativePath? {
        var known: Set<RelativePath> = exception.map { [$0] } ?? []
        for path in unsaved where path.isInside(directory) && path != exception {
            guard let record = working[path]?.record else { continue }
            if (record.offered ?? record.remote.entry).isLive { return path }
            known.insert(path)
        }
        return try store.liveEntry(inside: directory, except: known)
    }

    /// The hub's entry is on the disk, as the object of this fingerprint.
    mutating func settle(_ record: Record, fingerprint: Fingerprint?, was: Entry) {
        var record = record
        let wasApplied = was != record.remote.entry
        record.base = record.remote
        record.fingerprint = fingerprint
        put(record)
        if wasApplied {
            let change = Change(path: record.path, version: record.remote, author: record.author)
            notices.append(.applied(change, was: was))
        }
    }
}

// MARK: - Content

extension Reconciler {
    /// Gets content ready before its names are, so that one flush serves a whole batch. What was ready for the path before
    /// stays until ``dropSuperseded()``.
    @discardableResult
    package mutating func prepare(
        _ file: Entry.File, at path: RelativePath, content: Store.Content?
    ) throws(StoreFailure) -> Preparation {
        // What is staged has its mode and mtime already: they must be the entry's as well.
        if isPrepared(file, at: path) { return .ready }
        switch try store.stage(file, content: content) {
        case .ready(let staged):
            if let former = prepared.updateValue(Prepared(file: file, staged: staged), forKey: path) {
                preparedBefore.append((path, former))
            }
            needsFlush = true
            return .ready
        case .missing(let list, let chunks):
            missing.append(MissingContent(path: path, file: file.digest, list: list, chunks: chunks))
            return .missing
        case .mismatch:
            return .mismatch
        case .problem(let problem):
            notices.append(.problem(path, problem))
            return .problem(problem)
        }
    }

    func isPrepared(_ file: Entry.File, at path: RelativePath) -> Bool { prepared[path]?.file == file }

    /// Makes prepared content durable. Names come after.
    package mutating func flush() throws(StoreFailure) {
        guard needsFlush else { return }
        try store.flush()
        needsFlush = false
    }

    /// Lets go of prepared content.
    mutating func drop(_ path: RelativePath) {
        if let ready = prepared.removeValue(forKey: path) { store.discard(ready.staged) }
    }

    /// Lets go of all prepared content that is not what its path now waits for. What the hub has accepted and could not
    /// place is in no other place there: it must not go before what replaces it is in the feed.
    package mutating func dropSuperseded() throws(StoreFailure) {
        for (path, ready) in prepared where try !isAwaited(ready.file, at: path) { drop(path) }
        for (path, former) in preparedBefore {
            if prepared[path] == nil, try isAwaited(former.file, at: path) {
                prepared[path] = former
            } else {
                store.discard(former.staged)
            }
        }
        preparedBefore.removeAll()
    }

    private func isAwaited(_ file: Entry.File, at path: RelativePath) throws(StoreFailure) -> Bool {
        let record = try record(at: path)
        return record.isPending && record.remote.entry == .file(file)
    }

    mutating func takePrepared(_ file: Entry.File, at path: RelativePath) throws(StoreFailure) -> Store.Staged? {
        guard try prepare(file, at: path, content: nil) == .ready else { return nil }
        try flush()
        return prepared.removeValue(forKey: path)?.staged
    }

    mutating func putBack(_ staged: Store.Staged, of file: Entry.File, at path: RelativePath) {
        prepared[path] = Prepared(file: file, staged: staged)
    }
}
