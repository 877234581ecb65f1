import Disk
import Index
import Tree

/// Open files by digest, so that a thousand chunks of one file open it once.
struct SourceCache {
    private static let limit = 8
    private var open: [(digest: Digest, files: [Descriptor])] = []
    private var untouched: (digest: Digest, file: UntouchedFile?)?
    private var places: [(digest: Digest, places: [Digest: ChunkPlace])] = []

    struct ChunkPlace {
        let offset: UInt64
        let size: UInt32
    }

    mutating func files(of digest: Digest, or find: () throws(StoreFailure) -> [Descriptor]) throws(StoreFailure)
        -> [Descriptor]
    {
        if let known = open.first(where: { $0.digest == digest }) { return known.files }
        let files = try find()
        if open.count >= Self.limit { open.removeFirst() }
        open.append((digest, files))
        return files
    }

    /// The same for one file that was not touched, as long as it is not. Where there is none it is not looked for again.
    mutating func untouched(of digest: Digest, or find: () throws(StoreFailure) -> UntouchedFile?) throws(StoreFailure)
        -> UntouchedFile?
    {
        if let untouched, untouched.digest == digest, untouched.file?.isUntouched != false { return untouched.file }
        let found = try find()
        untouched = (digest, found)
        return found
    }

    /// Where each chunk of a file is, by digest.
    mutating func places(in digest: Digest, or find: () throws(StoreFailure) -> ChunkList?) throws(StoreFailure)
        -> [Digest: ChunkPlace]?
    {
        if let known = places.first(where: { $0.digest == digest }) { return known.places }
        guard let list = try find() else { return nil }
        var found: [Digest: ChunkPlace] = [:]
        found.reserveCapacity(list.chunks.count)
        var offset: UInt64 = 0
        for chunk in list.chunks {
            found[chunk.digest] = ChunkPlace(offset: offset, size: chunk.size)
            offset += UInt64(chunk.size)
        }
        if places.count >= Self.limit { places.removeFirst() }
        places.append((digest, found))
        return found
    }

    /// Forgets the open files: names may have other content by now.
    mutating func forgetFiles() {
        open.removeAll(keepingCapacity: true)
        untouched = nil
    }

    mutating func forgetFiles(of digest: Digest) {
        open.removeAll { $0.digest == digest }
    }
}

/// A file that is taken to hold what the index says without being read, since its ``Fingerprint`` is still the one that it
/// had when its content was checked. Whoever copies from it asks once more afterwards.
///
/// So an edit of a large file costs what was edited and not what the file weighs. It is no more trust than each look at
/// the folder has: a file with the fingerprint of its record is not read, not submitted, and replaced as the version that
/// the record tells of. It does not catch what leaves the fingerprint as it is: bytes that went bad on the disk, a second
/// write within one tick of a file system's coarse clock, and a write through a memory map to a page that was dirty when
/// the content was checked. Such bytes would become part of the new version on this disk, as they were part of the old
/// one. Who is sent such bytes compares them with their digest, and asks for what was compared here, too.
struct UntouchedFile {
    let descriptor: Descriptor
    let fingerprint: Fingerprint

    var isUntouched: Bool { (try? descriptor.status().fingerprint) == fingerprint }
}

/// A chunk of such a file.
package struct UntouchedPiece {
    let source: UntouchedFile
    let offset: UInt64
    /// In bytes.
    package let size: Int

    /// Reads it, as many bytes as it has.
    ///
    /// - Returns: Whether that was all of it, and the file not touched by then.
    package func read(into room: UnsafeMutableRawBufferPointer) -> Bool {
        (try? source.descriptor.read(into: room, at: offset)) == size && source.isUntouched
    }
}

// Content that is here already. Whoever takes it compares it with its digest, since what the index says may be old,
// or sees that it was not touched.
extension FolderReplica {
    /// Files that had this content when they were last looked at: staged, in the tree, taken out of it, in history.
    func localFiles(of digest: Digest, size: UInt64?) throws(StoreFailure) -> [Descriptor] {
        var files: [Descriptor] = []
        func add(_ file: Descriptor?) {
            guard let file, let status = try? file.status(), status.kind == .file else { return }
            if size == nil || status.size == size { files.append(file) }
        }
        if let name = staging.name(of: digest) { add(try? state.staged(name).openForReading()) }
        if let path = staging.place(of: digest), !ignores(path, isDirectory: false) { add(try? root.openFile(path)) }
        let records = try indexed { () throws(IndexError) in try index.records(withDigest: digest) }
        for record in records where !ignores(record.path, isDirectory: false) { add(try? root.openFile(record.path)) }
        let removed = try indexed { () throws(IndexError) in try index.removed(withDigest: digest) }
        for item in removed { add(try? state.staged(item.token).openForReading()) }
        let kept = try indexed { () throws(IndexError) in try index.history(withDigest: digest) }
        for item in kept where item.form == .whole || item.form == .file {
            add(try? state.kept(item.name).openForReading())
        }
        return files
    }

    /// A file of the tree that has this content, and was not touched since that was found out.
    func untouchedFile(of digest: Digest) throws(StoreFailure) -> UntouchedFile? {
        let records = try indexed { () throws(IndexError) in try index.records(withDigest: digest) }
        for record in records where !ignores(record.path, isDirectory: false) {
            guard let fingerprint = record.fingerprint, let descriptor = try? root.openFile(record.path) else {
                continue
            }
            let file = UntouchedFile(descriptor: descriptor, fingerprint: fingerprint)
            if file.isUntouched { return file }
        }
        return nil
    }

    /// The bytes of a one-chunk file, from wherever they are.
    func localBytes(of digest: Digest, size: UInt64?) throws(StoreFailure) -> [UInt8]? {
        if let bytes = recent[digest] ?? arrived[digest] { return bytes }
        for file in try localFiles(of: digest, size: size) {
            if let bytes = Self.oneChunk(of: file, digest) { return bytes }
        }
        for item in try indexed({ () throws(IndexError) in try index.history(withDigest: digest) }) {
            if let bytes = (try? historyContent.bytes(item)) ?? nil { return bytes }
        }
        return nil
    }

    static func oneChunk(of file: Descriptor, _ digest: Digest) -> [UInt8]? {
        let limit = Int(ChunkingParameters.oneChunkLimit)
        guard let bytes = try? file.read(limit + 1, at: 0), bytes.count <= limit, Digest(of: bytes) == digest else {
            return nil
        }
        return bytes
    }

    /// A chunk's bytes from any of the files that have it.
    func localChunk(_ chunk: Chunk) throws(StoreFailure) -> [UInt8]? {
        let locations = try indexed { () throws(IndexError) in try index.locations(of: chunk) }
        for location in locations {
            if let bytes = try bytes(of: chunk, at: location.offset, in: location.file) { return bytes }
        }
        return nil
    }

    /// A chunk's bytes from a file that has it at `offset`.
    func bytes(of chunk: Chunk, at offset: UInt64, in file: Digest) throws(StoreFailure) -> [UInt8]? {
        let files = try sources.files(of: file) { () throws(StoreFailure) in try localFiles(of: file, size: nil) }
        for source in files {
            guard let bytes = try? source.read(Int(chunk.size), at: offset), Digest(of: bytes) == chunk.digest else {
                continue
            }
            return bytes
        }
        for item in try indexed({ () throws(IndexError) in try index.history(withDigest: file) })
        where item.form == .pack {
            if let bytes = historyContent.bytes(of: chunk, in: item) { return bytes }
        }
        return nil
    }
}
