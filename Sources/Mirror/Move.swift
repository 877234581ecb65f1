package import Tree

/// A file that is at another path as it was: its appearing there and its being gone here, which come right after each
/// other, told as one.
///
/// So whoever is told it has been told everything up to the later of both revisions, and whoever begins between them is
/// told the later one alone. A directory is not moved: what is in it is, one by one, between the one's appearing and the
/// other's going.
package struct Move: Hashable, Sendable {
    /// What is there now.
    package let arrival: Change
    /// The tombstone that is where it was.
    package let departure: Change

    /// Nil where these two are no more than two changes.
    package init?(_ first: (change: Change, was: Entry?), _ second: (change: Change, was: Entry?)) {
        let (arrival, departure) = first.change.entry.isLive ? (first, second) : (second, first)
        guard departure.change.entry.isTombstone, let left = departure.was, left == arrival.change.entry,
            left.isLive, !left.isDirectory, arrival.was?.isTombstone == true,
            arrival.change.path != departure.change.path,
            arrival.change.author == departure.change.author
        else { return nil }
        self.arrival = arrival.change
        self.departure = departure.change
    }

    /// Of the line that tells it: a place in the feed behind both.
    package var revision: Revision { max(arrival.revision, departure.revision) }
}

/// What one event line tells of the feed.
enum FeedLine {
    case change(Change, was: Entry?)
    case move(Move)

    var revision: Revision {
        switch self {
        case .change(let change, _): change.revision
        case .move(let move): move.revision
        }
    }

    /// These changes, in their order.
    static func lines(of changes: [(change: Change, was: Entry?)]) -> [FeedLine] {
        var lines: [FeedLine] = []
        lines.reserveCapacity(changes.count)
        var rest = changes[...]
        while let first = rest.popFirst() {
            if let second = rest.first, let move = Move(first, second) {
                rest.removeFirst()
                lines.append(.move(move))
            } else {
                lines.append(.change(first.change, was: first.was))
            }
        }
        return lines
    }
}
