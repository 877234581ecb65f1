package import Tree

/// What a service tells whoever runs it, while it runs.
package enum MirrorEvent: Sendable {
    /// The hub takes peers at this address.
    case listening(HubAddress)
    /// The folder, or a part of it, is being looked at; so many names were met so far.
    case scanning(entries: Int)
    /// Of large files, so many bytes have been read since the process began.
    case reading(bytes: UInt64)
    /// The folder has been looked at in full.
    case scanned(entries: Int)
    /// Changes can't be watched for here: the folder is compared now and then.
    case unwatched(reason: String)
    /// Other processes can't ask this one what it does.
    case uncontrolled(reason: String)
    /// This peer follows the hub of this name, over a connection that was made at `since`.
    case connected(hub: String, isReadOnly: Bool, since: ContinuousClock.Instant)
    /// The hub proved to have the certificate of this pin, and will have to prove it again.
    case trusted(HubPin)
    /// The connection ended; the next attempt is made without anyone asking.
    case disconnected(reason: String)
    /// The hub can't be reached; said once until it can.
    case unreachable(reason: String)
    /// How far the snapshot is.
    case progress(Progress)
    case peerJoined(name: String, address: String)
    case peerLeft(name: String)
    /// A change of somebody else's is on this disk; `was` is what it replaced.
    case applied(Change, was: Entry)
    /// A change made here is in the feed.
    case sent(Change, was: Entry)
    /// Somebody else gave a file another name, and it has that on this disk.
    case appliedMove(Move)
    /// What was given another name here is in the feed with it.
    case sentMove(Move)
    /// The losing version of `path` is kept at `copy`.
    case conflict(path: RelativePath, copy: RelativePath)
    /// The path is not in step, and why; said again whenever it was tried in vain.
    case problem(RelativePath, Problem)
    /// So many deletions wait for somebody to say that they are meant.
    case held(HeldDeletions)
    case inSync(Cursor)

    package struct Progress: Hashable, Sendable {
        /// Entries and bytes of files put in place since the connection began.
        package var entries: Int
        package var bytes: UInt64
        /// The feed was read up to here, and ends there for now.
        package var revision: Revision
        package var head: Revision
        /// Of large files, what is on its way in either direction: no part of ``bytes`` yet.
        package var underway = Underway()

        package init(entries: Int = 0, bytes: UInt64 = 0, revision: Revision = .zero, head: Revision = .zero) {
            self.entries = entries
            self.bytes = bytes
            self.revision = revision
            self.head = head
        }
    }
}

/// How a service ended.
package enum MirrorEnd: Sendable {
    /// On request, or because all was done that was asked for.
    case done
    /// On request, before all was done that was asked for (`--once`).
    case interrupted
    /// Everything is in sync but for paths with problems (``MirrorEvent/problem(_:_:)`` said which).
    case problems(outOfSpace: Bool)
    /// Everything is in sync but for so many deletions, which nobody has said are meant.
    case held(HeldDeletions)
    case failed(StoreFailure)
    /// The hub sent this peer away for good.
    case refused(Goodbye)
    /// The hub broke the protocol.
    case violation(String)
    /// No hub answers (`--once`).
    case unreachable(String)
    /// Something answers that does not speak this protocol.
    case notAHub(String)
    /// The hub does not let this peer in.
    case forbidden(String)
    /// What answers cannot prove that it is the hub.
    case untrusted(String)
}

/// Takes what happens, in order, on a thread of the service's.
package typealias MirrorReport = @Sendable (MirrorEvent) -> Void
