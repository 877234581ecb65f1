package import Tree

/// What both machines have in common: the events of their own disk.
package protocol FolderMachine {
    associatedtype Action
    associatedtype Store: ReplicaStore

    var reconciler: Reconciler<Store> { get set }
    /// The reconciler's, which by way of the protocol would be copied as a whole for it.
    var store: Store { get }
    var backlog: Backlog { get set }
    /// Whether something changes too fast to be taken, and is to be looked at again soon.
    var hasUnstable: Bool { get }
    /// Whether something is to be looked at again after a while.
    var wantsReview: Bool { get }
    /// Whether disk and hub agree here, but for paths with problems, and for what waits for a person.
    var isSettled: Bool { get }

    /// What is on this disk and not yet on the hub, as far as is known; no problems, and nothing that waits for a person.
    var pendingPaths: Set<RelativePath> { get }
    func isPending(_ path: RelativePath) -> Bool

    /// The process has begun: what the one before it left undone is done now.
    mutating func started() throws(StoreFailure) -> [Action]
    /// These paths may have changed on the disk.
    mutating func changed(_ all: [Dirty]) throws(StoreFailure) -> [Action]
    /// A large file is being read on this disk whose content was `base`, and what comes of it will be much like that; nil:
    /// it has been read.
    mutating func foretell(_ base: Digest?) -> [Action]
    /// Time to look again at what changed too fast.
    mutating func retryUnstable() throws(StoreFailure) -> [Action]
    /// Time to look again at what had a problem, and at what came out of the tree.
    mutating func retryProblems() throws(StoreFailure) -> [Action]
    /// Works off what wants a look.
    mutating func settled() throws(StoreFailure) -> [Action]
    /// Whether ``settled()`` has left something that it goes on with when it is called again.
    var hasStepsLeft: Bool { get }
    /// A new window of ``DeletionGuard`` begins.
    mutating func beginDeletionWindow()
    /// Creations to which deletions may belong that have not come yet.
    var deletionCredit: Int { get }
    /// They would have come by now.
    mutating func forgetDeletionCredit()
    /// Lets through what is held, here and of others.
    mutating func confirmDeletions() throws(StoreFailure) -> [Action]
    /// From now on so many deletions go through without asking. What is held already stays so.
    mutating func use(_ limit: DeletionLimit)
}

// MARK: - Deletions that wait

extension FolderMachine {
    package var hasStepsLeft: Bool { false }
    /// Whether it is a person that deletions wait for.
    var isHolding: Bool { reconciler.deletions.holder != nil }
    package var problems: Set<RelativePath> { backlog.problems.union(backlog.lacking) }
    /// Deletions that wait until no further one comes; then ``judgeDeletions()`` is to be called. None, while there may be
    /// more among what was not looked at yet.
    package var waitingDeletions: Int { isHolding || backlog.hasDirty ? 0 : backlog.heldCount }
    /// Whether deletions were counted that a new window would forget.
    package var hasDeletionWindow: Bool { reconciler.deletions.shrink != 0 }

    /// What of this replica's own waits for a person.
    package var heldDeletions: HeldDeletions? {
        guard let holder = reconciler.deletions.holder, !backlog.held.isEmpty else { return nil }
        return HeldDeletions(
            count: backlog.held.count, total: heldTotal, author: nil, isAtHub: holder == .hub)
    }

    private var heldTotal: Int { (try? store.liveCount()) ?? 0 }

    /// Time has passed without a further deletion: those that wait go, or are held.
    package mutating func judgeDeletions() throws(StoreFailure) -> [Action] {
        guard waitingDeletions > 0 else { return try settled() }
        let store = store
        try reconciler.deletions.judge(waiting: backlog.heldCount) { () throws(StoreFailure) in try store.liveCount() }
        if let held = heldDeletions { reconciler.notices.append(.held(held)) } else { backlog.release() }
        return try settled()
    }

    /// Brings back what would be deleted by what is held: it is as if it had never been here, and so it comes anew.
    package mutating func revertDeletions() throws(StoreFailure) -> [Action] {
        for path in backlog.held {
            var record = try reconciler.record(at: path)
            record.base = .never
            record.fingerprint = .wantedBack
            reconciler.put(record)
        }
        backlog.release()
        // Directories that waited for these to go are not to go either.
        backlog.unblock()
        reconciler.deletions.settled()
        return try settled()
    }

    /// What was to be brought back can't be had from anyone: it waits for a person again.
    ///
    /// - Returns: False where nobody wanted it back.
    mutating func holdAgain(_ path: RelativePath) throws(StoreFailure) -> Bool {
        var record = try reconciler.record(at: path)
        guard record.fingerprint == .wantedBack, record.remote.entry.isLive else { return false }
        record.base = record.remote
        record.fingerprint = .wantedInVain
        reconciler.put(record)
        reconciler.deletions.hold()
        backlog.note(path, .waiting(.held))
        return true
    }

    mutating func releaseHeld(isConfirmed: Bool) {
        reconciler.deletions.permit(backlog.held.count, isConfirmed: isConfirmed)
        backlog.release()
    }

    mutating func forgetReleased() {
        if backlog.held.isEmpty, !backlog.hasDirty { reconciler.deletions.settled() }
    }
}
