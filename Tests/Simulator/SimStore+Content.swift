import Sync
import Tree

extension SimStore {
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

    private func ready(_ content: SimContent, _ file: Entry.File) -> Staging<Staged> {
        unflushed.append(content)
        return .ready(Staged(content: content, file: file))
    }

    func consume(_ staged: Staged?) {
        if let staged { disk.unstage(staged.content) }
    }

    func discard(_ staged: Staged) {
        if let place = unflushed.firstIndex(of: staged.content) {
            unflushed.remove(at: place)
        } else {
            disk.unstage(staged.content)
        }
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
}
