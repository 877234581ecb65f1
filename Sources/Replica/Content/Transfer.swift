import Disk
import Tree

/// A file of many chunks that is being put together, in the staging folder under its digest's name, so that it is
/// found again after an interruption.
final class Transfer {
    let list: ChunkList
    let file: Descriptor
    /// Where the chunks that are not here yet belong.
    private(set) var missing: [Digest: Gap]
    /// How many bytes are still to be written.
    private(set) var missingBytes: UInt64
    /// What went wrong with writing; for the next one who asks.
    var problem: Problem?
    /// Whether nothing waits for it any more.
    var isAbandoned = false
    /// Whether the chunks that are here already were looked for.
    var hasLookedAround = false

    struct Gap {
        let size: UInt32
        var offsets: [UInt64]
    }

    static func name(of digest: Digest) -> String { "p-" + digest.hex() }

    /// Begins, or goes on with what is there of an earlier time: as much of it as has the right digest.
    ///
    /// - Parameter copy: What to begin with where nothing is there.
    init(_ list: ChunkList, at place: Place, from copy: CopyAhead?) throws(DiskError) {
        self.list = list
        var missing: [Digest: Gap] = [:]
        missing.reserveCapacity(list.chunks.count)
        var offset: UInt64 = 0
        for chunk in list.chunks {
            missing[chunk.digest, default: Gap(size: chunk.size, offsets: [])].offsets.append(offset)
            offset += UInt64(chunk.size)
        }
        self.missing = missing
        missingBytes = list.fileSize
        if let status = try place.statusIfPresent(), status.kind == .file, status.size == list.fileSize {
            file = try place.openForWriting()
            try resume()
        } else {
            try? place.removeFile()
            if let copy, let begun = copy.move(to: place) {
                file = begun
                leaveOut(copy)
            } else {
                file = try place.createFile()
            }
            // All of it is a hole at first, and what is all zeros stays one.
            try file.truncate(to: list.fileSize)
        }
    }

    /// What was copied to where it belongs is not missing.
    private func leaveOut(_ copy: CopyAhead) {
        var offset: UInt64 = 0
        for chunk in list.chunks {
            defer { offset += UInt64(chunk.size) }
            guard copy.holds(chunk, at: offset) else { continue }
            missing[chunk.digest]?.offsets.removeAll { $0 == offset }
            if missing[chunk.digest]?.offsets.isEmpty == true { missing[chunk.digest] = nil }
            missingBytes -= min(missingBytes, UInt64(chunk.size))
        }
    }

    private func resume() throws(DiskError) {
        var incomplete: [Digest: Gap] = [:]
        var offset: UInt64 = 0
        for chunk in list.chunks {
            let bytes = try file.read(Int(chunk.size), at: offset)
            if Digest(of: bytes) != chunk.digest {
                incomplete[chunk.digest, default: Gap(size: chunk.size, offsets: [])].offsets.append(offset)
            } else {
                missingBytes -= UInt64(chunk.size)
            }
            offset += UInt64(chunk.size)
        }
        missing = incomplete
    }

    /// Writes a chunk, whose digest was checked, to wherever it belongs.
    func write(_ bytes: UnsafeRawBufferPointer, digest: Digest) throws(DiskError) {
        guard let offsets = missing[digest]?.offsets else { return }
        if !bytes.isAllZero {
            for offset in offsets { try file.write(bytes, at: offset) }
        } else {
            // What an interrupted write left here would show through.
            for offset in offsets where try !file.read(bytes.count, at: offset).isAllZero {
                try file.write(bytes, at: offset)
            }
        }
        missing[digest] = nil
        missingBytes -= min(missingBytes, UInt64(bytes.count * offsets.count))
    }

    /// Copies what `source` has of the chunks that are missing, within the kernel and in runs of neighbours. They are not
    /// read: they count only if `source` still holds what `other` says when all are copied.
    ///
    /// What fails here is left missing, and so tried in another way.
    func copy(from source: Descriptor, holding other: ChunkList, stillHolds: () -> Bool) {
        var places: [Digest: (start: UInt64, size: UInt32)] = [:]
        places.reserveCapacity(other.chunks.count)
        var start: UInt64 = 0
        for chunk in other.chunks {
            places[chunk.digest] = (start, chunk.size)
            start += UInt64(chunk.size)
        }
        var copied: [Chunk] = []
        var runs: [(source: UInt64, target: UInt64, count: UInt64)] = []
        var offset: UInt64 = 0
        for chunk in list.chunks {
            defer { offset += UInt64(chunk.size) }
            // What repeats is zeros, as a rule, and they are to become a hole.
            guard missing[chunk.digest]?.offsets.count == 1, let place = places[chunk.digest], place.size == chunk.size
            else { continue }
            copied.append(chunk)
            if let last = runs.last, last.source + last.count == place.start, last.target + last.count == offset {
                runs[runs.count - 1].count += UInt64(chunk.size)
            } else {
                runs.append((place.start, offset, UInt64(chunk.size)))
            }
        }
        for run in runs {
            guard file.copyRange(from: source, at: run.source, to: run.target, count: run.count) else { return }
        }
        guard stillHolds() else { return }
        for chunk in copied {
            missing[chunk.digest] = nil
            missingBytes -= min(missingBytes, UInt64(chunk.size))
        }
    }

    /// Bytes of a chunk that has come; nil where it has not, or is no part of the file.
    func chunk(_ chunk: Chunk) -> [UInt8]? {
        guard missing[chunk.digest] == nil, let offset = offsets[chunk.digest],
            let bytes = try? file.read(Int(chunk.size), at: offset), Digest(of: bytes) == chunk.digest
        else { return nil }
        return bytes
    }

    /// Where each chunk is, the first time.
    private lazy var offsets: [Digest: UInt64] = {
        var offsets: [Digest: UInt64] = [:]
        var offset: UInt64 = 0
        for chunk in list.chunks {
            if offsets[chunk.digest] == nil { offsets[chunk.digest] = offset }
            offset += UInt64(chunk.size)
        }
        return offsets
    }()

    /// The chunks that are not here yet, in order, each once.
    var missingChunks: [Chunk] {
        guard !missing.isEmpty else { return [] }
        var seen: Set<Digest> = []
        return list.chunks.filter { missing[$0.digest] != nil && seen.insert($0.digest).inserted }
    }
}

extension [UInt8] {
    fileprivate var isAllZero: Bool { withUnsafeBytes(\.isAllZero) }
}

extension UnsafeRawBufferPointer {
    /// Whether all bytes are zero. By words: a hole of a gigabyte is seen at the speed of memory.
    var isAllZero: Bool {
        var offset = 0
        while offset + 8 <= count {
            if loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
            offset += 8
        }
        return self[offset...].allSatisfy { $0 == 0 }
    }
}
