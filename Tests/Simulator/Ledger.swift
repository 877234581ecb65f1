import Sync
import Tree

/// What a simulated run did wrong.
package struct Violation: Error, CustomStringConvertible {
    /// The invariant's number in the project's list, as `I4`.
    package let invariant: String
    package let text: String

    package var description: String { "\(invariant): \(text)" }
}

/// What users did, and what the hub made of it: the witness against which the machines are judged.
struct Ledger {
    struct Place: Hashable {
        var replica: String
        var path: RelativePath
    }

    /// How often a user made or changed what is at a path.
    private var edits: [Place: Int] = [:]
    /// How often a user removed what was at a path (or moved it away).
    private var deletions: [Place: Int] = [:]
    /// How often a replica's entry was accepted.
    private var acceptedEdits: [Place: Int] = [:]
    private var acceptedDeletions: [Place: Int] = [:]
    /// How often a machine made a conflict copy at a path; counted among the edits as well.
    private var made: [Place: Int] = [:]
    /// Contents that a user made durable.
    private(set) var written: Set<SimContent> = []
    /// Contents that a user overwrote or deleted where they were displayed.
    private(set) var released: Set<SimContent> = []
    private(set) var conflicts: [(replica: String, copy: RelativePath)] = []
    private var lastRevision: Revision = .zero
    private var lastEpoch: Epoch = .none

    mutating func edited(_ replica: String, _ path: RelativePath) {
        edits[Place(replica: replica, path: path), default: 0] += 1
    }

    mutating func deleted(_ replica: String, _ path: RelativePath) {
        deletions[Place(replica: replica, path: path), default: 0] += 1
    }

    mutating func wrote(_ content: SimContent) { written.insert(content) }
    mutating func release(_ content: SimContent) { released.insert(content) }

    mutating func conflict(_ replica: String, _ copy: RelativePath) {
        conflicts.append((replica, copy))
        // The machine made this one; it may be offered once.
        edited(replica, copy)
        made[Place(replica: replica, path: copy), default: 0] += 1
    }

    /// Checks the rows that the hub has added to its log.
    mutating func accepted(_ rows: some Sequence<SimIndex.LogRow>) throws(Violation) {
        for row in rows {
            let change = row.change
            guard change.revision > lastRevision else {
                throw Violation(invariant: "I8", text: "revision \(change.revision) after \(lastRevision)")
            }
            guard row.base < change.revision else {
                throw Violation(invariant: "I8", text: "\(change.path) at \(change.revision) has base \(row.base)")
            }
            lastRevision = change.revision
            let place = Place(replica: change.author, path: change.path)
            if change.entry.isTombstone {
                acceptedDeletions[place, default: 0] += 1
                guard acceptedDeletions[place, default: 0] <= deletions[place, default: 0] else {
                    throw Violation(
                        invariant: "I4",
                        text: "\(change.author) deleted \(change.path) (\(change.revision)); no user did")
                }
            } else if !change.entry.isDirectory {
                acceptedEdits[place, default: 0] += 1
                guard acceptedEdits[place, default: 0] <= edits[place, default: 0] else {
                    throw Violation(
                        invariant: "I5/I13",
                        text: "\(change.author) sent \(change.path) (\(change.revision)); no user there made it")
                }
            }
        }
    }

    /// No bytes are lost: what nobody knowingly replaced or deleted is in the tree; what somebody did is at least
    /// somewhere.
    func checkNothingLost(tree: Set<SimContent>) throws(Violation) {
        for content in written.sorted() where !released.contains(content) && !tree.contains(content) {
            throw Violation(
                invariant: "I1", text: "content \(content.letters) is gone; nobody replaced or deleted it")
        }
    }

    func checkConflicts(isSolo: Bool) throws(Violation) {
        if isSolo, let conflict = conflicts.first {
            throw Violation(
                invariant: "I11",
                text: "\(conflict.copy) on \(conflict.replica), though one replica alone was edited")
        }
        var copies: [Place: Int] = [:]
        for conflict in conflicts {
            // A user, here or elsewhere, may delete a copy, and bring a content back that lost before; the machine
            // alone makes each copy once.
            let place = Place(replica: conflict.replica, path: conflict.copy)
            copies[place, default: 0] += 1
            let deleted = deletions.lazy.filter { $0.key.path == conflict.copy }.reduce(0) { $0 + $1.value }
            let byUsers = deleted + edits[place, default: 0] - made[place, default: 0]
            guard copies[place, default: 0] <= 1 + byUsers else {
                throw Violation(invariant: "I12", text: "\(conflict.copy) was made twice on \(conflict.replica)")
            }
        }
        let tag = Array(".conflict-".utf8)
        for conflict in conflicts {
            let name = Array(conflict.copy.name)
            let tags = name.indices.count { name[$0...].starts(with: tag) }
            guard tags == 1 else { throw Violation(invariant: "I12", text: "\(conflict.copy) is a copy of a copy") }
        }
    }
}
