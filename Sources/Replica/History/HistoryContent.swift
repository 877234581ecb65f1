import Disk
import Index
package import Tree

/// Reads the content of history, in whatever form it is kept. What it gives was compared with its digest.
struct HistoryContent {
    let index: Index
    /// The history folder.
    let folder: Descriptor

    /// Why content can't be had.
    enum Failure: Error, Hashable, Sendable {
        /// It is gone, or not what it was.
        case lost
        /// It was not taken any further.
        case refused
    }

    /// Hands over the bytes of a file's version, in order, as long as `take` says true.
    func read(_ item: HistoryItem, _ take: ([UInt8]) -> Bool) throws(Failure) {
        guard case .file(let file) = item.entry else { throw .lost }
        switch item.form {
        case .row:
            guard let bytes = try bytes(item), bytes.count == file.size else { throw .lost }
            try hand(bytes, take)
        case .whole, .file:
            guard let source = try? place(item.name).openForReading() else { throw .lost }
            try read(file, from: source, take)
        case .pack:
            guard let list = try? index.list(of: file.digest) else { throw .lost }
            try read(list, from: Sources(of: item, self), take)
        }
    }

    /// Hands over the bytes of a file that should have this content.
    func read(
        _ file: Entry.File, from source: Descriptor, _ take: ([UInt8]) -> Bool
    ) throws(Failure) {
        guard !file.isOneChunk else {
            guard let bytes = FolderReplica.oneChunk(of: source, file.digest) else { throw .lost }
            return try hand(bytes, take)
        }
        if let list = try? index.list(of: file.digest) {
            return try read(list, from: Sources(only: source, list), take)
        }
        // Its list is not known any more: its digest is that of the list that reading it makes.
        guard let status = try? source.status(), let content = try? ContentReader().read(source, status: status),
            content.digest == file.digest, let list = content.list
        else { throw .lost }
        try read(list, from: Sources(only: source, list), take)
    }

    private func read(
        _ list: ChunkList, from sources: Sources, _ take: ([UInt8]) -> Bool
    ) throws(Failure) {
        for chunk in list.chunks {
            guard let bytes = sources.bytes(of: chunk) else { throw .lost }
            try hand(bytes, take)
        }
    }

    /// The content of a small file.
    func bytes(_ item: HistoryItem) throws(Failure) -> [UInt8]? {
        guard case .file(let file) = item.entry, file.isOneChunk else { return nil }
        guard item.form == .row else {
            return (try? place(item.name).openForReading()).flatMap { FolderReplica.oneChunk(of: $0, file.digest) }
        }
        guard let bytes = try? index.historyContent(item.id), Digest(of: bytes) == file.digest else { return nil }
        return bytes
    }

    /// A chunk of a version that is kept as a pack.
    func bytes(of chunk: Chunk, in item: HistoryItem) -> [UInt8]? {
        (try? Sources(of: item, self))?.bytes(of: chunk)
    }

    /// Whether there still is what this version is kept as.
    func isHeld(_ item: HistoryItem) -> Bool {
        switch item.form {
        case .row: true
        case .whole, .file: (try? place(item.name).status()) != nil
        case .pack: (try? place(HistoryPack.name(item.name)).status()) != nil
        }
    }

    func place(_ name: String) -> Place { Place(directory: folder, name: Array(name.utf8)) }

    private func hand(_ bytes: [UInt8], _ take: ([UInt8]) -> Bool) throws(Failure) {
        guard take(bytes) else { throw .refused }
    }
}

/// Where the chunks of one version are: in its pack, in that of the version that the pack goes on with, and so on, and
/// the rest in a whole file.
private struct Sources {
    private var places: [Digest: (file: Descriptor, offset: UInt64)] = [:]

    init(only file: Descriptor, _ list: ChunkList) {
        places = list.places.mapValues { (file, $0) }
    }

    init(of item: HistoryItem, _ history: HistoryContent) throws(HistoryContent.Failure) {
        guard let digest = item.entry.file?.digest, let list = try? history.index.list(of: digest) else { throw .lost }
        var wanted = Set(list.chunks.map(\.digest))
        var current = item
        while !wanted.isEmpty {
            guard current.form == .pack else {
                try takeRest(of: wanted, from: current, history)
                break
            }
            guard let base = current.base, base > current.id,
                let file = try? history.place(HistoryPack.name(current.name)).openForReading(),
                let pack = try? HistoryPack(file), let next = try? history.index.historyItem(base)
            else { throw .lost }
            for (chunk, offset) in pack.chunks where wanted.remove(chunk.digest) != nil {
                places[chunk.digest] = (file, offset)
            }
            current = next
        }
    }

    private mutating func takeRest(
        of wanted: Set<Digest>, from item: HistoryItem, _ history: HistoryContent
    ) throws(HistoryContent.Failure) {
        guard item.form != .row, let digest = item.entry.file?.digest, let list = try? history.index.list(of: digest),
            let file = try? history.place(item.name).openForReading()
        else { throw .lost }
        let there = list.places
        for digest in wanted {
            guard let offset = there[digest] else { throw .lost }
            places[digest] = (file, offset)
        }
    }

    func bytes(of chunk: Chunk) -> [UInt8]? {
        guard let place = places[chunk.digest], let bytes = try? place.file.read(Int(chunk.size), at: place.offset),
            Digest(of: bytes) == chunk.digest
        else { return nil }
        return bytes
    }
}

extension Entry {
    /// The file that it is, if it is one.
    package var file: File? {
        if case .file(let file) = self { file } else { nil }
    }
}
