package import Tree

/// One replica as the machines see it: an index, a folder and the content between them.
///
/// The machines decide; a store makes their decisions true. The real one is a folder with a SQLite index; the
/// simulator's is in memory, fails on purpose, and forgets what was not durable. All calls of one store come from one
/// place, one at a time. A call that fails throws ``StoreFailure`` when the whole replica can't go on (root gone, index
/// broken); what concerns one path alone is a ``Problem`` in the result.
package protocol ReplicaStore: AnyObject {
    /// Bytes of a file or of a chunk.
    associatedtype Content
    /// Verified content that has no name in the tree yet. Only a store can make one.
    associatedtype Staged
    /// Something that was taken out of the tree and is kept until it is sure that nobody still writes to it.
    associatedtype Removed

    // MARK: The index

    /// What is durably known of a path; a record of nothing where nothing is.
    func record(at path: RelativePath) throws(StoreFailure) -> Record
    /// A path strictly inside `directory` that is live at the hub, or will be if what is on offer there
    /// (``Record/offered``) is accepted, if there is one that is not among `excluded`.
    func liveEntry(
        inside directory: RelativePath, except excluded: Set<RelativePath>
    ) throws(StoreFailure) -> RelativePath?
    /// Up to `limit` paths after `path` (from the first where nil) whose remote is not their base, or that have an
    /// offer without a verdict.
    func unfinished(after path: RelativePath?, limit: Int) throws(StoreFailure) -> [Record]
    /// How many paths are live at the hub, as far as is durably known.
    func liveCount() throws(StoreFailure) -> Int
    /// Writes all of these at once or none of them, durably if asked. A nil `cursor` leaves it as it is.
    func save(_ records: [Record], cursor: Cursor?, durably: Bool) throws(StoreFailure)
    /// The same, durably, for records of which more was heard (``Record/heard(_:from:)``), and which are about to be saved
    /// again: what they tell of is done next.
    func announce(_ records: [Record], cursor: Cursor) throws(StoreFailure)
    /// The cursor as last saved; on a hub, its epoch and head.
    var cursor: Cursor { get }
    /// Gives the replica another random id, durably, and returns it.
    func renew() throws(StoreFailure) -> UInt64
    /// Forgets every record and starts at `cursor`: the hub's history is not the one that was followed.
    func forget(startingAt cursor: Cursor) throws(StoreFailure)

    // MARK: The feed (a hub's)

    /// Up to `limit` changes after `revision`, in order of revision.
    func feed(after revision: Revision, limit: Int) throws(StoreFailure) -> [Change]
    /// The term in which `revision` was given: that of the newest one before it of which ``append`` was told.
    func term(at revision: Revision) throws(StoreFailure) -> Term
    /// The version that was accepted on top of `base` at `path`, if the log still has it.
    func successor(of base: Revision, at path: RelativePath) throws(StoreFailure) -> Version?
    /// Adds accepted changes to the log (`bases` are the revisions that they replaced, one each), saves `records`,
    /// which have these changes as remotes, and moves the head to `cursor`, of whose term they are: all of it at once,
    /// durably.
    ///
    /// What the hub's own folder holds must become its base in the same instant: a crash in between would leave an
    /// entry that nobody has the content of, were it deleted meanwhile.
    func append(
        _ changes: [Change], bases: [Revision], saving records: [Record], cursor: Cursor
    ) throws(StoreFailure)

    // MARK: Looking

    /// Looks at the disk. What has the record's fingerprint is what the record says (its offer, else its base) and is
    /// not read again, unless `rereading`. What rules leave out is not looked at, unless `isPastRules`. What takes long to
    /// read may be found to be ``Observation/reading``, if `canWait`.
    func look(
        at path: RelativePath, record: Record, rereading: Bool, isPastRules: Bool, canWait: Bool
    ) throws(StoreFailure) -> Observation
    /// The names on the disk in a directory that could be mirrored; nil if it can't be listed.
    func children(of directory: RelativePath) throws(StoreFailure) -> [RelativePath]?

    /// Whether rules of this replica leave `path` out, if it is a directory or not.
    func ignores(_ path: RelativePath, isDirectory: Bool) -> Bool
    /// Whether nothing else is in the directory of `path`, ignored or not.
    func isAlone(_ path: RelativePath) -> Bool

    // MARK: Content

    /// Gets a file's content ready to be named: from `content` where given, from what is already here (the tree,
    /// history, an interrupted transfer), or says what is missing.
    func stage(_ file: Entry.File, content: Content?) throws(StoreFailure) -> Staging<Staged>
    /// Lets go of staged content that will not be named.
    func discard(_ staged: Staged)
    /// Makes everything staged since the last call durable.
    func flush() throws(StoreFailure)
    /// Takes a chunk list (``ChunkList/encoded()``) for the file of this digest; false if it is not that file's.
    func receive(list: Content, of file: Digest) throws(StoreFailure) -> Bool
    /// Takes a file's chunk list by its difference from that of `base`; false if it is not that file's. Nothing is done
    /// where the other list is not known.
    func receive(difference: Content, from base: Digest, of file: Entry.File) throws(StoreFailure) -> Bool
    /// Takes a chunk into the interrupted or running transfer of this file; false if the bytes are not that chunk.
    func receive(chunk: Content, digest: Digest, of file: Digest) throws(StoreFailure) -> Bool
    /// Nothing waits for the content of this file any more. What came of it may serve the one that took its place, for a
    /// while.
    func abandon(_ file: Digest)
    /// A file of which this is the content is about to have another version, which is much like it: what stays may be copied
    /// meanwhile. Nil: what was said before is over. It is a help, and nothing comes of its not being taken.
    ///
    /// - Returns: Whether the content is in the tree here.
    @discardableResult
    func expect(_ base: Digest?) -> Bool
    /// A one-chunk file's content, if it is still here.
    func content(of file: Entry.File, at path: RelativePath) throws(StoreFailure) -> Content?
    /// A file's chunk list, encoded, if it is known.
    func list(of file: Digest) throws(StoreFailure) -> Content?
    /// The difference of a file's chunk list from that of `base` (``ChunkListDifference``), if both are known and that is
    /// much less than the list.
    func difference(of file: Digest, from base: Digest) throws(StoreFailure) -> Content?
    /// A chunk's bytes, if they are still here. For a one-chunk file both digests are the same.
    ///
    /// - Parameter comparing: Whether they must be compared with the digest. Otherwise they may be taken from a file that was
    ///   not touched since they were, and now and then be others.
    func chunk(_ chunk: Digest, of file: Digest, comparing: Bool) throws(StoreFailure) -> Content?
    /// Whether the hub and this replica have agreed on a file of this digest, at whatever path: then its content need not
    /// travel with an offer or a change. Nothing but a question more comes of a wrong answer.
    func knows(_ digest: Digest) throws(StoreFailure) -> Bool
    /// How many bytes `content` has.
    func size(of content: Content) -> Int
    /// The digest of a few bytes: of a symlink's target, for the name of its conflict copy.
    func digest(of bytes: [UInt8]) -> Digest

    // MARK: Names

    /// Names staged content, or makes a directory or symlink, if and only if `expected` is what is there (nil:
    /// nothing). A directory in place of another one takes only the mode.
    func place(
        _ entry: Entry, staged: Staged?, at path: RelativePath, expecting expected: Fingerprint?
    ) throws(StoreFailure) -> Placement<Removed>
    /// Takes what is at `path` out of the tree if and only if it is what is expected. A directory must be empty.
    func remove(_ path: RelativePath, expecting expected: Fingerprint) throws(StoreFailure) -> Removal<Removed>
    /// Gives a file or directory, expected as it is, another mode or mtime.
    func setMetadata(
        _ entry: Entry, at path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Placement<Removed>
    /// Renames within the tree, if `path` holds what is expected and nothing is at `target`.
    func rename(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Renaming

    /// Renames a file that has no other name, with all that the disk keeps of it, if `path` holds what is expected and
    /// nothing is at `target`. Nil where nothing was done.
    ///
    /// - Returns: what the file's fingerprint is now.
    func move(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Fingerprint?
    /// Where the file of this fingerprint, which was just found at `path`, was when it was looked at last, if that was
    /// somewhere else and nothing is there any more: it came here with its directory, or is so large that to copy it would
    /// take long.
    func formerName(of path: RelativePath, _ fingerprint: Fingerprint) throws(StoreFailure) -> RelativePath?

    // MARK: What came out

    /// What was taken out of the tree and is not yet history, oldest first; after a crash, also what was taken out
    /// before it.
    func removed() throws(StoreFailure) -> [Removed]
    /// Looks at it again: still what was expected, or an edit that nobody has seen.
    func review(_ removed: Removed) throws(StoreFailure) -> Review
    /// Names it again at `path`; false if something is there.
    func restore(_ removed: Removed, at path: RelativePath) throws(StoreFailure) -> Bool
    /// Lets it become history, if it still holds `entry` (nil: what was expected when it came out) and nobody can
    /// write to it any more; false where it stays, to be reviewed again.
    func retire(_ removed: Removed, holding entry: Entry?) throws(StoreFailure) -> Bool
}

extension ReplicaStore {
    func look(
        at path: RelativePath, record: Record, rereading: Bool, isPastRules: Bool = false
    ) throws(StoreFailure) -> Observation {
        try look(at: path, record: record, rereading: rereading, isPastRules: isPastRules, canWait: false)
    }
}
