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

/// How far in the feed a peer has durably got.
package struct Cursor: Hashable, Sendable {
    package let epoch: Epoch
    package let revision: Revision

    package init(epoch: Epoch, revision: Revision) {
        self.epoch = epoch
        self.revision = revision
    }

    /// Before everything.
    package static let start = Cursor(epoch: .none, revision: .zero)
}

extension Cursor: CustomStringConvertible {
    /// `EPOCH:REVISION`, as flags and event lines have it.
    package var description: String { "\(epoch):\(revision)" }
}
