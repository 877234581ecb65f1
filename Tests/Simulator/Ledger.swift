import Sync
import Tree

/// What users did: the witness against which the machines are judged.
struct Ledger {
    struct Place: Hashable {
        let replica: String
        let path: RelativePath
    }

    /// What is at a path, mode and mtime apart.
    enum Thing: Hashable {
        case file(Digest)
        case directory
        case symlink([UInt8])

        init?(_ entry: Entry?) {
            switch entry {
            case .file(let file)?: self = .file(file.digest)
            case .directory?: self = .directory
            case .symlink(let symlink)?: self = .symlink(symlink.target)
            case .tombstone?, nil: return nil
            }
        }
    }

    /// How often a user made or changed what is at a path.
    private(set) var edits: [Place: Int] = [:]
    /// How often a user removed what was at a path, moved it away or put something in its place.
    private(set) var deletions: [Place: Int] = [:]
    /// All that users of a replica ever removed, moved away or overwrote, at its path or at that of a copy of it.
    private var displaced: [String: Set<Thing>] = [:]
    /// How often a machine made a conflict copy at a path; counted among the edits as well.
    private var made: [Place: Int] = [:]
    /// How many deletions at a path somebody has taken back since.
    private var reverted: [Place: Int] = [:]
    private var acceptedEdits: [Place: Int] = [:]
    private var acceptedDeletions: [Place: Int] = [:]
    /// Contents that a user made durable.
    private(set) var written: Set<SimContent> = []
    /// Contents that a user overwrote or deleted where they were displayed.
    private(set) var released: Set<SimContent> = []
    /// Who moved a content. Where two did, each may have taken away what the other moved it to.
    private var movers: [SimContent: Set<String>] = [:]
    private(set) var conflicts: [(replica: String, copy: RelativePath)] = []

    /// State was lost or set back somewhere, and replicas merge without knowing what came after what: that a thing is
    /// offered twice or conflicts with itself proves nothing any more. That nothing is lost, and that nothing is deleted
    /// which nobody deleted, holds all the same.
    var hasMerged = false

    mutating func edited(_ replica: String, _ path: RelativePath) {
        edits[Place(replica: replica, path: path), default: 0] += 1
    }

    /// A user removed what was at a path, moved it away, or put something else there.
    mutating func deleted(_ replica: String, _ path: RelativePath, _ node: SimDisk.Node?) {
        deletions[Place(replica: replica, path: path), default: 0] += 1
        overwrote(replica, node)
    }

    mutating func overwrote(_ replica: String, _ node: SimDisk.Node?) {
        guard let thing = Thing(node.flatMap(SimDisk.entry(of:))) else { return }
        displaced[replica, default: []].insert(thing)
    }

    mutating func wrote(_ content: SimContent) { written.insert(content) }
    mutating func moved(_ replica: String, _ content: SimContent) { movers[content, default: []].insert(replica) }
    mutating func release(_ content: SimContent) { released.insert(content) }

    /// A machine keeps this as a conflict copy, and may give the path that it had to another.
    mutating func conflict(_ replica: String, _ copy: RelativePath, _ node: SimDisk.Node?) {
        conflicts.append((replica, copy))
        overwrote(replica, node)
        // The machine made this one; it may be offered once.
        edited(replica, copy)
        made[Place(replica: replica, path: copy), default: 0] += 1
    }

    /// Somebody wants back what was deleted here: whoever deletes it now must have done so anew.
    mutating func reverted(_ replica: String, _ path: RelativePath) {
        let place = Place(replica: replica, path: path)
        let open = deletions[place, default: 0] - acceptedDeletions[place, default: 0]
        guard open > 0 else { return }
        deletions[place, default: 0] -= open
        reverted[place, default: 0] += open
    }

    /// It is meant after all: it could not be brought back.
    mutating func confirmed(_ replica: String, _ path: RelativePath) {
        let place = Place(replica: replica, path: path)
        deletions[place, default: 0] += reverted.removeValue(forKey: place) ?? 0
    }

    /// The process ended, perhaps before it was durable that something is to be brought back.
    mutating func forgetReverted(_ replica: String) {
        for place in reverted.keys where place.replica == replica { confirmed(replica, place.path) }
    }

    /// The power failed before the copy's name was durable: it was not made.
    mutating func unmake(_ replica: String, _ copy: RelativePath) {
        guard let place = conflicts.lastIndex(where: { $0.replica == replica && $0.copy == copy }) else { return }
        conflicts.remove(at: place)
    }

    /// Another replica begins as a copy of this one: what was done here may be offered there.
    mutating func copied(_ replica: String, to other: String) {
        func copy<Value>(_ table: inout [Place: Value]) {
            for (place, value) in table where place.replica == replica {
                table[Place(replica: other, path: place.path)] = value
            }
        }
        copy(&edits)
        copy(&deletions)
        copy(&made)
        displaced[other] = displaced[replica]
    }

    /// Whether a user of this replica ever did anything at a path.
    func concerns(_ replica: String, _ path: RelativePath) -> Bool {
        let place = Place(replica: replica, path: path)
        return edits[place] != nil || deletions[place] != nil
    }

    /// Whether a user of this replica has made more at a path than was accepted from there.
    func mayOffer(_ replica: String, _ path: RelativePath) -> Bool {
        let place = Place(replica: replica, path: path)
        return edits[place, default: 0] > acceptedEdits[place, default: 0]
    }

    // MARK: Judging

    /// A row was added to the hub's log on top of what `replaced` is, which the author has elsewhere as well, or not.
    mutating func accepted(_ row: SimLog.Row, replaced: Entry, isKeptElsewhere: Bool) throws(Violation) {
        let place = Place(replica: row.change.author, path: row.change.path)
        if row.change.entry.isTombstone {
            try acceptedDeletion(row, place, isKeptElsewhere ? nil : Thing(replaced))
        } else if !row.change.entry.isDirectory {
            acceptedEdits[place, default: 0] += 1
            guard hasMerged || acceptedEdits[place, default: 0] <= edits[place, default: 0] else {
                throw Violation(
                    invariant: "I5/I13",
                    text: "\(place.replica) sent \(place.path) (\(row.change.revision)); no user there made it")
            }
        }
    }

    /// A deletion is a user's who removed something there, and `thing`, where it matters.
    private mutating func acceptedDeletion(_ row: SimLog.Row, _ place: Place, _ thing: Thing?) throws(Violation) {
        acceptedDeletions[place, default: 0] += 1
        let isOwn =
            acceptedDeletions[place, default: 0] <= deletions[place, default: 0]
            && thing.map { displaced[place.replica]?.contains($0) == true } ?? true
        if isOwn { return }
        // A replica that was set back may find out anew what somebody has deleted.
        let isAnybodys =
            hasMerged
            && thing.map { thing in displaced.values.contains { $0.contains(thing) } } ?? true
        guard isAnybodys else {
            throw Violation(
                invariant: "I4", text: "\(place.replica) deleted \(place.path) (\(row.change.revision)); no user did")
        }
    }

    /// No bytes are lost: what nobody knowingly replaced or deleted is in the tree, or in history alone where two users
    /// moved it at a time.
    func checkNothingLost(tree: Set<SimContent>) throws(Violation) {
        for content in written.sorted()
        where !released.contains(content) && !tree.contains(content) && movers[content, default: []].count < 2 {
            throw Violation(
                invariant: "I1", text: "content \(content.letters) is gone; nobody replaced or deleted it")
        }
    }

    private func count(_ table: [Place: Int], at path: RelativePath) -> Int {
        table.reduce(0) { $1.key.path == path ? $0 + $1.value : $0 }
    }

    func checkConflicts(isSolo: Bool) throws(Violation) {
        guard !hasMerged else { return }
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
            // Whoever takes a deletion back has deleted it all the same.
            let deleted = [deletions, reverted].reduce(0) { $0 + count($1, at: conflict.copy) }
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
