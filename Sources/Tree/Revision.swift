/// The hub's counter: every accepted change of an entry takes the next one. 0 comes before all of them.
package struct Revision: Hashable, Comparable, Sendable, RawRepresentable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static let zero = Revision(rawValue: 0)

    package static func < (left: Revision, right: Revision) -> Bool {
        left.rawValue < right.rawValue
    }

    package var next: Revision {
        Revision(rawValue: rawValue + 1)
    }
}

extension Revision: CustomStringConvertible {
    package var description: String { String(rawValue) }
}

/// The random id of a hub's history; a new one whenever that history cannot be trusted to continue.
package struct Epoch: Hashable, Sendable, RawRepresentable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// No history yet.
    package static let none = Epoch(rawValue: 0)
}

extension Epoch: CustomStringConvertible {
    package var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The random id of what one run of a hub has accepted: Raft's term, Kafka's leader epoch. A hub that was set back gives
/// the revisions after that point once more, and in another term.
package struct Term: Hashable, Sendable, RawRepresentable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// That of revision 0, and of what was accepted before there were terms.
    package static let none = Term(rawValue: 0)
}

/// A revision, and the term in which it was given. Two orders that have it in common are the same up to it: one run alone
/// gives the revisions of a term, one after the other, on top of what it had found.
package struct Mark: Hashable, Sendable {
    package let revision: Revision
    package let term: Term

    package init(revision: Revision, term: Term) {
        self.revision = revision
        self.term = term
    }
}

/// How far in the feed a peer has durably got. On a hub, its head.
package struct Cursor: Hashable, Sendable {
    package let epoch: Epoch
    package let revision: Revision
    /// The newest that is known of the order, at `revision` or beyond: of its own changes a peer hears earlier.
    package let known: Mark

    package init(epoch: Epoch, revision: Revision, known: Mark) {
        self.epoch = epoch
        self.revision = revision
        self.known = known
    }

    /// One of an order without terms.
    package init(epoch: Epoch, revision: Revision) {
        self.init(epoch: epoch, revision: revision, known: Mark(revision: revision, term: .none))
    }

    /// Before everything.
    package static let start = Cursor(epoch: .none, revision: .zero)
}

extension Cursor: CustomStringConvertible {
    /// `EPOCH:REVISION`, as flags and event lines have it.
    package var description: String { "\(epoch):\(revision)" }
}
