import Tree

/// Where in the feed messages end. Who is behind is sent messages that end where those of the sessions before it did: they
/// are the same then, and what is the same is encoded and held in memory once, however many are how far behind.
struct FeedCuts {
    /// Of more than so many the oldest go: who is further behind than that shares with nobody.
    private static let limit = 512

    /// In ascending order, each about ``SyncProtocol/batchBytes`` after the one before.
    private var ends: [Revision] = []
    /// Nobody was sent anything beyond.
    private var tip = Revision.zero
    /// What was sent since the last of them.
    private var weight = 0

    /// Where a message ends that begins with `revision`; nil where it is the first that goes so far.
    func end(from revision: Revision) -> Revision? {
        guard let last = ends.last, revision <= last else { return nil }
        return ends.first { $0 >= revision }
    }

    mutating func sent(through revision: Revision, weight added: Int) {
        guard revision > tip else { return }
        tip = revision
        weight += added
        guard weight >= SyncProtocol.batchBytes else { return }
        weight = 0
        if ends.count == Self.limit { ends.removeFirst(Self.limit / 2) }
        ends.append(revision)
    }
}
