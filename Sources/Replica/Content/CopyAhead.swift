import Disk
import Index
internal import Synchronization
package import Tree

/// A copy of a large file of which somebody reads a new version, made meanwhile: what an edit left where it was is here
/// when the version comes.
///
/// It goes with the last reference, unless it was moved. Belongs to the replica's thread.
final class CopyAhead {
    /// What is copied.
    let base: Digest
    /// Whether the new version has been read: nothing will come of the copy that has not been begun with.
    var isOver = false
    private let work: Work
    private let thread: Thread
    private let place: Place
    private var isJoined = false

    /// Begins to copy `source`, which holds what `list` says, to `place`.
    init(of base: Digest, _ source: UntouchedFile, holding list: ChunkList, at place: Place) throws(DiskError) {
        let work = Work(source, list, try place.createFile())
        do {
            thread = try Thread { work.run() }
        } catch {
            try? place.removeFile()
            throw error
        }
        self.base = base
        self.work = work
        self.place = place
    }

    deinit {
        work.isCancelled.store(true, ordering: .relaxed)
        if !isJoined { thread.join() }
        // Not where it was moved to.
        try? place.removeFile()
    }

    /// How many bytes are still to be written.
    var bytesLeft: UInt64 { work.bytes - min(work.bytes, work.written.load(ordering: .relaxed)) }

    /// Whether at least half of a file is, or will be, where it belongs there.
    func resembles(_ list: ChunkList) -> Bool {
        var offset: UInt64 = 0
        var kept: UInt64 = 0
        for chunk in list.chunks {
            if holds(chunk, at: offset) { kept += UInt64(chunk.size) }
            offset += UInt64(chunk.size)
        }
        return kept >= list.fileSize / 2
    }

    func holds(_ chunk: Chunk, at offset: UInt64) -> Bool { work.chunks[offset] == chunk }

    /// Waits for the end.
    ///
    /// - Returns: Whether it came to a good one: the copy holds what was said of its source.
    func finish() -> Bool {
        if !isJoined { thread.join() }
        isJoined = true
        return work.isComplete.load(ordering: .acquiring)
    }

    /// Gives the copy, which is finished, another name.
    ///
    /// - Returns: The copy; nil where that failed.
    func move(to target: Place) -> Descriptor? {
        (try? place.renameOver(target)).map { work.target }
    }

    private final class Work: Sendable {
        /// In bytes. Between two of them it can be cancelled.
        private static let slice: UInt64 = 16 << 20

        let source: UntouchedFile
        let target: Descriptor
        /// What is copied, by where it is.
        let chunks: [UInt64: Chunk]
        /// The same as ranges.
        let runs: [Range<UInt64>]
        let bytes: UInt64
        let written = Atomic<UInt64>(0)
        let isCancelled = Atomic(false)
        let isComplete = Atomic(false)

        init(_ source: UntouchedFile, _ list: ChunkList, _ target: Descriptor) {
            self.source = source
            self.target = target
            var counts: [Digest: Int] = [:]
            for chunk in list.chunks { counts[chunk.digest, default: 0] += 1 }
            var chunks: [UInt64: Chunk] = [:]
            var runs: [Range<UInt64>] = []
            var offset: UInt64 = 0
            for chunk in list.chunks {
                let end = offset + UInt64(chunk.size)
                defer { offset = end }
                // What repeats is zeros, as a rule, and they are to become a hole.
                guard counts[chunk.digest] == 1 else { continue }
                chunks[offset] = chunk
                if let last = runs.last, last.upperBound == offset {
                    runs[runs.count - 1] = last.lowerBound..<end
                } else {
                    runs.append(offset..<end)
                }
            }
            self.chunks = chunks
            self.runs = runs
            bytes = runs.reduce(0) { $0 + UInt64($1.count) }
        }

        func run() {
            for run in runs {
                var start = run.lowerBound
                while start < run.upperBound {
                    // A slice ends where a block of the file system does.
                    let end = min(run.upperBound, (start / Self.slice + 1) * Self.slice)
                    guard !isCancelled.load(ordering: .relaxed),
                        target.copyRange(from: source.descriptor, at: start, to: start, count: end - start)
                    else { return }
                    written.add(end - start, ordering: .relaxed)
                    start = end
                }
            }
            isComplete.store(source.isUntouched, ordering: .releasing)
        }
    }
}

extension FolderReplica {
    /// Somebody reads a new version of the file that has the content `base` (nil: does so no more), which is much like it.
    ///
    /// - Returns: Whether the content is in the tree here.
    package func expect(_ base: Digest?) -> Bool {
        guard let base else {
            copyAhead?.isOver = true
            return true
        }
        if let copyAhead, copyAhead.base == base {
            copyAhead.isOver = false
            return true
        }
        // If the index can't be read, others will tell.
        guard let source = try? untouchedFile(of: base), let list = try? index.list(of: base),
            list.fileSize == source.fingerprint.size
        else { return false }
        copyAhead = nil
        // What comes instead of what was expected needs room, too.
        guard headroom.lack(2 * list.fileSize, on: state.staging) == 0 else { return true }
        copyAhead = try? CopyAhead(of: base, source, holding: list, at: state.staged(Upload.prefix + freshName()))
        return true
    }

    /// The copy that was made for a file of these chunks, finished.
    func takeCopy(for list: ChunkList) -> CopyAhead? {
        guard let copy = copyAhead, copy.resembles(list) else { return nil }
        copyAhead = nil
        return copy.finish() ? copy : nil
    }

    /// The content that the file at `path` had when it was looked at last, if the one that is being read there begins to be
    /// cut at the same places: then it is much like it, as a rule.
    ///
    /// - Parameters:
    ///   - fingerprint: What it is now.
    ///   - cuts: The sizes of its first chunks.
    /// - Returns: Nil, too, where it is known what is there: whoever writes a large file is seen more than once at it.
    package func likeness(
        of path: RelativePath, _ fingerprint: Fingerprint, cuts: [Int]
    ) throws(StoreFailure) -> Digest? {
        let record = try record(at: path)
        guard record.fingerprint != fingerprint, let file = (record.offered ?? record.base.entry).largeFile,
            let list = try indexed({ () throws(IndexError) in try index.list(of: file.digest) })
        else { return nil }
        let length = cuts.reduce(0, +)
        var ends: Set<Int> = []
        var end = 0
        for chunk in list.chunks where end < length {
            end += Int(chunk.size)
            ends.insert(end)
        }
        end = 0
        var common = 0
        for cut in cuts {
            end += cut
            if ends.contains(end) { common += 1 }
        }
        return common * 2 >= cuts.count ? file.digest : nil
    }
}
