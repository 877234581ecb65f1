/// An entry at the revision that the hub gave it.
package struct Version: Hashable, Sendable {
    package let revision: Revision
    package let entry: Entry

    package init(revision: Revision, entry: Entry) {
        self.revision = revision
        self.entry = entry
    }

    /// What every path is before its first change.
    package static let never = Version(revision: .zero, entry: .tombstone)
}

/// One entry moving to a new revision: a row of the feed.
package struct Change: Hashable, Sendable {
    package let path: RelativePath
    package let version: Version
    /// The name of the replica whose edit this was; decoration, and part of a conflict copy's name.
    package let author: String

    package init(path: RelativePath, version: Version, author: String) {
        self.path = path
        self.version = version
        self.author = author
    }

    package var revision: Revision { version.revision }
    package var entry: Entry { version.entry }
}

/// A replica's local change offered to the hub: accepted if and only if `base` is still the path's revision.
package struct Submission: Hashable, Sendable {
    package let path: RelativePath
    package let base: Revision
    package let entry: Entry
    /// One of many deletions of which a person has said that they are meant.
    package let isConfirmed: Bool

    package init(path: RelativePath, base: Revision, entry: Entry, isConfirmed: Bool = false) {
        self.path = path
        self.base = base
        self.entry = entry
        self.isConfirmed = isConfirmed
    }
}

/// What became of a submission.
package enum Verdict: Hashable, Sendable {
    /// It is in the feed at this revision (now, or since an earlier delivery of the same submission).
    case accepted(Revision)
    /// Another change took the path first; that one is in the feed at this revision.
    case lost(Revision)
    /// The tree would not be well formed: the parent is no live directory, or a live entry lies inside. The entry at
    /// `path` stands in the way.
    case blocked(by: RelativePath)
    /// The hub will not take it, and why, in words for a person.
    case refused(Refusal)
}

/// Why the hub will not take a submission.
package enum Refusal: UInt8, Hashable, Sendable {
    case readOnly = 1
    case noSpace = 2
    case invalid = 3
    case contentUnavailable = 4
    /// Too many deletions, of which nobody has said that they are meant.
    case guarded = 5
    /// Rules of the hub leave the path out.
    case ignored = 6
}
