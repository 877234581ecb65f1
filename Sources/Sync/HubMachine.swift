package import Tree

/// One peer's connection, as the hub counts them.
package struct SessionID: Hashable, Comparable, Sendable, RawRepresentable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: SessionID, right: SessionID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What a hub wants done. The order counts.
package enum HubAction<Content> {
    /// One message, the same bytes, to all of these.
    case send(Message<Content>, to: [SessionID])
    /// Nothing more comes from this session; what was sent before should still go out.
    case close(SessionID)
    case notice(Notice)
    case joined(SessionID, name: String)
    case left(SessionID, name: String)
    /// There is more to do, or to send: call ``HubMachine/resumed()`` once these are on their way, and whatever else happened
    /// meanwhile was told.
    case goOn
}

/// How far one peer is.
package struct HubPeerState: Hashable, Sendable {
    package let id: SessionID
    package let name: String
    package let isReadOnly: Bool
    /// What its tree holds.
    package let applied: Revision
}

/// The hub: puts every change in order, by compare-and-swap, and sends each peer the feed from where it is.
///
/// The hub's own folder is one more replica: what is edited there goes through the same ``judge(_:)``. Events come in
/// as method calls. Those of the hub's own disk return what is to be done; those of sessions, of which many come at a
/// time, are but noted, and one ``settled()`` answers all of them.
package struct HubMachine<Store: ReplicaStore>: FolderMachine {
    package typealias Action = HubAction<Store.Content>

    package var reconciler: Reconciler<Store>
    package var store: Store { reconciler.store }
    var sessions: [SessionID: HubSession] = [:]
    /// The sessions for which there may be something to send: nobody looks at the others.
    var due: Set<SessionID> = []
    /// Whether the feed has grown since it was last sent: then all sessions are due.
    var hasPublished = false
    /// How far the trees of all peers are.
    var arrivals = Arrivals()
    /// The sessions that want to know when all peers have applied something.
    var curious: Set<SessionID> = []
    /// The greeted sessions of each replica.
    private var replicas: [UInt64: [SessionID]] = [:]
    package var backlog = Backlog()
    var actions: [Action] = []
    /// Content of accepted entries that this disk lacks, and that whichever peer has it is asked for.
    var absent = AbsentContent()
    /// The sessions that asked for content in vain.
    var unmet: Set<SessionID> = []
    /// The sessions that created something of late, to which deletions may belong.
    var creators: Set<SessionID> = []
    /// Revisions whose content was already known before them: peers find it at home.
    var derived: Set<Revision> = []
    /// Where content was first that was not known before, and in which revision.
    var introduced: [Digest: (path: RelativePath, revision: Revision)] = [:]
    /// Of large files that were accepted of late what they replaced: whoever follows has most of their chunk lists.
    var formerVersions: [Digest: Digest] = [:]
    /// A page of the feed, all that was in it after ``readAheadStart`` when it was read.
    var readAhead: ArraySlice<Change> = []
    var readAheadStart: Revision = .zero
    /// What was published last, without a gap, after ``freshStart``: who follows closely is sent it without its being read.
    var fresh: [Change] = []
    var freshStart: Revision = .zero
    var cuts = FeedCuts()
    /// Whether the hub's own folder has been looked at since the process began. Before that nobody is told that it has
    /// caught up, for what was changed here meanwhile is not in the feed yet.
    package var isFolderKnown = true
    /// Whether ``resumed()`` is to be called.
    var goesOn = false
    /// How many messages of the feed went out since the backlog was worked on last.
    var messagesSinceLook = 0
    private(set) var epoch: Epoch
    var head: Revision
    /// The term of ``head``.
    var term: Term
    /// The term of what this run accepts.
    let ownTerm: Term
    /// Somebody here has said that what peers delete in this window is meant.
    var isConfirmed = false
    var deletionLimit: DeletionLimit
    /// What those who are no peers have deleted of late, by name.
    var guests: [String: DeletionGuard] = [:]
    private let replica: UInt64
    /// So many paths are looked at before others have their turn. Each time is made durable by itself, which costs most
    /// where it is for a few.
    let step: Int

    /// The head as the feed has it.
    var published: Revision
    // Accepted and not yet in the feed.
    var accepted: [(change: Change, base: Revision)] = []

    package let name: String

    /// Opens the hub on a store. `mint` makes a fresh random number that is not 0.
    package init(
        store: Store, name: String, replica: UInt64, deletionLimit: DeletionLimit = .standard, step: Int = 512,
        mint: () -> UInt64
    ) throws(StoreFailure) {
        self.step = step
        self.reconciler = Reconciler(store: store, name: name, deletionLimit: deletionLimit)
        self.deletionLimit = deletionLimit
        self.name = name
        self.replica = replica
        self.ownTerm = Term(rawValue: mint())
        self.epoch = store.cursor.epoch
        self.head = store.cursor.revision
        self.published = store.cursor.revision
        self.term = try store.term(at: head)
        if epoch == .none {
            self.epoch = Epoch(rawValue: mint())
            try store.save([], cursor: cursor, durably: true)
        }
    }

    package var cursor: Cursor {
        Cursor(epoch: epoch, revision: head, known: Mark(revision: head, term: term))
    }

    /// Whether everything seen on the hub's own disk is in the feed, and the feed on the disk.
    package var isSettled: Bool { backlog.isSettled(isHolding: reconciler.deletions.holder != nil) }
    package var hasUnstable: Bool { backlog.hasUnstable }
    package var hasStepsLeft: Bool { backlog.hasDirty }
    /// Whether something is to be looked at again after a while.
    package var wantsReview: Bool { !backlog.problems.isEmpty || reconciler.hasRemoved }

    package var pendingPaths: Set<RelativePath> { backlog.pending(isHolding: isHolding) }
    package func isPending(_ path: RelativePath) -> Bool { backlog.isPending(path, isHolding: isHolding) }

    /// The peers, in the order in which they came.
    package var peers: [HubPeerState] {
        sessions.sorted { $0.key < $1.key }.compactMap { id, session in
            guard session.isGreeted, !session.isClosing else { return nil }
            return HubPeerState(
                id: id, name: session.name, isReadOnly: session.isReadOnly, applied: session.applied)
        }
    }

    /// Whether all peers have applied all up to `revision`.
    package func haveApplied(_ revision: Revision) -> Bool { arrivals.everywhere.map { $0 >= revision } ?? true }

    // MARK: Events of the hub's own disk

    /// The process has begun: what was accepted and not applied before it ended last is applied now.
    package mutating func started() throws(StoreFailure) -> [Action] {
        try reconciler.adoptApplied()
        try reconciler.reviewRemoved()
        var last: RelativePath?
        while true {
            let page = try store.unfinished(after: last, limit: 512)
            guard let end = page.last else { break }
            for record in page {
                if record.offered != nil { try reconciler.withdrawn(record.path) }
                backlog.add(record.path)
            }
            try reconciler.commit(cursor: nil, durably: false)
            last = end.path
        }
        return try settled()
    }

    /// These paths may have changed on the hub's disk.
    package mutating func changed(_ all: [Dirty]) throws(StoreFailure) -> [Action] {
        for dirty in all { backlog.add(dirty.path, rereading: dirty.rereading) }
        return try settled()
    }

    /// All of the folder has been looked at.
    package mutating func folderIsKnown() throws(StoreFailure) -> [Action] {
        isFolderKnown = true
        due.formUnion(sessions.keys)
        return try settled()
    }

    package mutating func foretell(_ base: Digest?) -> [Action] {
        foretell(base, except: nil)
        return takeActions()
    }

    private mutating func foretell(_ base: Digest?, except author: SessionID?) {
        let ids = sessions.filter { id, session in
            id != author && session.isCaughtUp && session.isWritable && !session.isClosing
        }.keys.sorted()
        if !ids.isEmpty { actions.append(.send(.upcoming(base), to: ids)) }
    }

    /// Time to look again at what changed too fast.
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

    // MARK: Events of sessions

    package mutating func opened(_ session: SessionID, isReadOnly: Bool) {
        sessions[session] = HubSession(isReadOnly: isReadOnly, deletionLimit: deletionLimit)
    }

    package mutating func closed(_ id: SessionID) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        due.remove(id)
        curious.remove(id)
        unmet.remove(id)
        creators.remove(id)
        store.expect(nil)
        if session.isGreeted {
            if !session.isClosing { arrivals.left(session.applied) }
            replicas[session.replica]?.removeAll { $0 == id }
            if replicas[session.replica]?.isEmpty == true { replicas[session.replica] = nil }
            actions.append(.left(id, name: session.name))
        }
        giveUp(whatWasAskedOf: session)
    }

    /// The session's socket takes more, or no more for now.
    package mutating func writable(_ id: SessionID, _ isWritable: Bool) {
        sessions[id]?.isWritable = isWritable
        due.insert(id)
    }

    /// What was sent to this session is more than its socket has taken; ``writable(_:_:)`` tells when it has.
    package mutating func full(_ id: SessionID) {
        sessions[id]?.isWritable = false
    }

    /// More of what was begun; see ``HubAction/goOn``.
    package mutating func resumed() {
        goesOn = false
    }

    /// A ``Message/chunks`` has left for the session's socket: there is room for the next, of about `piece` bytes.
    package mutating func supplied(_ id: SessionID, next piece: UInt64) {
        sessions[id]?.supplier.sent(next: piece)
        due.insert(id)
    }

    /// What has arrived from a session since the last call, in order.
    package mutating func received(
        _ messages: [Message<Store.Content>], from id: SessionID
    ) throws(StoreFailure) {
        for message in store.joined(messages) { try admit(message, id) }
        due.insert(id)
    }

    private mutating func admit(_ message: Message<Store.Content>, _ id: SessionID) throws(StoreFailure) {
        guard let session = sessions[id], !session.isClosing else { return }
        switch message {
        case .hello(let hello):
            try greet(hello, id)
        case .submit, .want, .chunks, .applied, .everywhere, .upcoming, .goodbye:
            guard session.isGreeted else {
                end(id, .violation, "the first message was not hello")
                break
            }
            try handle(message, id)
        case .welcome, .changes, .caughtUp, .settled:
            end(id, .violation, "a peer sent what only hubs send")
        }
    }

    private mutating func handle(_ message: Message<Store.Content>, _ id: SessionID) throws(StoreFailure) {
        switch message {
        case .submit(let offers): try judge(sessions[id]?.fresh(offers) ?? [], from: id)
        case .chunks(let supply): try receive(supply, from: id)
        case .applied(let revision, let known):
            if let move = sessions[id]?.applied(min(revision, head), known: known) {
                arrivals.moved(from: move.from, to: move.to)
            }
        case .everywhere(let revision):
            curious.insert(id)
            if sessions[id]?.wantsToKnow(of: min(revision, head)) == false {
                end(id, .violation, "a peer waits for too much at a time")
            }
        case .upcoming(let base):
            // Nobody can have others copy what is not here.
            if sessions[id]?.isReadOnly == false, store.expect(base) { foretell(base, except: id) }
        case .goodbye: end(id, nil, "")
        case .want(let want):
            if sessions[id]?.supplier.add(want) == false {
                end(id, .violation, "a peer asked for too much at a time")
            }
        case .hello, .welcome, .changes, .caughtUp, .settled: break
        }
    }

    private mutating func greet(_ hello: Hello, _ id: SessionID) throws(StoreFailure) {
        guard sessions[id]?.isGreeted == false else { return end(id, .violation, "a second hello") }
        guard hello.versions.overlaps(SyncProtocol.versions) else {
            return end(
                id, .version,
                "this hub speaks protocol \(describe(SyncProtocol.versions)), the peer \(describe(hello.versions))")
        }
        guard hello.replica != replica else {
            return end(id, .sameReplica, "this folder is the hub's own")
        }
        let continues = try continues(hello.cursor)
        let from = continues ? hello.cursor.revision : .zero
        sessions[id]?.greeted(by: hello.replica, name: hello.name, from: from)
        arrivals.came()
        supersede(hello.replica, by: id)
        let isReadOnly = sessions[id]?.isReadOnly == true
        let welcome = Welcome(
            version: min(hello.versions.upperBound, SyncProtocol.versions.upperBound), epoch: epoch, from: from,
            head: head, replica: replica, name: name, isReadOnly: isReadOnly, term: term, nextTerm: ownTerm,
            continues: continues)
        actions.append(.send(.welcome(welcome), to: [id]))
        actions.append(.joined(id, name: hello.name))
        // It may have what nobody had, and what is not asked for now because something else is in its way.
        reconciler.gone.removeAll()
        for content in absent.all { ask(id, for: content) }
    }

    /// Whether all that a peer knows is of this order. If not, this hub was set back since, whatever it has accepted
    /// meanwhile, or the peer knows another hub: the revisions of the two have nothing to do with each other.
    private func continues(_ cursor: Cursor) throws(StoreFailure) -> Bool {
        guard cursor.epoch == epoch, cursor.known.revision <= head else { return false }
        return try store.term(at: cursor.known.revision) == cursor.known.term
    }

    /// Of the sessions of one replica the newest alone may submit: what arrives late on an older one was asked about on
    /// the newer one, and must not come true after the answer.
    private mutating func supersede(_ replica: UInt64, by id: SessionID) {
        let all = (replicas[replica, default: []] + [id]).sorted()
        for id in all.dropLast() { sessions[id]?.isSuperseded = true }
        replicas[replica] = all
    }

    private func describe(_ versions: ClosedRange<UInt16>) -> String {
        versions.count == 1 ? "\(versions.lowerBound)" : "\(versions.lowerBound) to \(versions.upperBound)"
    }

    /// Ends a session; with a goodbye unless the peer said one.
    mutating func end(_ id: SessionID, _ reason: Goodbye.Reason?, _ text: String) {
        guard let session = sessions[id], !session.isClosing else { return }
        sessions[id]?.isClosing = true
        if session.isGreeted { arrivals.left(session.applied) }
        curious.remove(id)
        if let reason { actions.append(.send(.goodbye(Goodbye(reason: reason, text: text)), to: [id])) }
        actions.append(.close(id))
    }

    /// Sends a peer away.
    package mutating func dismiss(_ id: SessionID, _ reason: Goodbye.Reason, _ text: String) -> [Action] {
        end(id, reason, text)
        return takeActions()
    }

    /// Ends everything, in order.
    package mutating func stop() -> [Action] {
        for id in sessions.keys.sorted() { end(id, .ended, "the hub was stopped") }
        return takeActions()
    }

    mutating func takeActions() -> [Action] {
        actions += reconciler.notices.map { .notice($0) }
        reconciler.notices.removeAll()
        defer { actions.removeAll() }
        return actions
    }
}
