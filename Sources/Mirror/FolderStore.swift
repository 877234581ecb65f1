import Index
import NIOCore
import Replica
import Sync
import Tree

/// A folder as the machines want it, with content as the wire has it.
final class FolderStore: ReplicaStore {
    typealias Content = ByteBuffer
    typealias Staged = Replica.Staged
    typealias Removed = Replica.Removed

    let folder: FolderReplica
    /// Who is told of what a hub accepts.
    var onAppend: Appending?

    init(_ folder: FolderReplica) {
        self.folder = folder
    }

    // MARK: The index

    func record(at path: RelativePath) throws(StoreFailure) -> Record { try folder.record(at: path) }

    func liveEntry(
        inside directory: RelativePath, except excluded: Set<RelativePath>
    ) throws(StoreFailure) -> RelativePath? {
        try folder.liveEntry(inside: directory, except: excluded)
    }

    func unfinished(after path: RelativePath?, limit: Int) throws(StoreFailure) -> [Record] {
        try folder.unfinished(after: path, limit: limit)
    }

    func liveCount() throws(StoreFailure) -> Int { Int(clamping: try folder.counts().entries) }

    func save(_ records: [Record], cursor: Cursor?, durably: Bool) throws(StoreFailure) {
        try folder.save(records, cursor: cursor, durably: durably)
    }

    func announce(_ records: [Record], cursor: Cursor) throws(StoreFailure) {
        try folder.announce(records, cursor: cursor)
    }

    var cursor: Cursor { folder.cursor }

    func renew() throws(StoreFailure) -> UInt64 { try folder.renew() }

    func forget(startingAt cursor: Cursor) throws(StoreFailure) { try folder.forget(startingAt: cursor) }

    // MARK: The feed

    func feed(after revision: Revision, limit: Int) throws(StoreFailure) -> [Change] {
        try folder.feed(after: revision, limit: limit)
    }

    func term(at revision: Revision) throws(StoreFailure) -> Term { try folder.term(at: revision) }

    func successor(of base: Revision, at path: RelativePath) throws(StoreFailure) -> Version? {
        try folder.successor(of: base, at: path)
    }

    func append(
        _ changes: [Change], bases: [Revision], saving records: [Record], cursor: Cursor
    ) throws(StoreFailure) {
        let former = try onAppend?.former(of: changes, in: folder) ?? []
        try folder.append(changes, bases: bases, saving: records, cursor: cursor)
        onAppend?.appended(changes, former: former, cursor: cursor, in: folder)
    }

    // MARK: Looking

    func look(
        at path: RelativePath, record: Record, rereading: Bool, isPastRules: Bool, canWait: Bool
    ) throws(StoreFailure) -> Observation {
        try folder.look(
            at: path, record: record, rereading: rereading, isPastRules: isPastRules, canWait: canWait)
    }

    func children(of directory: RelativePath) throws(StoreFailure) -> [RelativePath]? {
        try folder.children(of: directory)
    }

    func ignores(_ path: RelativePath, isDirectory: Bool) -> Bool {
        folder.ignores(path, isDirectory: isDirectory)
    }

    func isAlone(_ path: RelativePath) -> Bool { folder.isAlone(path) }

    // MARK: Content

    func stage(_ file: Entry.File, content: ByteBuffer?) throws(StoreFailure) -> Staging<Staged> {
        guard let content else { return try folder.stage(file, bytes: nil) }
        return try content.withBytes { (bytes) throws(StoreFailure) in try folder.stage(file, bytes: bytes) }
    }

    func discard(_ staged: Staged) { folder.discard(staged) }
    func flush() throws(StoreFailure) { try folder.flush() }

    func receive(list: ByteBuffer, of file: Digest) throws(StoreFailure) -> Bool {
        try folder.receive(list: Array(buffer: list), of: file)
    }

    func receive(difference: ByteBuffer, from base: Digest, of file: Entry.File) throws(StoreFailure) -> Bool {
        try folder.receive(difference: Array(buffer: difference), from: base, of: file)
    }

    func receive(chunk: ByteBuffer, digest: Digest, of file: Digest) throws(StoreFailure) -> Bool {
        try chunk.withBytes { (bytes) throws(StoreFailure) in
            try folder.receive(chunk: bytes, digest: digest, of: file)
        }
    }

    func abandon(_ file: Digest) { folder.abandon(file) }

    func expect(_ base: Digest?) -> Bool { folder.expect(base) }

    func content(of file: Entry.File, at path: RelativePath) throws(StoreFailure) -> ByteBuffer? {
        try folder.content(of: file, at: path).map { ByteBuffer(bytes: $0) }
    }

    func list(of file: Digest) throws(StoreFailure) -> ByteBuffer? {
        try folder.list(of: file).map { ByteBuffer(bytes: $0) }
    }

    func difference(of file: Digest, from base: Digest) throws(StoreFailure) -> ByteBuffer? {
        try folder.difference(of: file, from: base).map { ByteBuffer(bytes: $0) }
    }

    func chunk(_ chunk: Digest, of file: Digest, comparing: Bool) throws(StoreFailure) -> ByteBuffer? {
        if !comparing, let piece = try folder.untouchedPiece(chunk, of: file) {
            var buffer = ByteBufferAllocator().buffer(capacity: piece.size)
            let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: piece.size) { room in
                piece.read(into: UnsafeMutableRawBufferPointer(rebasing: room.prefix(piece.size))) ? piece.size : 0
            }
            if count == piece.size { return buffer }
        }
        return try folder.chunk(chunk, of: file).map { ByteBuffer(bytes: $0) }
    }

    func knows(_ digest: Digest) throws(StoreFailure) -> Bool { try folder.knows(digest) }
    func size(of content: ByteBuffer) -> Int { content.readableBytes }
    func digest(of bytes: [UInt8]) -> Digest { folder.digest(of: bytes) }

    // MARK: Names

    func place(
        _ entry: Entry, staged: Staged?, at path: RelativePath, expecting expected: Fingerprint?
    ) throws(StoreFailure) -> Placement<Removed> {
        try folder.place(entry, staged: staged, at: path, expecting: expected)
    }

    func remove(_ path: RelativePath, expecting expected: Fingerprint) throws(StoreFailure) -> Removal<Removed> {
        try folder.remove(path, expecting: expected)
    }

    func setMetadata(
        _ entry: Entry, at path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Placement<Removed> {
        try folder.setMetadata(entry, at: path, expecting: expected)
    }

    func rename(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Renaming {
        try folder.rename(path, to: target, expecting: expected)
    }

    func move(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Fingerprint? {
        try folder.move(path, to: target, expecting: expected)
    }

    func formerName(of path: RelativePath, _ fingerprint: Fingerprint) throws(StoreFailure) -> RelativePath? {
        try folder.formerName(of: path, fingerprint)
    }

    // MARK: What came out

    func removed() throws(StoreFailure) -> [Removed] { try folder.removed() }
    func review(_ removed: Removed) throws(StoreFailure) -> Review { try folder.review(removed) }

    func restore(_ removed: Removed, at path: RelativePath) throws(StoreFailure) -> Bool {
        try folder.restore(removed, at: path)
    }

    func retire(_ removed: Removed, holding entry: Entry?) throws(StoreFailure) -> Bool {
        try folder.retire(removed, holding: entry)
    }
}

extension ByteBuffer {
    fileprivate func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // NIO's own function does not say what its argument throws.
        let result = withUnsafeReadableBytes { bytes in
            Swift.Result { () throws(Failure) in try body(bytes) }
        }
        return try result.get()
    }
}
