import Disk
import Index
package import Tree

// Content for others.
extension FolderReplica {
    /// A one-chunk file's content, if it is still here.
    package func content(of file: Entry.File, at path: RelativePath) throws(StoreFailure) -> [UInt8]? {
        guard file.isOneChunk else { return nil }
        if let bytes = recent[file.digest] { return bytes }
        if !ignores(path, isDirectory: false), let source = try? root.openFile(path),
            let bytes = Self.oneChunk(of: source, file.digest)
        {
            return bytes
        }
        return try localBytes(of: file.digest, size: file.size)
    }

    /// A file's chunk list, encoded, if it is known.
    package func list(of file: Digest) throws(StoreFailure) -> [UInt8]? {
        try indexed { () throws(IndexError) in try index.encodedList(of: file) }
    }

    /// The difference of a file's chunk list from that of `base` (``ChunkListDifference``), if both are known and that is
    /// much less than the list.
    package func difference(of file: Digest, from base: Digest) throws(StoreFailure) -> [UInt8]? {
        guard let list = try list(of: file), let former = try self.list(of: base) else { return nil }
        return ChunkListDifference.encode(list, from: former)
    }

    /// A chunk's bytes, if they are still here. For a one-chunk file both digests are the same.
    package func chunk(_ chunk: Digest, of file: Digest) throws(StoreFailure) -> [UInt8]? {
        if chunk == file { return try localBytes(of: file, size: nil) }
        let places = try sources.places(in: file) { () throws(StoreFailure) in
            try indexed { () throws(IndexError) in try index.list(of: file) }
        }
        guard let place = places?[chunk] else { return nil }
        let wanted = Chunk(size: place.size, digest: chunk)
        if let bytes = try bytes(of: wanted, at: place.offset, in: file) { return bytes }
        // The files that were open may have lost it, and another may have it by now.
        sources.forgetFiles(of: file)
        if let bytes = try bytes(of: wanted, at: place.offset, in: file) { return bytes }
        return try localChunk(wanted)
    }

    /// Where a chunk's bytes are in a file of the tree that was not touched since it was hashed; nil where there is none.
    package func untouchedPiece(_ chunk: Digest, of file: Digest) throws(StoreFailure) -> UntouchedPiece? {
        guard chunk != file else { return nil }
        let places = try sources.places(in: file) { () throws(StoreFailure) in
            try indexed { () throws(IndexError) in try index.list(of: file) }
        }
        guard let place = places?[chunk],
            let source = try sources.untouched(of: file, or: { () throws(StoreFailure) in try untouchedFile(of: file) })
        else { return nil }
        return UntouchedPiece(source: source, offset: place.offset, size: Int(place.size))
    }

    /// Whether the hub, too, has or had a file of this digest: it is or was what both agreed on at some path, or lies in
    /// history. Where that is not true any more, whoever lacks the content asks for it.
    package func knows(_ digest: Digest) throws(StoreFailure) -> Bool {
        if try indexed({ () throws(IndexError) in try index.hasAgreed(on: digest) }) { return true }
        return try hasHistory(of: digest)
    }

    func hasHistory(of digest: Digest) throws(StoreFailure) -> Bool {
        try indexed { () throws(IndexError) in try !index.history(withDigest: digest, limit: 1).isEmpty }
    }

    /// How many bytes `content` has.
    package func size(of content: [UInt8]) -> Int { content.count }

    /// The digest of a few bytes.
    package func digest(of bytes: [UInt8]) -> Digest { Digest(of: bytes) }
}
