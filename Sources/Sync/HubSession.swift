import Tree

/// What the hub knows of one connection. Nothing here outlives it: a peer's place in the feed is the peer's to keep.
struct HubSession {
    let isReadOnly: Bool
    var isGreeted = false
    var isClosing = false
    /// The replica has connected anew. What it offered here it has asked about there, and heard that it came to nothing.
    var isSuperseded = false
    var isWritable = true
    var name = ""
    /// The peer's random id.
    private(set) var replica: UInt64 = 0
    /// The feed was sent up to here.
    var sent: Revision = .zero
    /// Whether the peer was told that it has everything.
    var isCaughtUp = false
    /// The revisions that this peer's own submissions got, and whose content it need not be sent.
    var own: Set<Revision> = []

    /// Content that this peer asked for.
    var supplier = Supplier()
    /// Content that this peer was asked for.
    var transfers = Transfers()

    /// Its submissions that wait for content, by file.
    private var held: [Digest: [Held]] = [:]
    private var heldCount = 0
    /// The number of the newest submission.
    private var lastOffer: UInt64?

    /// What it has deleted of late, and how much more of that was refused.
    var deletions: DeletionGuard
    var refusedDeletions = 0

    /// What it said last that its tree holds, in this session.
    private(set) var applied: Revision = .zero

    /// It wants to know when all peers have applied these.
    private(set) var awaited: Set<Revision> = []

    /// A submission without its content: that is in the transfer, or was never there.
    private struct Held {
        let number: UInt64
        let submission: Submission
        let isInquiry: Bool
    }

    private var unacknowledged: [(through: Revision, weight: Int)] = []
    private var inFlight = 0

    init(isReadOnly: Bool, deletionLimit: DeletionLimit) {
        self.isReadOnly = isReadOnly
        deletions = DeletionGuard(deletionLimit)
    }

    mutating func greeted(by replica: UInt64, name: String, from revision: Revision) {
        isGreeted = true
        self.replica = replica
        self.name = name
        sent = revision
    }

    /// Those of these submissions that did not come before: a repeated one is not judged again.
    mutating func fresh<Content>(_ offers: [Offer<Content>]) -> [Offer<Content>] {
        var newest = lastOffer
        func isFresh(_ offer: Offer<Content>) -> Bool {
            if let newest, offer.number <= newest { return false }
            newest = offer.number
            return true
        }
        defer { lastOffer = newest }
        if offers.allSatisfy(isFresh) { return offers }
        newest = lastOffer
        return offers.filter(isFresh)
    }

    /// A submission waits for the content of a file.
    ///
    /// - Returns: False if that is more than a peer may have without a verdict.
    mutating func hold<Content>(_ offer: Offer<Content>, _ file: Digest) -> Bool {
        held[file, default: []].append(
            Held(number: offer.number, submission: offer.submission, isInquiry: offer.isInquiry))
        heldCount += 1
        return heldCount <= SyncProtocol.offerWindow
    }

    /// The submissions that waited for a file do so no more.
    mutating func release<Content>(_ file: Digest) -> [Offer<Content>] {
        let offers = held.removeValue(forKey: file) ?? []
        heldCount -= offers.count
        return offers.map { held in
            Offer(number: held.number, submission: held.submission, attachment: .none, isInquiry: held.isInquiry)
        }
    }

    /// - Returns: False if that is too much at a time.
    mutating func wantsToKnow(of revision: Revision) -> Bool {
        awaited.insert(revision)
        return awaited.count <= SyncProtocol.awaitedRevisions
    }

    mutating func takeAwaited(through revision: Revision) -> [Revision] {
        let arrived = awaited.filter { $0 <= revision }.sorted()
        awaited.subtract(arrived)
        return arrived
    }

    /// Whether there is content that it asked for or is asked for.
    var isExchanging: Bool { isGreeted && !isClosing && (!transfers.isEmpty || !supplier.isEmpty) }

    /// Where in the feed it goes on; nil while no more of it may be sent.
    var place: Revision? {
        isGreeted && !isClosing && isWritable && inFlight < SyncProtocol.feedWindow ? sent : nil
    }

    mutating func sent(through revision: Revision, weight: Int) {
        sent = revision
        inFlight += weight
        unacknowledged.append((revision, weight))
        if !own.isEmpty { own = own.filter { $0 > revision } }
    }

    /// - Returns: How far it was before, and is now.
    mutating func applied(_ revision: Revision, known: Revision) -> (from: Revision, to: Revision) {
        let before = applied
        applied = max(applied, revision)
        while let first = unacknowledged.first, first.through <= known {
            inFlight -= first.weight
            unacknowledged.removeFirst()
        }
        return (before, applied)
    }
}
