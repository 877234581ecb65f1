import Tree

/// Holds a mass deletion back until somebody says that it is meant.
///
/// What counts is by how much one replica's own changes have shrunk the tree in a window of time: a renamed directory
/// comes right before it goes, and so shrinks nothing. A few deletions pass at once. Where more
/// of them may come they wait until no further one does, so that they are judged together, and either all go or none.
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

    private let limit: DeletionLimit
    /// So many pass before others are waited for.
    private let few: Int
    /// Own deletions less own creations, in this window.
    private(set) var shrink = 0
    /// How many deletions more may come of what is known to have changed.
    var pending = 0
    private(set) var holder: Holder?
    /// How many of those that waited may go.
    private var allowance = 0
    private var isConfirmed = false
    /// The hub's entries, where they were counted in this window.
    private var total: Int?

    init(_ limit: DeletionLimit) {
        self.limit = limit
        if case .count(let count) = limit { few = min(count, 100) } else { few = 100 }
    }

    /// At the origin: a file or symlink was deleted.
    mutating func admit() -> Admission {
        if allowance > 0 {
            allowance -= 1
            if isConfirmed { return .confirmed }
            shrink += 1
            return .admitted
        }
        guard holder == nil, shrink + pending < few else { return .held }
        shrink += 1
        return .admitted
    }

    /// At the hub: whether a peer that waits with its own may delete one more.
    mutating func admits<Failure>(counting count: () throws(Failure) -> Int) throws(Failure) -> Bool {
        if shrink >= few {
            if total == nil { total = try count() }
            guard shrink < limit.allowed(of: total ?? 0) else { return false }
        }
        shrink += 1
        return true
    }

    /// Directories go when they are empty, and that is when they count.
    mutating func removedDirectory() { shrink += 1 }
    mutating func created() { shrink -= 1 }

    /// No further deletion came: lets those that wait go, or holds them.
    ///
    /// - Parameter total: The hub's entries.
    mutating func judge(waiting: Int, total: Int) {
        guard holder == nil else { return }
        if shrink + waiting > limit.allowed(of: total) {
            holder = .origin
        } else {
            permit(waiting, isConfirmed: false)
        }
    }

    mutating func refusedByHub() { holder = .hub }

    mutating func hold() { holder = holder ?? .origin }

    mutating func permit(_ count: Int, isConfirmed: Bool) {
        holder = nil
        allowance = count
        self.isConfirmed = isConfirmed
    }

    /// Nothing waits any more.
    mutating func settled() {
        holder = nil
        allowance = 0
    }

    /// Creations that deletions may follow to which they belong.
    var credit: Int { max(0, -shrink) }

    /// What was created stands for itself: whoever deletes it later deletes it.
    mutating func forgetCredit() { shrink = max(0, shrink) }

    /// What was deleted so far is history.
    mutating func beginWindow() {
        shrink = 0
        total = nil
    }
}
