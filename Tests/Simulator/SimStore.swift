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

    let disk: SimDisk
    var index: SimIndex
    /// The index as the last durable save left it.
    private(set) var durable: SimIndex
    /// Calls until the process is stopped, in the middle of the call; nil for never.
    var fuse: Int?
    /// Something that a user does between two steps of the machine.
    var interlude: () -> Void = {}
    /// Told of every conflict copy that the machine makes, also when it is stopped right after.
    var madeCopy: (RelativePath) -> Void = { _ in }
    /// Told where the machine does what it must not do at any instant.
    var broke: (Violation) -> Void = { _ in }
    private var parts: [Digest: Set<Digest>] = [:]
    private var letters: [Digest: UInt8] = [:]

    init(disk: SimDisk, index: SimIndex) {
        self.disk = disk
        self.index = index
        self.durable = index
    }

    /// Every call passes here before and after it has an effect: the process may end at either moment.
    private func step() throws(StoreFailure) {
        if let left = fuse {
            guard left > 0 else { throw .stopped }
            fuse = left - 1
        }
    }

    private func enter() throws(StoreFailure) {
        try step()
        interlude()
    }

    // MARK: Index

    func record(at path: RelativePath) throws(StoreFailure) -> Record {
        index.records[path] ?? Record(path: path)
    }

    func liveEntry(
        inside directory: RelativePath, except excluded: Set<RelativePath>
    ) throws(StoreFailure) -> RelativePath? {
        index.records.values.filter {
            $0.path.isInside(directory) && $0.remote.entry.isLive && $0.offered?.isTombstone != true
                && !excluded.contains($0.path)
        }.map(\.path).min()
    }

    func unfinished(after path: RelativePath?, limit: Int) throws(StoreFailure) -> [Record] {
        let open = index.records.values.filter { record in
            (record.isPending || record.offered != nil) && path.map { record.path > $0 } ?? true
        }
        return Array(open.sorted { $0.path < $1.path }.prefix(limit))
    }

    func save(_ records: [Record], cursor: Cursor?, durably: Bool) throws(StoreFailure) {
        try enter()
        for record in records { index.records[record.path] = record }
        if let cursor { index.cursor = cursor }
        if durably { durable = index }
        try step()
    }

    var cursor: Cursor { index.cursor }

    func forget(startingAt cursor: Cursor) throws(StoreFailure) {
        try enter()
        index.records = [:]
        index.cursor = cursor
        durable = index
        try step()
    }

    // MARK: Feed

    func feed(after revision: Revision, limit: Int) throws(StoreFailure) -> [Change] {
        let rows = index.records.values.filter { $0.remote.revision > revision }
        return rows.sorted { $0.remote.revision < $1.remote.revision }.prefix(limit)
            .map { Change(path: $0.path, version: $0.remote, author: $0.author) }
    }

    func successor(of base: Revision, at path: RelativePath) throws(StoreFailure) -> Version? {
        index.log.first { $0.base == base && $0.change.path == path }?.change.version
    }

    func append(
        _ changes: [Change], bases: [Revision], saving records: [Record], cursor: Cursor
    ) throws(StoreFailure) {
        try enter()
        for (change, base) in zip(changes, bases) {
            index.log.append(SimIndex.LogRow(change: change, base: base))
        }
        for record in records { index.records[record.path] = record }
        index.cursor = cursor
        durable = index
        try step()
    }

    // MARK: Looking

    private func problem(at path: RelativePath) -> Problem? {
        for blocked in path.ancestors + [path] where disk.unreadable.contains(blocked) && disk.node(at: blocked) != nil
        {
            return Problem(.unreadable, operation: "open", code: 13)
        }
        return nil
    }

    func look(at path: RelativePath, record: Record, rereading: Bool) throws(StoreFailure) -> Observation {
        try enter()
        if disk.ignores(path) { return .ignored }
        if let problem = problem(at: path) { return .unknown(problem) }
        guard disk.isDirectory(path.parent), let node = disk.node(at: path) else { return .absent }
        let fingerprint = SimDisk.fingerprint(of: node)
        if !rereading, record.fingerprint == fingerprint {
            return .present(record.offered ?? record.base.entry, fingerprint)
        }
        guard let entry = SimDisk.entry(of: node) else { return .unknown(Problem(.special, operation: "open")) }
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
        try enter()
        guard !disk.isFull else { return .problem(Problem(.noSpace, operation: "write", code: 28)) }
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
        if let staged { disk.staging.remove(staged.content) }
    }

    func discard(_ staged: Staged) {
        disk.staging.remove(staged.content)
    }

    func flush() throws(StoreFailure) {
        try enter()
        disk.staging.formUnion(unflushed)
        unflushed = []
        try step()
    }

    func receive(list: Content, of file: Digest) throws(StoreFailure) -> Bool {
        guard SimContent.digest(of: list) == file else { return false }
        index.lists[file] = stride(from: 1, to: list.count, by: 32).compactMap { Digest(list[$0..<($0 + 32)]) }
        return true
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

    func chunk(_ chunk: Digest, of file: Digest) throws(StoreFailure) -> Content? {
        guard let content = disk.content(of: file) else { return nil }
        guard content.isBig else { return content.letters }
        return content.letters.first { SimContent.digest(ofChunk: $0) == chunk }.map { [2, $0] }
    }

    func knows(_ digest: Digest) throws(StoreFailure) -> Bool {
        disk.history.contains { $0.digest == digest }
            || index.records.values.contains { record in
                if case .file(let file) = record.base.entry { file.digest == digest } else { false }
            }
    }

    func size(of content: Content) -> Int { content.count }
    func digest(of bytes: [UInt8]) -> Digest { SimContent.digest(of: bytes) }

    // MARK: Names

    func place(
        _ entry: Entry, staged: Staged?, at path: RelativePath, expecting expected: Fingerprint?
    ) throws(StoreFailure) -> Placement<Removed> {
        try enter()
        touch(path)
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
                broke(Violation(invariant: "I3", text: "\(path) was named before its content was durable"))
            }
            kind = .file(staged.content, mode: staged.file.mode, mtime: staged.file.mtime)
        case .directory(let directory): kind = .directory(directory.mode)
        case .symlink(let symlink): kind = .symlink(symlink.target)
        case .tombstone: return .problem(Problem(.failed, operation: "place"))
        }
        if case .directory? = there?.kind {
            guard there.map(SimDisk.fingerprint(of:)) == expected else { return .changed }
            if entry.isDirectory {
                disk.set(kind, at: path, keepingInode: true)
                try step()
                return .placed(fingerprint(at: path), replaced: nil)
            }
            guard disk.children(of: path).isEmpty else { return .notEmpty }
            disk.set(kind, at: path)
            consume(staged)
            try step()
            return .placed(fingerprint(at: path), replaced: nil)
        }
        let isExpected = there.map(SimDisk.fingerprint(of:)) == expected
        // An edit may be seen before the exchange or only after it; an empty place is taken or not.
        guard let there else {
            guard expected == nil else { return .changed }
            disk.set(kind, at: path)
            consume(staged)
            // One that the hub has is applied; any other was made here.
            if ConflictName.isConflictCopy(path), index.records[path]?.remote.entry != entry { madeCopy(path) }
            try step()
            return .placed(fingerprint(at: path), replaced: nil)
        }
        if expected == nil || there.kind == .fifo || (!isExpected && there.ctime % 2 == 0) { return .changed }
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
        let token = disk.limboToken()
        disk.limbo.append(SimDisk.Limbo(token: token, path: path, expected: isExpected ? node.kind : nil, node: node))
        return Removed(token: token)
    }

    func remove(
        _ path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Removal<Removed> {
        try enter()
        touch(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        if case .directory = there.kind {
            guard disk.children(of: path).isEmpty else { return .notEmpty }
            disk.put(nil, at: path)
            try step()
            return .removed(nil)
        }
        let out = takeOut(there, from: path, isExpected: true)
        disk.put(nil, at: path)
        try step()
        return .removed(out)
    }

    func setMetadata(
        _ entry: Entry, at path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Placement<Removed> {
        try enter()
        touch(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
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
        try enter()
        touch(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        guard disk.node(at: target) == nil else { return .occupied }
        disk.move(path, to: target)
        madeCopy(target)
        try step()
        return .renamed
    }

    // MARK: What came out

    func removed() throws(StoreFailure) -> [Removed] {
        disk.limbo.map { Removed(token: $0.token) }
    }

    func review(_ removed: Removed) throws(StoreFailure) -> Review {
        try enter()
        guard let limbo = disk.limbo.first(where: { $0.token == removed.token }) else { return .gone }
        guard let entry = SimDisk.entry(of: limbo.node) else { return .gone }
        guard limbo.node.kind != limbo.expected else { return .settled }
        return .edited(entry, from: limbo.path)
    }

    func restore(_ removed: Removed, at path: RelativePath) throws(StoreFailure) -> Bool {
        try enter()
        guard let limbo = disk.limbo.first(where: { $0.token == removed.token }) else { return false }
        guard disk.isDirectory(path.parent), disk.node(at: path) == nil else { return false }
        disk.put(limbo.node, at: path)
        madeCopy(path)
        disk.limbo.removeAll { $0.token == removed.token }
        try step()
        return true
    }

    func retire(_ removed: Removed, holding entry: Entry?) throws(StoreFailure) {
        try enter()
        guard let limbo = disk.limbo.first(where: { $0.token == removed.token }) else { return }
        if let entry {
            guard SimDisk.entry(of: limbo.node)?.hasSameContent(as: entry) == true else { return }
        } else {
            guard limbo.node.kind == limbo.expected else { return }
        }
        if case .file(let content, _, _) = limbo.node.kind { disk.history.insert(content) }
        disk.limbo.removeAll { $0.token == removed.token }
        try step()
    }
}
