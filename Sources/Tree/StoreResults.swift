/// Whether content is ready to be named.
package enum Staging<Staged> {
    case ready(Staged)
    /// These must come from the other side first. `list` is true where even the chunk list is not known yet.
    case missing(list: Bool, chunks: [Chunk])
    /// The content that was given is not the file's.
    case mismatch
    case problem(Problem)
}

/// What became of an attempt to name something.
package enum Placement<Removed> {
    /// It is there; what was there before came out as expected.
    case placed(Fingerprint, replaced: Removed?)
    /// It is there, but what came out was not what was expected: somebody's edit.
    case displaced(Fingerprint, edit: Removed)
    /// Nothing was done: something else is there, or what was expected is gone.
    case changed
    /// Nothing was done: the parent is not there, or is no directory.
    case noParent
    /// Nothing was done: a directory that is not empty is there.
    case notEmpty
    case problem(Problem)
}

/// What became of an attempt to take something out of the tree.
package enum Removal<Removed> {
    /// Out. Nil for a directory: an empty one needs no keeping.
    case removed(Removed?)
    /// What came out was not what was expected, and its place was taken meanwhile.
    case displaced(edit: Removed)
    /// Nothing was done: something else is there now, or nothing.
    case changed
    case notEmpty
    case problem(Problem)
}

/// What became of a rename within the tree.
package enum Renaming: Hashable, Sendable {
    case renamed
    case changed
    case occupied
    case problem(Problem)
}

/// What a second look at something taken out of the tree found.
package enum Review {
    /// As it was expected, from this path.
    case settled
    /// Another content than was expected: an edit of what was at this path.
    case edited(Entry, from: RelativePath)
    /// It is no longer there.
    case gone
    /// It can't be read now: it is kept, and looked at again.
    case unreadable
}

/// Why a replica can't go on.
package enum StoreFailure: Error, Hashable, Sendable {
    /// The root is gone, or is not the one that was opened: nothing more may be concluded from the disk.
    case rootChanged(String)
    /// No space even for the index.
    case noSpace(String)
    /// The index can't be read or written, or is broken.
    case index(String)
    /// The process was stopped in the middle.
    case stopped
}
