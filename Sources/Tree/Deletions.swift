/// How many deletions a replica lets through without asking.
package enum DeletionLimit: Hashable, Sendable {
    case count(Int)
    /// Percent of the entries that the hub has; counts only where that are ``fewest`` at least.
    case percent(Int)

    package static let standard = DeletionLimit.percent(50)
    /// In a tree of fewer entries, deleting most of them is everyday work.
    package static let fewest = 1000

    /// So many are allowed whatever the total is.
    package var least: Int {
        switch self {
        case .count(let count): count
        case .percent: allowed(of: Self.fewest)
        }
    }

    package func allowed(of total: Int) -> Int {
        switch self {
        case .count(let count): count
        case .percent(let percent):
            total < Self.fewest ? .max : total / 100 * percent + total % 100 * percent / 100
        }
    }
}

/// Deletions that wait for a person.
package struct HeldDeletions: Codable, Hashable, Sendable {
    /// Files and symlinks.
    package let count: Int
    /// The hub's entries.
    package let total: Int
    /// Who made them; nil for this replica.
    package let author: String?
    /// Whether it is the hub that does not take them.
    package let isAtHub: Bool

    package init(count: Int, total: Int, author: String?, isAtHub: Bool) {
        self.count = count
        self.total = total
        self.author = author
        self.isAtHub = isAtHub
    }
}
