package import Tree

/// What a peer wants done. The order counts.
package enum PeerAction<Content> {
    case send(Message<Content>)
    /// End the connection; what was sent before should still go out.
    case close
    case notice(Notice)
    /// The hub was greeted: whose feed this is, and how far its head is.
    case welcomed(Welcome)
    /// The hub's history is another one than was followed: everything on the disk is to be looked at anew.
    case rescan
    /// Disk and hub agree on everything, here.
    case inSync(Cursor)
    /// All peers that are connected have applied everything through here.
    case everywhere(Revision)
    /// There is no use in connecting again.
    case end(PeerEnd)
}

/// Why a peer gives up.
package enum PeerEnd: Hashable, Sendable {
    case said(Goodbye)
    /// The hub broke the protocol.
    case violation(String)
}

/// A peer: follows the hub's feed, applies it to its disk, and offers what is edited there.
///
/// It keeps one thing between connections, its cursor; everything else it needs is on its disk and in its index.
/// Events come in as method calls, and each returns what is to be done.
package struct PeerMachine<Store: ReplicaStore>: FolderMachine {
    package typealias Action = PeerAction<Store.Content>

    /// Where the machine is in a connection's life.
    private enum Link {
        /// No connection.
        case down
        /// hello was sent.
        case greeting
        /// The feed is coming, and has not been at its head yet: local changes wait, since most may be known.
        case catchingUp
        /// The feed was at its head once: changes go both ways.
        case live
    }

    package var reconciler: Reconciler<Store>
    package var store: Store { reconciler.store }
    package var backlog = Backlog()
    var actions: [Action] = []
    var offers = OfferWindow()
    var transfers = Transfers()
    var supplier = Supplier()
    /// How often the hub did not have content that it was asked for.
    var askedInVain: [Digest: Int] = [:]
    /// After so many times the newer revision that must be on its way is not waited for any more.
    static var vainLimit: Int { 6 }
    private var link = Link.down
    private var isScanned = false
    private var welcome: Welcome?
    private var isInSync = false
    /// What the hub was told last, in this session, of how far this peer is.
    private var told: (applied: Revision, known: Revision)?
    /// Paths that wait for content beyond what ``Transfers`` holds at a time: where to go on in the index.
    var sweep: Sweep = .done
    private var replica: UInt64
    package let name: String

    enum Sweep: Equatable {
        case done
        case from(RelativePath?)
    }

    package init(
        store: Store, name: String, replica: UInt64, replacing: Bool, direction: Direction = .both,
        deletionLimit: DeletionLimit = .standard
    ) {
        reconciler = Reconciler(store: store, name: name, direction: direction, deletionLimit: deletionLimit)
        reconciler.isReplacing = replacing
        self.name = name
        self.replica = replica
    }

    package var hasUnstable: Bool { backlog.hasUnstable }
    /// Whether something is to be looked at again after a while.
    package var wantsReview: Bool { !backlog.problems.isEmpty || reconciler.hasRemoved }
    package var isLive: Bool { link == .live }
    /// Of large files, what is on its way here.
    package var arriving: Underway { transfers.underway }

    package var isSettled: Bool {
        link == .live && isScanned && offers.isEmpty && transfers.isEmpty && sweep == .done
            && backlog.isSettled(isHolding: reconciler.deletions.holder != nil)
    }

    /// What is on offer and has no verdict yet.
    package var offeredPaths: Set<RelativePath> { offers.paths }
    package var pendingPaths: Set<RelativePath> { backlog.pending(isHolding: isHolding).union(offers.paths) }
    package func isPending(_ path: RelativePath) -> Bool {
        backlog.isPending(path, isHolding: isHolding) || offers.contains(path)
    }

    /// The newest revision that holds something of this replica's, or that it has seen.
    package var newest: Revision { store.cursor.known.revision }

    /// Wants to be told when all peers have applied everything through `revision`.
    package mutating func awaitEverywhere(_ revision: Revision) -> [Action] {
        guard link == .live else { return [] }
        actions.append(.send(.everywhere(revision)))
        return takeActions()
    }

    // MARK: Events of the disk

    /// The process has begun.
    package mutating func started() throws(StoreFailure) -> [Action] {
        try reconciler.adoptApplied()
        try reconciler.reviewRemoved()
        return try settled()
    }

    /// These paths may have changed on the disk.
    package mutating func changed(_ all: [Dirty]) throws(StoreFailure) -> [Action] {
        for dirty in all { backlog.add(dirty.path, rereading: dirty.rereading) }
        let actions = try settled()
        // What is worked off only when there is a hub, or room for more offers, may by then be ignored no longer.
        if backlog.hasDirty { try reconciler.loseSight(among: all) }
        return actions
    }

    /// Every path on the disk and in the index has been passed to ``changed(_:)`` that needed to be.
    package mutating func scanned() throws(StoreFailure) -> [Action] {
        isScanned = true
        return try settled()
    }

    package mutating func foretell(_ base: Digest?) -> [Action] {
        guard link == .live, reconciler.direction != .receiveOnly, welcome?.isReadOnly == false else { return [] }
        actions.append(.send(.upcoming(base)))
        return takeActions()
    }

    package mutating func retryUnstable() throws(StoreFailure) -> [Action] {
        backlog.retryUnstable()
        return try settled()
    }

    /// Time to look again at what had a problem, and at what came out of the tree.
    package mutating func retryProblems() throws(StoreFailure) -> [Action] {
        backlog.retryProblems()
        backlog.unblock()
        try reconciler.reviewRemoved()
        return try settled()
    }

    // MARK: Events of the connection

    package mutating func connected() -> [Action] {
        link = .greeting
        // Meanwhile the hub may have been told that they are meant.
        if reconciler.deletions.holder == .hub { releaseHeld(isConfirmed: false) }
        let hello = Hello(versions: SyncProtocol.versions, replica: replica, name: name, cursor: store.cursor)
        actions.append(.send(.hello(hello)))
        return takeActions()
    }

    package mutating func disconnected() -> [Action] {
        link = .down
        isInSync = false
        told = nil
        offers = OfferWindow()
        transfers = Transfers()
        supplier = Supplier()
        askedInVain.removeAll()
        reconciler.gone.removeAll()
        sweep = .done
        store.expect(nil)
        backlog.disconnected()
        return takeActions()
    }

    /// A ``Message/chunks`` has left for the socket: there is room for the next, of about `piece` bytes.
    package mutating func supplied(next piece: UInt64) throws(StoreFailure) -> [Action] {
        supplier.sent(next: piece)
        try serve()
        return takeActions()
    }

    /// What has arrived since the last call, in order.
    package mutating func received(_ messages: [Message<Store.Content>]) throws(StoreFailure) -> [Action] {
        for message in store.joined(messages) { try handle(message) }
        return try settled()
    }

    private mutating func handle(_ message: Message<Store.Content>) throws(StoreFailure) {
        switch (link, message) {
        case (.down, _): break
        case (_, .goodbye(let goodbye)): try farewell(goodbye)
        case (.greeting, .welcome(let welcome)): try welcomed(welcome)
        case (.greeting, _): violation("its first message was not welcome")
        case (_, .changes(let deliveries, let through, let newest)):
            try follow(deliveries, through: through, newest: newest)
        case (_, .caughtUp): caughtUp()
        case (_, .settled(let settlements)): try settle(settlements)
        case (_, .chunks(let supply)): try receive(supply)
        case (_, .everywhere(let revision)): actions.append(.everywhere(revision))
        case (_, .upcoming(let base)):
            if reconciler.direction != .sendOnly { store.expect(base) }
        case (_, .want(let want)):
            if !supplier.add(want) { violation("it asked for too much at a time") }
        case (_, .welcome), (_, .hello), (_, .submit), (_, .applied):
            violation("it sent what hubs never send here")
        }
    }

    private mutating func farewell(_ goodbye: Goodbye) throws(StoreFailure) {
        actions.append(.close)
        link = .down
        switch goodbye.reason {
        case .ended, .failed, .tooManyPeers: break
        // Nothing that was sent under the former id is on its way any more: the session that ends here was the newest
        // of this replica's own.
        case .copied: replica = try store.renew()
        case .version, .violation, .sameReplica, .revoked: actions.append(.end(.said(goodbye)))
        }
    }

    mutating func violation(_ text: String) {
        actions.append(.send(.goodbye(Goodbye(reason: .violation, text: text))))
        actions.append(.close)
        link = .down
    }

    /// Says goodbye for good.
    private mutating func leave(_ goodbye: Goodbye) {
        actions.append(.send(.goodbye(goodbye)))
        actions.append(.close)
        actions.append(.end(.said(goodbye)))
        link = .down
    }

    private mutating func welcomed(_ welcome: Welcome) throws(StoreFailure) {
        guard welcome.replica != replica else {
            return leave(Goodbye(reason: .sameReplica, text: "this folder is the hub's own"))
        }
        guard SyncProtocol.versions.contains(welcome.version) else {
            let text = "the hub chose protocol \(welcome.version), which was not on offer"
            return leave(Goodbye(reason: .version, text: text))
        }
        link = .catchingUp
        reconciler.maySubmit = !welcome.isReadOnly
        actions.append(.welcomed(welcome))
        self.welcome = welcome
        let cursor = store.cursor
        if welcome.epoch != cursor.epoch || welcome.from < cursor.revision || !welcome.continues {
            reconciler.reset()
            try store.forget(startingAt: Cursor(epoch: welcome.epoch, revision: welcome.from))
            if cursor != .start {
                isScanned = false
                actions.append(.rescan)
            }
        }
        try inquire()
    }

    /// The cursor, where the feed was followed through `revision`, or not, and the hub has told of `newest`.
    func cursor(through revision: Revision? = nil, knowing newest: Revision) -> Cursor {
        let cursor = store.cursor
        var known = cursor.known
        if newest > known.revision, let mark = welcome?.mark(covering: newest) { known = mark }
        return Cursor(epoch: cursor.epoch, revision: revision ?? cursor.revision, known: known)
    }

    private mutating func caughtUp() {
        guard link == .catchingUp else { return }
        link = .live
        sweep = .from(nil)
    }

    // MARK: Guarding against mass deletions

    package mutating func beginDeletionWindow() {
        reconciler.deletions.beginWindow()
    }

    package mutating func use(_ limit: DeletionLimit) { reconciler.deletions.limit = limit }

    package var deletionCredit: Int { reconciler.deletions.credit }

    package mutating func forgetDeletionCredit() {
        reconciler.deletions.forgetCredit()
    }

    package mutating func confirmDeletions() throws(StoreFailure) -> [Action] {
        releaseHeld(isConfirmed: true)
        return try settled()
    }

    // MARK: Working off

    /// Works off what wants a look, and says so when nothing is left.
    package mutating func settled() throws(StoreFailure) -> [Action] {
        try work()
        try sweepOn()
        forgetReleased()
        try serve()
        try tellApplied()
        if isSettled, !isInSync {
            isInSync = true
            reconciler.isReplacing = false
            tellNotices()
            actions.append(.inSync(store.cursor))
        } else if !isSettled {
            isInSync = false
        }
        return takeActions()
    }

    /// Tells the hub how far this peer is, if that has changed.
    private mutating func tellApplied() throws(StoreFailure) {
        guard link == .live || link == .catchingUp else { return }
        let known = store.cursor.revision
        var applied = told?.applied ?? .zero
        if applied != known, try hasArrived() { applied = known }
        guard told == nil || told?.applied != applied || told?.known != known else { return }
        told = (applied, known)
        actions.append(.send(.applied(applied, known: known)))
    }

    /// Whether the feed up to the cursor is in the tree, as far as it can be: what is left over is a problem, or waits for
    /// a person.
    private func hasArrived() throws(StoreFailure) -> Bool {
        guard link == .live, transfers.isEmpty, sweep == .done, !backlog.hasDirty else { return false }
        for path in backlog.passing where try reconciler.record(at: path).isPending { return false }
        return true
    }

    mutating func work() throws(StoreFailure) {
        guard link == .live else { return }
        while backlog.hasDirty, offers.hasRoom {
            var inner: [RelativePath] = []
            for (path, rereading) in backlog.take(offers.room) {
                guard !backlog.isInsideRefused(path) else {
                    backlog.refused(path)
                    continue
                }
                let standing = try reconciler.reconcile(path, rereading: rereading)
                if standing == .waiting(.children) { inner.append(path) } else { backlog.note(path, standing) }
                if standing == .settled { try tellFound(at: path) }
                try offerFormerNames()
            }
            // Directories go after what was in them, the innermost first.
            for path in inner.reversed() {
                backlog.note(path, try reconciler.reconcile(path))
            }
            try gather()
            try reconciler.commit(cursor: nil, durably: false)
            backlog.unblockMoved()
        }
    }

    /// Offers the deletions that belong to what was just offered. They may be more than there is room for: no deletion
    /// waits for content at the hub.
    private mutating func offerFormerNames() throws(StoreFailure) {
        while let former = reconciler.formerNames.popLast() {
            guard !backlog.isInsideRefused(former) else {
                backlog.add(former)
                continue
            }
            backlog.take(former)
            backlog.note(former, try reconciler.reconcile(former, canWait: false))
        }
    }

    private mutating func serve() throws(StoreFailure) {
        guard link == .live || link == .catchingUp else { return }
        for want in transfers.wants() { actions.append(.send(.want(want))) }
        while let supply = try supplier.next(from: store) { actions.append(.send(.chunks(supply))) }
    }

    private mutating func tellNotices() {
        actions += reconciler.notices.map { .notice($0) }
        reconciler.notices.removeAll()
    }

    mutating func takeActions() -> [Action] {
        tellNotices()
        defer { actions.removeAll() }
        return actions
    }
}
