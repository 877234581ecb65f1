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
    private(set) var index: SimIndex
    private(set) var durability: Durability
    /// Calls until the process is stopped, in the middle of the call; nil for never.
    var fuse: Int?
    /// How many calls one event may still cost.
    var callsLeft = SimStore.callsPerEvent

    private unowned let world: World
    private unowned let site: World.Site
    private var parts: [Digest: Set<Digest>] = [:]
    private var letters: [Digest: UInt8] = [:]

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

    func beginEvent() { callsLeft = Self.callsPerEvent }

    private func broke(_ invariant: String, _ text: String) {
        world.fail(Violation(invariant: invariant, text: "\(site.name): \(text)"))
    }

    /// Every call passes here before and after it has an effect: the process may end at either moment.
    private func step() throws(StoreFailure) {
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

    private func enter() throws(StoreFailure) {
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

    // MARK: Content

    func stage(_ file: Entry.File, content: Content?) throws(StoreFailure) -> Staging<Staged> {
        checkMayChange("stage")
        try enter()
        guard !disk.isFull, !world.failsOnce(site) else {
            return .problem(Problem(.noSpace, operation: "write", code: 28))
        }
        if let content {
            let given = SimContent(content)
            return given.digest == file.digest ? ready(given, file) : .mismatch
        }
        if let here = disk.content(of: file.digest) { return ready(here, file) }
        let have = parts[file.digest] ?? []
        guard !file.isOneChunk else {
            if have.contains(file.digest), let bytes = whole[file.digest] {
                return ready(SimContent(bytes), file)
            }
            return .missing(list: false, chunks: [Chunk(size: UInt32(file.size), digest: file.digest)])
        }
        guard let list = index.lists[file.digest] else { return .missing(list: true, chunks: []) }
        let lacking = list.filter { !have.contains($0) }
        if lacking.isEmpty {
            return ready(SimContent(list.compactMap { letters[$0] }, isBig: true), file)
        }
        return .missing(list: false, chunks: lacking.map { Chunk(size: UInt32(SimContent.chunkSize), digest: $0) })
    }

    private var whole: [Digest: [UInt8]] = [:]
    /// Staged, and gone if the process ends now.
    private var unflushed: Set<SimContent> = []

    private func ready(_ content: SimContent, _ file: Entry.File) -> Staging<Staged> {
        unflushed.insert(content)
        return .ready(Staged(content: content, file: file))
    }

    private func consume(_ staged: Staged?) {
        if let staged { disk.unstage(staged.content) }
    }

    func discard(_ staged: Staged) {
        disk.unstage(staged.content)
    }

    func flush() throws(StoreFailure) {
        try enter()
        disk.stage(unflushed)
        unflushed = []
        try step()
    }

    func receive(list: Content, of file: Digest) throws(StoreFailure) -> Bool {
        guard SimContent.digest(of: list) == file else { return false }
        index.lists[file] = stride(from: 1, to: list.count, by: 32).compactMap { Digest(list[$0..<($0 + 32)]) }
        return true
    }

    func receive(difference: Content, from base: Digest, of file: Entry.File) throws(StoreFailure) -> Bool {
        guard index.lists[base] != nil || disk.content(of: base) != nil else { return true }
        return try receive(list: difference, of: file.digest)
    }

    func difference(of file: Digest, from base: Digest) throws(StoreFailure) -> Content? {
        disk.content(of: base) == nil ? nil : try list(of: file)
    }

    func receive(chunk: Content, digest: Digest, of file: Digest) throws(StoreFailure) -> Bool {
        try enter()
        guard SimContent.digest(of: chunk) == digest else { return false }
        parts[file, default: []].insert(digest)
        if digest == file {
            whole[file] = chunk
        } else if let letter = chunk.last {
            letters[digest] = letter
        }
        return true
    }

    func content(of file: Entry.File, at path: RelativePath) throws(StoreFailure) -> Content? {
        disk.content(of: file.digest)?.letters
    }

    func list(of file: Digest) throws(StoreFailure) -> Content? {
        disk.content(of: file).map(\.list)
    }

    func chunk(_ chunk: Digest, of file: Digest, comparing: Bool) throws(StoreFailure) -> Content? {
        guard let content = disk.content(of: file) else { return nil }
        guard content.isBig else { return content.letters }
        guard let letter = content.letters.first(where: { SimContent.digest(ofChunk: $0) == chunk }) else { return nil }
        // Bytes that went bad where nobody looked.
        return [2, !comparing && world.random.oneIn(16) ? ~letter : letter]
    }

    func knows(_ digest: Digest) throws(StoreFailure) -> Bool {
        index.hasAgreed(on: digest) || disk.hasHistory(of: digest)
    }

    func size(of content: Content) -> Int { content.count * world.options.scale }
    func digest(of bytes: [UInt8]) -> Digest { SimContent.digest(of: bytes) }

    // MARK: Names

    func place(
        _ entry: Entry, staged: Staged?, at path: RelativePath, expecting expected: Fingerprint?
    ) throws(StoreFailure) -> Placement<Removed> {
        checkMayChange("place")
        try enter()
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent) else { return .noParent }
        let there = disk.node(at: path)
        let kind: SimDisk.Kind
        switch entry {
        case .file(let file):
            guard let staged, staged.content.digest == file.digest else {
                return .problem(Problem(.failed, operation: "place"))
            }
            if unflushed.contains(staged.content) {
                broke("I3", "\(path) was named before its content was durable")
            }
            kind = .file(staged.content, mode: staged.file.mode, mtime: staged.file.mtime)
        case .directory(let directory): kind = .directory(directory.mode)
        case .symlink(let symlink): kind = .symlink(symlink.target)
        case .tombstone: return .problem(Problem(.failed, operation: "place"))
        }
        // It comes anew where nobody could see it go; should that be forgotten, it counts as made here.
        if index.records[path]?.fingerprint == .outOfSight { world.ledger.edited(site.name, path) }
        if case .directory? = there?.kind {
            guard there.map(SimDisk.fingerprint(of:)) == expected else { return .changed }
            disk.willChangeNames()
            if entry.isDirectory {
                disk.set(kind, at: path, keepingInode: true)
                try step()
                return .placed(fingerprint(at: path), replaced: nil)
            }
            guard disk.isEmpty(path) else { return .notEmpty }
            disk.set(kind, at: path)
            consume(staged)
            try step()
            return .placed(fingerprint(at: path), replaced: nil)
        }
        let isExpected = there.map(SimDisk.fingerprint(of:)) == expected
        // An edit may be seen before the exchange or only after it; an empty place is taken or not.
        guard let there else {
            guard expected == nil else { return .changed }
            disk.willChangeNames()
            disk.set(kind, at: path)
            consume(staged)
            // One that the hub has is applied; any other was made here.
            if ConflictName.isConflictCopy(path), index.records[path]?.remote.entry != entry {
                world.ledger.conflict(site.name, path, disk.node(at: path))
            }
            try step()
            return .placed(fingerprint(at: path), replaced: nil)
        }
        if expected == nil || there.kind == .fifo || (!isExpected && there.ctime % 2 == 0) { return .changed }
        disk.willChangeNames()
        let out = takeOut(there, from: path, isExpected: isExpected)
        disk.set(kind, at: path)
        consume(staged)
        try step()
        let fingerprint = fingerprint(at: path)
        return isExpected ? .placed(fingerprint, replaced: out) : .displaced(fingerprint, edit: out)
    }

    private func fingerprint(at path: RelativePath) -> Fingerprint {
        guard let node = disk.node(at: path) else { preconditionFailure("it was just placed") }
        return SimDisk.fingerprint(of: node)
    }

    private func takeOut(_ node: SimDisk.Node, from path: RelativePath, isExpected: Bool) -> Removed {
        if isExpected { checkVictim(node, at: path) }
        return Removed(token: disk.takeOut(node, from: path, expected: isExpected ? node.kind : nil))
    }

    /// What is taken from its place knowingly the hub has accepted once, or it is at another place on this disk.
    private func checkVictim(_ node: SimDisk.Node, at path: RelativePath) {
        guard let content = node.kind.content, !world.order.acknowledged.contains(content.digest) else { return }
        let isElsewhere = disk.nodes.contains { $0.key != path && $0.value.kind.content == content }
        if !isElsewhere { broke("I2", "\(path) was taken from its place, and nobody else ever had its content") }
    }

    /// Where rules leave something out, a machine makes, changes and takes away nothing.
    private func checkCounts(_ path: RelativePath) {
        if disk.ignores(path) { broke("I15", "\(path) was touched, and is ignored") }
    }

    /// What a machine changes or takes away it was able to look at.
    private func checkMayChange(_ operation: String) {
        if site.isSender { broke("I22", "\(site.name) only sends, and was told to \(operation)") }
    }

    private func checkTouchable(_ node: SimDisk.Node, at path: RelativePath) {
        if node.kind == .fifo { broke("I15", "the special file \(path) was touched") }
    }

    func remove(
        _ path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Removal<Removed> {
        checkMayChange("remove")
        try enter()
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        checkTouchable(there, at: path)
        if case .directory = there.kind {
            guard disk.isEmpty(path) else { return .notEmpty }
            disk.willChangeNames()
            disk.put(nil, at: path)
            try step()
            return .removed(nil)
        }
        disk.willChangeNames()
        let out = takeOut(there, from: path, isExpected: true)
        disk.put(nil, at: path)
        try step()
        return .removed(out)
    }

    func setMetadata(
        _ entry: Entry, at path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Placement<Removed> {
        checkMayChange("setMetadata")
        try enter()
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        checkTouchable(there, at: path)
        disk.willChangeNames()
        switch (there.kind, entry) {
        case (.file(let content, _, _), .file(let file)):
            disk.set(.file(content, mode: file.mode, mtime: file.mtime), at: path, keepingInode: true)
        case (.directory, .directory(let directory)):
            disk.set(.directory(directory.mode), at: path, keepingInode: true)
        default: break
        }
        try step()
        return .placed(fingerprint(at: path), replaced: nil)
    }

    func rename(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Renaming {
        checkMayChange("rename")
        try enter()
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        checkTouchable(there, at: path)
        guard disk.node(at: target) == nil else { return .occupied }
        checkCounts(target)
        disk.willChangeNames()
        disk.move(path, to: target)
        world.ledger.conflict(site.name, target, disk.node(at: target))
        checkLoser(of: path, there)
        try step()
        return .renamed
    }

    func move(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Fingerprint? {
        checkMayChange("move")
        try enter()
        checkCounts(path)
        checkCounts(target)
        guard problem(at: path) == nil, problem(at: target) == nil, disk.isDirectory(path.parent),
            disk.isDirectory(target.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected, disk.node(at: target) == nil
        else { return nil }
        guard case .file = there.kind else { return nil }
        disk.willChangeNames()
        disk.move(path, to: target)
        try step()
        return fingerprint(at: target)
    }

    func formerName(of path: RelativePath, _ fingerprint: Fingerprint) throws(StoreFailure) -> RelativePath? {
        let former = index.records.values.filter {
            $0.path != path && $0.fingerprint?.inode == fingerprint.inode && $0.base.entry.isLive
                && $0.fingerprint?.size == fingerprint.size && disk.node(at: $0.path) == nil
        }
        return former.map(\.path).min()
    }

    /// A version is set aside only where somebody else made another one.
    private func checkLoser(of path: RelativePath, _ node: SimDisk.Node) {
        guard !world.ledger.hasMerged, let record = index.records[path], let entry = SimDisk.entry(of: node) else {
            return
        }
        // What is to come back, or went out of sight, has no base: whoever makes it anew meanwhile makes another one.
        // So does what stands in place of a directory into which it comes.
        guard !site.unmade.contains(where: { $0 == path || $0.isInside(path) }) else { return }
        // A directory keeps its name against a file, whoever made which.
        if record.remote.entry.isLive, !record.remote.entry.isDirectory, record.author == site.name {
            broke("I11", "\(path) was set aside for the replica's own \(record.remote.revision)")
        }
        if let own = world.hub.log.rows.first(where: { isAncestor($0, of: record, entry) }) {
            broke("I11", "\(path) was set aside for what was made on top of it, \(own.change.revision)")
        }
        if record.remote.entry.hasSameContent(as: entry) {
            broke("I11", "\(path) was set aside for the same content, at \(record.remote.revision)")
        }
    }

    /// Whether a row has this content, made here, and the hub's newest on top of it.
    private func isAncestor(_ row: SimLog.Row, of record: Record, _ entry: Entry) -> Bool {
        row.change.path == record.path && row.change.author == site.name
            && row.change.revision > record.base.revision && row.change.revision < record.remote.revision
            && row.change.entry.hasSameContent(as: entry)
    }

    // MARK: What came out

    func removed() throws(StoreFailure) -> [Removed] {
        disk.limbo.map { Removed(token: $0.token) }
    }

    func review(_ removed: Removed) throws(StoreFailure) -> Review {
        try enter()
        guard let limbo = disk.takenOut(removed.token) else { return .gone }
        guard let entry = SimDisk.entry(of: limbo.node) else { return .gone }
        guard limbo.node.kind != limbo.expected else { return .settled }
        return .edited(entry, from: limbo.path)
    }

    func restore(_ removed: Removed, at path: RelativePath) throws(StoreFailure) -> Bool {
        checkMayChange("restore")
        try enter()
        guard let limbo = disk.takenOut(removed.token) else { return false }
        guard disk.isDirectory(path.parent), disk.node(at: path) == nil else { return false }
        checkCounts(path)
        disk.willChangeNames()
        disk.put(limbo.node, at: path)
        disk.forget(removed.token)
        world.ledger.conflict(site.name, path, disk.node(at: path))
        try step()
        return true
    }

    func retire(_ removed: Removed, holding entry: Entry?) throws(StoreFailure) -> Bool {
        try enter()
        guard let limbo = disk.takenOut(removed.token) else { return true }
        if let entry {
            guard SimDisk.entry(of: limbo.node)?.hasSameContent(as: entry) == true else { return false }
        } else {
            guard limbo.node.kind == limbo.expected else { return false }
        }
        disk.willChangeNames()
        disk.retire(removed.token)
        try step()
        return true
    }
}
