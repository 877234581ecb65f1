package import Index
package import Tree

// What the index alone can answer.
extension FolderReplica {
    package func record(at path: RelativePath) throws(StoreFailure) -> Record {
        if let lastNamed, !index.hasAnnounced, let record = lastNamed.records.first(where: { $0.path == path }) {
            return record
        }
        return try indexed { () throws(IndexError) in try index.record(at: path) }
    }

    /// A path strictly inside `directory` that is live at the hub and of which no deletion is on offer, if there is one
    /// that is not among `excluded`.
    package func liveEntry(
        inside directory: RelativePath, except excluded: Set<RelativePath> = []
    ) throws(StoreFailure) -> RelativePath? {
        try indexed { () throws(IndexError) in try index.liveEntry(inside: directory, except: excluded) }
    }

    /// Up to `limit` records after `path` whose remote is not their base, or that have an offer without a verdict.
    package func unfinished(after path: RelativePath?, limit: Int) throws(StoreFailure) -> [Record] {
        try indexed { () throws(IndexError) in try index.unfinished(after: path, limit: limit) }
    }

    /// Counts what there is. Reads every row.
    package func counts() throws(StoreFailure) -> Index.Counts {
        try indexed { () throws(IndexError) in try index.counts() }
    }

    /// Up to `limit` records inside `directory` (nil: the root) after `path` in the index's order, at whatever depth or
    /// right in it.
    package func records(
        inside directory: RelativePath?, after path: RelativePath?, isRecursive: Bool, limit: Int
    ) throws(StoreFailure) -> [Record] {
        try indexed { () throws(IndexError) in
            isRecursive
                ? try index.records(inside: directory, after: path, limit: limit)
                : try index.children(of: directory, after: path, limit: limit)
        }
    }

    /// What was at `path` when `revision` was the newest one; nil where that is not known any more.
    package func entry(at path: RelativePath, asOf revision: Revision) throws(StoreFailure) -> Entry? {
        try indexed { () throws(IndexError) in try index.entry(at: path, asOf: revision) }
    }

    /// The files and symlinks on this disk, as far as the index knows, with `.conflict-` somewhere in their paths.
    package func possibleConflictCopies() throws(StoreFailure) -> [RelativePath] {
        try indexed { () throws(IndexError) in try index.possibleConflictCopies() }
    }

    /// Writes all of these at once or none of them. Durably means the names in the tree too: a record that says that
    /// something is there, and a disk that lost it, would together look like a deletion.
    package func save(_ records: [Record], cursor: Cursor?, durably: Bool) throws(StoreFailure) {
        if durably { try synchronizeNames() }
        try indexed { () throws(IndexError) in try index.save(records, cursor: cursor, durably: durably) }
        try saved()
    }

    /// The same, durably, for records of which more was heard (``Record/heard(_:from:)``), and which are about to be saved
    /// again.
    package func announce(_ records: [Record], cursor: Cursor) throws(StoreFailure) {
        try synchronizeNames()
        let removals = try foretell(records)
        try indexed { () throws(IndexError) in try index.announce(records, removing: removals, cursor: cursor) }
        try saved()
        for removal in removals { foretold[removal.path] = removal }
    }

    package var cursor: Cursor { index.cursor }

    /// Gives the replica another random id, durably, and returns it.
    package func renew() throws(StoreFailure) -> UInt64 {
        try indexed { () throws(IndexError) in try index.renew(Self.newID()) }
        return id
    }

    /// Forgets every record and starts at `cursor`: the hub's history is not the one that was followed.
    package func forget(startingAt cursor: Cursor) throws(StoreFailure) {
        try indexed { () throws(IndexError) in try index.forget(startingAt: cursor) }
    }

    /// Up to `limit` changes after `revision`, in order of revision.
    package func feed(after revision: Revision, limit: Int) throws(StoreFailure) -> [Change] {
        try indexed { () throws(IndexError) in try index.feed(after: revision, limit: limit) }
    }

    /// The term in which `revision` was given.
    package func term(at revision: Revision) throws(StoreFailure) -> Term {
        try indexed { () throws(IndexError) in try index.term(at: revision) }
    }

    /// The version that was accepted on top of `base` at `path`, if the log still has it.
    package func successor(of base: Revision, at path: RelativePath) throws(StoreFailure) -> Version? {
        try indexed { () throws(IndexError) in try index.successor(of: base, at: path) }
    }

    /// Whether another path than this one has, or had until right now, the same file: content, mode and time.
    package func hasOther(_ file: Entry.File, than path: RelativePath) throws(StoreFailure) -> Bool {
        try indexed { () throws(IndexError) in try index.records(withDigest: file.digest) }
            .contains { $0.path != path && $0.base.entry == .file(file) }
    }

    /// Adds accepted changes to the log and saves `records`, at once and durably.
    package func append(
        _ changes: [Change], bases: [Revision], saving records: [Record] = [], cursor: Cursor
    ) throws(StoreFailure) {
        try synchronizeNames()
        try indexed { () throws(IndexError) in
            try index.append(changes, bases: bases, saving: records, cursor: cursor)
        }
        try saved()
    }

    /// Each version of a large file has a list of its own. Those that nothing needs any more go when they have become as
    /// many as the others, a few with every batch, so that nobody waits for it.
    private func saved() throws(StoreFailure) {
        lastNamed = nil
        staging.forgetPlaced()
        try strikeForetold()
        try indexed { () throws(IndexError) in
            guard try index.listCount() > listLimit else { return }
            let some = 4
            guard try index.removeUnreferencedLists(keeping: Set(transfers.keys), limit: some) < some else { return }
            listLimit = try max(settings.spareLists, 2 * index.listCount())
        }
    }

    func indexed<Result>(_ call: () throws(IndexError) -> Result) throws(StoreFailure) -> Result {
        do {
            return try call()
        } catch {
            throw error.kind == .noSpace ? .noSpace(error.description) : .index(error.description)
        }
    }
}
