import Tree

/// How far the trees of all peers are, counted as they tell: nobody asks a thousand sessions after each of their words.
struct Arrivals {
    /// How many peers are at each revision that one is at.
    private var counts: [Revision: Int] = [:]
    /// What all of them have applied; nil where there are none.
    private(set) var everywhere: Revision?

    mutating func came() {
        counts[.zero, default: 0] += 1
        everywhere = .zero
    }

    mutating func moved(from old: Revision, to new: Revision) {
        guard old != new else { return }
        counts[new, default: 0] += 1
        left(old)
    }

    mutating func left(_ revision: Revision) {
        guard let count = counts[revision] else { return }
        guard count == 1 else {
            counts[revision] = count - 1
            return
        }
        counts[revision] = nil
        if revision == everywhere { everywhere = counts.keys.min() }
    }
}
