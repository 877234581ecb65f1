import Sync
import Tree

/// A replica in memory, which fails where it is told to and is edited behind the machine's back.
final class SimStore: ReplicaStore {
    typealias Content = [UInt8]

    struct Staged {
        var content: SimContent
        /// Its mode and mtime were given to it when it was staged.
        var file: Entry.File
    }

    struct Removed {
        var token: Int
    }

    /// What one save left, and how many changes of names came before it.
    struct Save {
        let index: SimIndex
        let changes: Int
    }

    /// What of the index would be there after a power failure, whichever process saved it.
    struct Durability {
        /// The index as the last durable save left it.
        var index = SimIndex()
        /// What was saved since, and may be there or not: up to some save, and none after it.
        var later: [Save] = []
    }

    let disk: SimDisk
    var index: SimIndex
    private(set) var durability: Durability
    /// Calls until the process is stopped, in the middle of the call; nil for never.
    var fuse: Int?
    /// What this event took from its place, and nobody else ever had.
    var victims: [(path: RelativePath, content: SimContent)] = []
    /// How many calls one event may still cost.
    var callsLeft = SimStore.callsPerEvent

    unowned let world: World
    unowned let site: World.Site
    var parts: [Digest: Set<Digest>] = [:]
    var letters: [Digest: UInt8] = [:]
    var whole: [Digest: [UInt8]] = [:]
    /// Staged, and gone if the process ends now.
    var unflushed: [SimContent] = []

    /// More calls than this for one event, with a few dozen paths, are no progress.
    private static let callsPerEvent = 20_000

    init(_ site: World.Site, _ world: World) {
        self.world = world
        self.site = site
        disk = site.disk
        index = site.index
        durability = site.durability
    }

    var durable: SimIndex { durability.index }

    func beginEvent() {
        callsLeft = Self.callsPerEvent
        victims = []
    }

    func broke(_ invariant: String, _ text: String) {
        world.fail(Violation(invariant: invariant, text: "\(site.name): \(text)"))
    }

    /// Every call passes here before and after it has an effect: the process may end at either moment.
    func step() throws(StoreFailure) {
        if let left = fuse {
            guard left > 0 else { throw .stopped }
            fuse = left - 1
        }
        callsLeft -= 1
        if callsLeft < 0 {
            broke("L2", "one event cost \(Self.callsPerEvent) calls and was not over")
            throw .stopped
        }
    }

    func enter() throws(StoreFailure) {
        try step()
        world.interlude(site)
    }

    /// The power fails: names and index are as they were at some instant since they were last made durable, the index
    /// no newer than the names, since both file systems and SQLite write in order.
    func loseWhatWasNotDurable() -> SimIndex {
        let saves = [Save(index: durable, changes: 0)] + durability.later
        let save = saves[world.random.below(saves.count)]
        let lost = world.random.below(disk.changes - max(save.changes, disk.synced) + 1)
        let before = disk.nodes.keys.filter(ConflictName.isConflictCopy)
        disk.revert(toChange: disk.changes - lost)
        for copy in before where disk.node(at: copy) == nil { world.ledger.unmake(site.name, copy) }
        return save.index
    }

    // MARK: Index

    func record(at path: RelativePath) throws(StoreFailure) -> Record {
        index.records[path] ?? Record(path: path)
    }

    func liveEntry(
        inside directory: RelativePath, except excluded: Set<RelativePath>
    ) throws(StoreFailure) -> RelativePath? {
        index.records.values.filter {
            $0.path.isInside(directory) && ($0.offered ?? $0.remote.entry).isLive && !excluded.contains($0.path)
        }.map(\.path).min()
    }

    func unfinished(after path: RelativePath?, limit: Int) throws(StoreFailure) -> [Record] {
        let open = index.records.values.filter { record in
            (record.isPending || record.offered != nil) && path.map { record.path > $0 } ?? true
        }
        return Array(open.sorted { $0.path < $1.path }.prefix(limit))
    }

    func abandon(_ file: Digest) { parts[file] = nil }
    func expect(_ base: Digest?) -> Bool { true }

    func liveCount() throws(StoreFailure) -> Int {
        index.records.values.count { $0.remote.entry.isLive }
    }

    func save(_ records: [Record], cursor: Cursor?, durably: Bool) throws(StoreFailure) {
        try enter()
        if world.failsOnce(site) { throw .index("the index could not be written") }
        put(records)
        if let cursor {
            if cursor.epoch == index.cursor.epoch, cursor.revision < index.cursor.revision {
                broke("I8", "the cursor moved from \(index.cursor.revision) back to \(cursor.revision)")
            }
            index.cursor = cursor
        }
        saved(durably: durably)
        world.checkBases(of: records, at: site)
        try step()
    }

    private func put(_ records: [Record]) {
        for record in records {
            index.records[record.path] = record
            if record.fingerprint == .outOfSight { site.unmade.insert(record.path) }
        }
    }

    var cursor: Cursor { index.cursor }

    func renew() throws(StoreFailure) -> UInt64 {
        try enter()
        site.replica = world.random.next()
        return site.replica
    }

    func forget(startingAt cursor: Cursor) throws(StoreFailure) {
        try enter()
        index.records = [:]
        index.terms = []
        index.cursor = cursor
        saved(durably: true)
        try step()
    }

    // MARK: Feed

    func feed(after revision: Revision, limit: Int) throws(StoreFailure) -> [Change] {
        let rows = index.records.values.filter { $0.remote.revision > revision }
        return rows.sorted { $0.remote.revision < $1.remote.revision }.prefix(limit)
            .map { Change(path: $0.path, version: $0.remote, author: $0.author) }
    }

    func term(at revision: Revision) throws(StoreFailure) -> Term {
        index.terms.last { $0.start <= revision }?.term ?? .none
    }

    func successor(of base: Revision, at path: RelativePath) throws(StoreFailure) -> Version? {
        site.log.successor(of: base, at: path)
    }

    func append(
        _ changes: [Change], bases: [Revision], saving records: [Record], cursor: Cursor
    ) throws(StoreFailure) {
        try enter()
        for (change, base) in zip(changes, bases) {
            site.log.append(SimLog.Row(change: change, base: base))
        }
        put(records)
        if let first = changes.first, cursor.known.term != index.cursor.known.term {
            index.terms.append((first.revision, cursor.known.term))
        }
        index.cursor = cursor
        saved(durably: true)
        try step()
    }

    func announce(_ records: [Record], cursor: Cursor) throws(StoreFailure) {
        for record in records {
            var known = try self.record(at: record.path)
            known.heard(record.remote, from: record.author)
            if known != record { broke("I9", "more of \(record.path) is announced than what was heard of it") }
        }
        try save(records, cursor: cursor, durably: true)
    }

    private func saved(durably: Bool) {
        if durably {
            durability.index = index
            durability.later.removeAll(keepingCapacity: true)
            disk.synchronize()
        } else if disk.remembersNames {
            durability.later.append(Save(index: index, changes: disk.changes))
        }
    }

    // MARK: Looking

    func problem(at path: RelativePath) -> Problem? {
        if world.failsOnce(site) { return Problem(.failed, operation: "open", code: 5) }
        guard !disk.unreadable.isEmpty else { return nil }
        for blocked in path.ancestors + [path] where disk.unreadable.contains(blocked) && disk.node(at: blocked) != nil
        {
            return Problem(.unreadable, operation: "open", code: 13)
        }
        return nil
    }

    func look(
        at path: RelativePath, record: Record, rereading: Bool, isPastRules: Bool, canWait: Bool
    ) throws(StoreFailure) -> Observation {
        try enter()
        if !isPastRules, disk.ignores(path) { return .ignored }
        if let problem = problem(at: path) { return .unknown(problem) }
        guard disk.isDirectory(path.parent), let node = disk.node(at: path) else { return .absent }
        let fingerprint = SimDisk.fingerprint(of: node)
        if !rereading, record.fingerprint == fingerprint {
            return .present(record.offered ?? record.base.entry, fingerprint)
        }
        guard let entry = SimDisk.entry(of: node) else { return .unknown(Problem(.special, operation: "open")) }
        if canWait, world.options.hasSlowReads, case .file = entry, world.random.oneIn(16) {
            disk.events[path] = disk.events[path] ?? rereading
            disk.reading.insert(path)
            return .reading
        }
        return .present(entry, fingerprint)
    }

    func children(of directory: RelativePath) throws(StoreFailure) -> [RelativePath]? {
        try enter()
        guard problem(at: directory) == nil else { return nil }
        return disk.children(of: directory).filter {
            !disk.ignores($0) && disk.node(at: $0).flatMap(SimDisk.entry(of:)) != nil
        }
    }
}
