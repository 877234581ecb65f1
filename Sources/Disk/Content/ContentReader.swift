package import Tree

/// What reading a file found.
package struct ReadContent: Sendable {
    package let size: UInt64
    package let digest: Digest
    /// How it is cut; nil for a file of one chunk.
    package let list: ChunkList?
    /// All of its bytes; nil for a file of more chunks.
    package let bytes: [UInt8]?
}

/// Reads files in one pass: cuts and hashes them, large ones with other threads' help. Not for two threads at once.
package final class ContentReader {
    /// What a reader of a file must bear besides a failing disk.
    package enum Failure: Error, Hashable, Sendable {
        case disk(DiskError)
        /// It had another size than was said, or changed while it was read.
        case unstable
        /// More than ``ChunkingParameters/largestFile``.
        case tooLarge
        /// ``cancel`` said so.
        case cancelled
    }

    private var block = ChunkHasher.Block(byteCount: bufferSize)
    /// Asked between two reads of a large file; true ends it.
    package var cancel: (() -> Bool)?
    /// Hears of what is read of large files.
    package var meter: ReadMeter?
    /// Hears, when a large file was begun, of how many bytes its first chunks are.
    package var begun: (([Int]) -> Void)?

    /// A read is this long, unless chunks are so large that it must be more.
    private static let bufferSize = 1 << 20
    /// In bytes. A smaller file is read before others have begun to help; a larger one has chunks that are too large to
    /// have some dozens of them in memory.
    private static let sharedSizes: ClosedRange<UInt64> = 8 << 20...64 << 30

    package init() {}

    /// Reads the whole file, which is `status`, and checks that it still is afterwards.
    package func read(_ file: Descriptor, status: Status) throws(Failure) -> ReadContent {
        let content: ReadContent
        switch status.size {
        case ...ChunkingParameters.oneChunkLimit: content = try readOneChunk(file, size: Int(status.size))
        case ...ChunkingParameters.largestFile: content = try readChunks(file, status)
        default: throw .tooLarge
        }
        let after = try disk { () throws(DiskError) in try file.status() }
        guard after.fingerprint == status.fingerprint else { throw .unstable }
        return content
    }

    private func readOneChunk(_ file: Descriptor, size: Int) throws(Failure) -> ReadContent {
        // One byte more than expected shows whether it grew.
        let target = UnsafeMutableRawBufferPointer(rebasing: block.bytes[0..<(size + 1)])
        let count = try disk { () throws(DiskError) in try file.read(into: target, at: 0) }
        guard count == size else { throw .unstable }
        let bytes = UnsafeRawBufferPointer(rebasing: block.bytes[0..<count])
        return ReadContent(size: UInt64(size), digest: Digest(of: bytes), list: nil, bytes: Array(bytes))
    }

    private func readChunks(_ file: Descriptor, _ status: Status) throws(Failure) -> ReadContent {
        let size = status.size
        let parameters = ChunkingParameters(fileSize: size)
        let chunker = Chunker(parameters)
        let maximum = Int(parameters.maximum)
        if block.bytes.count < 4 * maximum { block = ChunkHasher.Block(byteCount: 4 * maximum) }
        var block = block
        block.cuts.removeAll(keepingCapacity: true)
        let hasher = ChunkHasher(
            blockSize: block.bytes.count, helpers: Self.sharedSizes.contains(size) ? ChunkHasher.usefulHelpers : 0)
        defer { hasher.end() }

        var offset: UInt64 = 0  // of what is to be read next
        var held = 0  // bytes in the block, from its start, that are not cut yet
        while true {
            if cancel?() == true { throw .cancelled }
            // What is still being written need not be read to its end to be read again.
            guard try disk({ () throws(DiskError) in try file.status() }).fingerprint == status.fingerprint else {
                throw .unstable
            }
            let room = UnsafeMutableRawBufferPointer(rebasing: block.bytes[held...])
            let count = try disk { () throws(DiskError) in try file.read(into: room, at: offset) }
            offset += UInt64(count)
            meter?.add(count)
            guard offset <= size else { throw .unstable }
            let isEnd = count < room.count
            var start = 0
            let filled = held + count
            while filled - start >= maximum || (isEnd && start < filled) {
                let cut = chunker.firstCut(in: UnsafeRawBufferPointer(rebasing: block.bytes[start..<filled]))
                block.cuts.append(cut)
                start += cut
            }
            if offset == UInt64(count), Self.sharedSizes.lowerBound <= size { begun?(block.cuts) }
            if isEnd { break }
            held = filled - start
            block = hasher.next(after: block, keeping: start..<filled)
        }
        guard offset == size else { throw .unstable }
        let list = ChunkList(fileSize: size, chunks: hasher.finish(block))
        return ReadContent(size: size, digest: list.fileDigest, list: list, bytes: nil)
    }

    private func disk<Result>(_ call: () throws(DiskError) -> Result) throws(Failure) -> Result {
        do {
            return try call()
        } catch {
            throw .disk(error)
        }
    }
}
