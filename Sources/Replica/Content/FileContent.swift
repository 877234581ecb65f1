import Disk
import Index
package import Tree

/// A file's content, to be read a piece at a time on whichever thread. What it gives was compared with its digest.
///
/// The file is open: what replaces or deletes its name meanwhile does not concern it, and who writes to it is found out.
package struct FileContent: Sendable {
    package let file: Entry.File
    /// In order, what the content is made of; a file of one chunk is that.
    package let chunks: [Chunk]
    private let bytes: [UInt8]?
    private let source: Descriptor?

    init(_ file: Entry.File, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
        source = nil
        chunks = bytes.isEmpty ? [] : [Chunk(size: UInt32(bytes.count), digest: file.digest)]
    }

    init(_ file: Entry.File, list: ChunkList, source: Descriptor?) {
        self.file = file
        bytes = nil
        self.source = source
        chunks = list.chunks
    }

    /// Whether it is in one place, and need not be pieced together from whatever has a part of it.
    package var isWhole: Bool { bytes != nil || source != nil }

    /// Writes a chunk, which begins at `offset` of the file, into `buffer`, which is of its size.
    ///
    /// - Returns: False where it is not there any more; then ``FolderReplica/chunk(_:of:)`` may have it.
    package func read(_ chunk: Chunk, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        guard buffer.count == Int(chunk.size) else { return false }
        if let bytes {
            guard bytes.count == buffer.count else { return false }
            buffer.copyBytes(from: bytes)
            return true
        }
        guard let source, (try? source.read(into: buffer, at: offset)) == buffer.count else { return false }
        return Digest(of: UnsafeRawBufferPointer(buffer)) == chunk.digest
    }
}

extension FolderReplica {
    /// A file's content; nil if it is not here, or not any more.
    package func reading(_ file: Entry.File, at path: RelativePath) throws(StoreFailure) -> FileContent? {
        guard !file.isOneChunk else {
            return try content(of: file, at: path).map { FileContent(file, bytes: $0) }
        }
        let known = try indexed { () throws(IndexError) in try index.list(of: file.digest) }
        guard let list = known, list.fileSize == file.size else { return nil }
        if !ignores(path, isDirectory: false), let record = try? record(at: path),
            let source = try? root.openFile(path),
            UntouchedFile(descriptor: source, fingerprint: record.fingerprint ?? .outOfSight).isUntouched,
            record.base.entry.file?.digest == file.digest || record.offered?.file?.digest == file.digest
        {
            return FileContent(file, list: list, source: source)
        }
        return FileContent(file, list: list, source: try localFiles(of: file.digest, size: file.size).first)
    }
}
