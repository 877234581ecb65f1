/// What a disk says of an object without reading it: while all of this is the same, so is the content.
package struct Fingerprint: Hashable, Sendable {
    package let inode: UInt64
    package let size: UInt64
    package let mtime: Timestamp
    /// When the inode last changed: it cannot be set by a program, so it catches a restored mtime.
    package let ctime: Timestamp
    /// The file type and the permission bits, as `st_mode` has them.
    package let mode: UInt32

    package init(inode: UInt64, size: UInt64, mtime: Timestamp, ctime: Timestamp, mode: UInt32) {
        self.inode = inode
        self.size = size
        self.mtime = mtime
        self.ctime = ctime
        self.mode = mode
    }

    /// That of no object: something was there and was lost sight of, so that its absence says nothing.
    package static let outOfSight = Fingerprint(
        inode: 0, size: 0, mtime: Timestamp(seconds: 0, nanoseconds: 0), ctime: Timestamp(seconds: 0, nanoseconds: 0),
        mode: 0)

    /// That of no object either: what was deleted here is to come back, as soon as somebody has sent it.
    package static let wantedBack = Fingerprint(
        inode: 0, size: 1, mtime: Timestamp(seconds: 0, nanoseconds: 0), ctime: Timestamp(seconds: 0, nanoseconds: 0),
        mode: 0)

    /// The same, and nobody had it: whether it is deleted, a person has to say.
    package static let wantedInVain = Fingerprint(
        inode: 0, size: 2, mtime: Timestamp(seconds: 0, nanoseconds: 0), ctime: Timestamp(seconds: 0, nanoseconds: 0),
        mode: 0)
}

/// All that a replica durably knows of one path.
package struct Record: Hashable, Sendable {
    package var path: RelativePath
    /// What this disk and the hub last agreed on. Nothing, at the revision of a file that the hub had then, where this replica
    /// goes on without its content, since nobody has that.
    package var base: Version
    /// What the hub says now; equal to `base` where it was applied, newer where it is still pending.
    package var remote: Version
    /// Who made `remote`.
    package var author: String
    /// The disk's object that holds `base`, when its content was last checked. Nil where nothing is there.
    package var fingerprint: Fingerprint?
    /// What was submitted on top of `base` and has no verdict yet. Durable before it is sent, so that the author's own
    /// later edits are never taken for a conflict with it.
    package var offered: Entry?

    package init(
        path: RelativePath, base: Version = .never, remote: Version = .never, author: String = "",
        fingerprint: Fingerprint? = nil, offered: Entry? = nil
    ) {
        self.path = path
        self.base = base
        self.remote = remote
        self.author = author
        self.fingerprint = fingerprint
        self.offered = offered
    }

    /// Whether what was agreed on, or is on offer, was seen here since, if only to be gone.
    package var isInSight: Bool { (offered ?? base.entry).isLive && fingerprint != .outOfSight }

    /// Whether the hub has an entry that this disk has not taken yet.
    package var isPending: Bool { remote != base }

    /// The hub says something newer.
    package mutating func heard(_ version: Version, from author: String) {
        remote = version
        self.author = author
        // It was another version that somebody wanted back: nobody here has deleted this one.
        if fingerprint == .wantedBack || fingerprint == .wantedInVain { fingerprint = nil }
    }
}

/// What a look at the disk found at a path.
package enum Observation: Hashable, Sendable {
    /// The parent was listed under the root opened at start, and the name was not there.
    case absent
    /// An entry and the object that held it, with the same fingerprint before and after it was read.
    case present(Entry, Fingerprint)
    /// Rules of this replica leave it out: nothing is known of it, and nothing is done about it.
    case ignored
    /// It changed while it was read: look again later.
    case unstable
    /// What is there is being read, or may be what has been read under another name: the path is told as dirty again when
    /// that is over.
    case reading
    /// It could not be looked at, or is of a kind that is not mirrored. Never a deletion.
    case unknown(Problem)
}

/// Why a path is not in step, for a person. Reported, retried, and never taken for a change.
package struct Problem: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        case unreadable
        /// A fifo, socket or device.
        case special
        case noSpace
        case readOnly
        /// The file system cannot hold this name, or takes it for another one.
        case nameNotPossible
        /// A directory to be removed still holds what is not mirrored.
        case notEmpty
        /// Larger than ``ChunkingParameters/largestFile``.
        case tooLarge
        /// Nobody who could be asked has its content.
        case contentGone
        /// The hub's rules leave it out.
        case ignored
        /// A file of rules that can't be read: those known before stay in force, and where none were, nothing beside
        /// it is mirrored.
        case rulesUnknown
        /// Both sides changed it, and the hub's changes are not wanted here.
        case untaken
        /// Another file system is mounted there.
        case mount
        /// Any other failure.
        case failed
    }

    package let reason: Reason
    /// The operation, as `open`, `rename`.
    package let operation: String
    /// The system's error number; 0 where there is none.
    package let code: Int32

    package init(_ reason: Reason, operation: String, code: Int32 = 0) {
        self.reason = reason
        self.operation = operation
        self.code = code
    }
}
