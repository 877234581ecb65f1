import Tree

/// Holds a mass deletion back until somebody says that it is meant.
///
/// What counts is by how much one replica's own changes have shrunk the tree in a window of time. At the origin deletions
/// wait until no further one comes, so that they are judged together, and either all go or none. What was renamed does not
/// wait: the same came at another path, right before it goes or right after.
package struct DeletionGuard {
    /// Whether one more deletion may go.
    enum Admission: Hashable {
        case admitted
        /// Somebody has said that it is meant.
        case confirmed
        /// It waits for ``judge(waiting:total:)``, or for a person.
        case held
    }

    /// Who holds.
    package enum Holder: Hashable, Sendable {
        case origin
        case hub
    }

    /// Of more renames at a time some wait like any deletion.
    private static let renameLimit = 1 << 16

    var limit: DeletionLimit
    /// Own deletions less own creations, in this window.
    private(set) var shrink = 0
    /// Hash values of files and symlinks that came lately, and how often.
    private var recent: [Int: Int] = [:]
    /// Hash values of what waits, and where it was; one of several that are the same.
    private var missed: [Int: RelativePath] = [:]
    private(set) var holder: Holder?
    /// How many of those that waited may go.
    private var allowance = 0
    private var isConfirmed = false
    /// Whether something waits that only a person can let go.
    private var mustAsk = false
    /// The hub's entries, where they were counted in this window.
    private var total: Int?

    init(_ limit: DeletionLimit) {
        self.limit = limit
    }

    /// At the origin: a file or symlink was deleted.
    ///
    /// - Parameter isDisputed: Somebody wanted it back.
    mutating func admit(_ entry: Entry, at path: RelativePath, isDisputed: Bool) -> Admission {
        if isDisputed {
            guard allowance > 0, isConfirmed else {
                mustAsk = true
                return .held
            }
        } else if takeRecent(entry) {
            shrink += 1
            return .admitted
        }
        guard allowance > 0 else {
            if holder == nil, missed.count < Self.renameLimit { missed[entry.hashValue] = path }
            return .held
        }
        allowance -= 1
        if isConfirmed { return .confirmed }
        shrink += 1
        return .admitted
    }

    /// At the hub: whether a peer that waits with its own may delete one more.
    mutating func admits<Failure>(counting count: () throws(Failure) -> Int) throws(Failure) -> Bool {
        guard try allows(shrink + 1, counting: count) else { return false }
        shrink += 1
        return true
    }

    /// Directories go when they are empty, and that is when they count.
    mutating func removedDirectory() { shrink += 1 }

    /// At the hub.
    mutating func created() { shrink -= 1 }

    /// At the origin.
    ///
    /// - Returns: Where the same went, if that waits and need not any more.
    mutating func created(_ entry: Entry) -> RelativePath? {
        created()
        guard !entry.isDirectory else { return nil }
        let hash = entry.hashValue
        if recent.count >= Self.renameLimit { recent = [:] }
        recent[hash, default: 0] += 1
        return missed.removeValue(forKey: hash)
    }

    /// Whether the same came at another path lately, in whose place no other one has gone yet.
    private mutating func takeRecent(_ entry: Entry) -> Bool {
        guard shrink < limit.least, let index = recent.index(forKey: entry.hashValue) else { return false }
        if recent.values[index] > 1 { recent.values[index] -= 1 } else { recent.remove(at: index) }
        return true
    }

    /// No further deletion came: lets those that wait go, or holds them.
    ///
    /// - Parameter count: Counts the hub's entries, which takes long.
    mutating func judge<Failure>(waiting: Int, counting count: () throws(Failure) -> Int) throws(Failure) {
        guard holder == nil else { return }
        total = nil
        if !mustAsk, try allows(shrink + waiting, counting: count) {
            permit(waiting, isConfirmed: false)
        } else {
            holder = .origin
        }
    }

    private mutating func allows<Failure>(
        _ shrink: Int, counting count: () throws(Failure) -> Int
    ) throws(Failure) -> Bool {
        if shrink <= limit.least { return true }
        if total == nil { total = try count() }
        return shrink <= limit.allowed(of: total ?? 0)
    }

    /// Whether deletions that were judged are on their way.
    var isPermitting: Bool { allowance > 0 }

    mutating func refusedByHub() { holder = .hub }

    mutating func hold() { holder = holder ?? .origin }

    mutating func permit(_ count: Int, isConfirmed: Bool) {
        holder = nil
        missed = [:]
        mustAsk = false
        allowance = count
        self.isConfirmed = isConfirmed
    }

    /// Nothing waits any more.
    mutating func settled() {
        holder = nil
        missed = [:]
        mustAsk = false
        allowance = 0
    }

    /// Creations that deletions may follow to which they belong.
    var credit: Int { max(0, -shrink) + recent.count }

    /// What was created stands for itself: whoever deletes it later deletes it.
    mutating func forgetCredit() {
        shrink = max(0, shrink)
        recent = [:]
    }

    /// What was deleted so far is history.
    mutating func beginWindow() {
        shrink = 0
        recent = [:]
        total = nil
    }
}
