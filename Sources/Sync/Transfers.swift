package import Tree

/// Content on its way here: what is wanted from one other side, in what order, and how much of it at a time.
///
/// Files are known by digest, so that two paths with the same content share one transfer.
package struct Transfers {
    /// How many bytes may be wanted and not here yet: what a small change waits behind, where the other end is busy.
    package static let window: UInt64 = 4 * 1024 * 1024
    /// How many bytes are wanted in one message.
    package static let portion: UInt64 = 1024 * 1024
    /// What a chunk list counts as, before its size is known.
    private static let listCost: UInt64 = 64 * 1024

    private struct Transfer {
        var paths: [RelativePath]
        var wantsList: Bool
        var ahead: ArraySlice<Chunk>
        var awaited: [Digest: Awaited] = [:]
        var awaitsList = false
        /// Whether a chunk has come that was another one.
        var isDoubted = false
        /// In bytes: what has come of it, of what was missing when it began.
        var arrived: UInt64 = 0
        let missing: UInt64

        var isComplete: Bool { !wantsList && !awaitsList && ahead.isEmpty && awaited.isEmpty }
    }

    private struct Awaited {
        let size: UInt32
        /// Whether it was asked for in doubt.
        let isDoubted: Bool
    }

    private var transfers: [Digest: Transfer] = [:]
    private var order: [Digest] = []
    /// Those of which no more than one message is missing. They are asked for first, and beyond the window.
    private var hurried: [Digest] = []
    private var outstanding: UInt64 = 0

    package init() {}

    /// How many files are being transferred.
    package var count: Int { transfers.count }
    package var isEmpty: Bool { transfers.isEmpty }
    package func contains(_ file: Digest) -> Bool { transfers[file] != nil }
    /// How far they are, without those whose chunks are not known yet.
    package var underway: Underway {
        transfers.values.reduce(into: Underway()) { all, transfer in
            all.done += transfer.arrived
            all.left += transfer.missing - min(transfer.missing, transfer.arrived)
        }
    }

    /// Wants what a path waits for.
    package mutating func add(_ content: MissingContent) {
        if transfers[content.file] != nil {
            if transfers[content.file]?.paths.contains(content.path) == false {
                transfers[content.file]?.paths.append(content.path)
            }
            return
        }
        // The same chunk may stand in a file many times, and is wanted once.
        var seen: Set<Digest> = []
        let chunks = content.chunks.filter { seen.insert($0.digest).inserted }
        let transfer = Transfer(
            paths: [content.path], wantsList: content.list, ahead: chunks[...],
            missing: chunks.reduce(0) { $0 + UInt64($1.size) })
        transfers[content.file] = transfer
        if transfer.missing <= Self.portion { hurried.append(content.file) } else { order.append(content.file) }
    }

    /// The file to ask for something of next; nil while the window is full.
    private mutating func next() -> Digest? {
        func wantsMore(_ file: Digest) -> Bool {
            transfers[file].map { $0.wantsList || !$0.ahead.isEmpty } ?? false
        }
        hurried.removeFirst(while: { !wantsMore($0) })
        order.removeFirst(while: { !wantsMore($0) })
        if let file = hurried.first, outstanding < 2 * Self.window { return file }
        return outstanding < Self.window ? order.first : nil
    }

    /// What to ask for now; empty while the window is full.
    package mutating func wants() -> [Want] {
        var wants: [Want] = []
        while let file = next(), var transfer = transfers[file] {
            var want = Want(file: file, list: transfer.wantsList, chunks: [], isDoubted: transfer.isDoubted)
            var bytes: UInt64 = 0
            if transfer.wantsList {
                transfer.wantsList = false
                transfer.awaitsList = true
                bytes += Self.listCost
            }
            while bytes < Self.portion, let chunk = transfer.ahead.popFirst() {
                want.chunks.append(chunk.digest)
                transfer.awaited[chunk.digest] = Awaited(size: chunk.size, isDoubted: transfer.isDoubted)
                bytes += UInt64(chunk.size)
            }
            outstanding += bytes
            transfers[file] = transfer
            wants.append(want)
        }
        return wants
    }

    /// Whether this chunk was asked for and has not come: what nobody asked for is not to be kept.
    package func awaits(chunk: Digest, of file: Digest) -> Bool {
        transfers[file]?.awaited[chunk] != nil
    }

    package func awaits(listOf file: Digest) -> Bool {
        transfers[file]?.awaitsList == true
    }

    /// A chunk has come; returns the paths that can be tried again now.
    package mutating func received(chunk: Digest, of file: Digest) -> [RelativePath] {
        guard let awaited = transfers[file]?.awaited.removeValue(forKey: chunk) else { return [] }
        outstanding -= min(outstanding, UInt64(awaited.size))
        transfers[file]?.arrived += UInt64(awaited.size)
        return finishIfComplete(file)
    }

    /// What has come for a chunk is another one: it is asked for once more, in doubt, if it was not yet.
    package mutating func doubt(chunk: Digest, of file: Digest) {
        guard let awaited = transfers[file]?.awaited[chunk], !awaited.isDoubted else { return }
        transfers[file]?.awaited[chunk] = nil
        outstanding -= min(outstanding, UInt64(awaited.size))
        transfers[file]?.isDoubted = true
        transfers[file]?.ahead.append(Chunk(size: awaited.size, digest: chunk))
        if !hurried.contains(file) { hurried.append(file) }
    }

    /// A chunk list has come: what it names is not known yet, so the paths are tried again.
    package mutating func received(listOf file: Digest) -> [RelativePath] {
        guard transfers[file]?.awaitsList == true else { return [] }
        transfers[file]?.awaitsList = false
        outstanding -= min(outstanding, Self.listCost)
        return finishIfComplete(file)
    }

    /// The other side no longer has something of the file: a newer version is on its way. Returns the paths.
    package mutating func unavailable(_ file: Digest) -> [RelativePath] {
        guard let transfer = transfers.removeValue(forKey: file) else { return [] }
        let awaited = transfer.awaited.values.reduce(transfer.awaitsList ? Self.listCost : 0) { $0 + UInt64($1.size) }
        outstanding -= min(outstanding, awaited)
        forget(file)
        return transfer.paths
    }

    /// The path no longer waits for this file.
    ///
    /// - Returns: Whether no path does.
    package mutating func abandon(_ path: RelativePath, file: Digest) -> Bool {
        transfers[file]?.paths.removeAll { $0 == path }
        guard transfers[file]?.paths.isEmpty != false else { return false }
        _ = unavailable(file)
        return true
    }

    private mutating func finishIfComplete(_ file: Digest) -> [RelativePath] {
        guard let transfer = transfers[file], transfer.isComplete else { return [] }
        transfers[file] = nil
        forget(file)
        return transfer.paths
    }

    private mutating func forget(_ file: Digest) {
        order.removeAll { $0 == file }
        hurried.removeAll { $0 == file }
    }
}

/// Content asked for by one other side, served a message at a time as its socket takes it.
package struct Supplier {
    /// A side that asks for more than this at a time breaks the protocol: it asks within ``Transfers/window``.
    package static let limit = 4096

    /// How many answers may be on their way to the socket.
    private static let depth = 2
    /// How many bytes an answer has before it is known what the link takes.
    private static let firstPiece: UInt64 = 256 * 1024

    private var wants: [Want] = []
    private var chunkCount = 0
    private var underway = 0
    /// How many bytes an answer has, if its chunks are not larger.
    private var piece = firstPiece
    /// What the answer before was of: no file has all others wait.
    private var last: Digest?
    /// Files that were asked for and not here. Of more than so many nobody is told when they are.
    private var unmet: Set<Digest> = []
    private var found: [Digest] = []

    package init() {}

    /// Whether there is nothing to send.
    package var isEmpty: Bool { wants.isEmpty && found.isEmpty }
    /// Whether something was asked for in vain.
    package var hasUnmet: Bool { !unmet.isEmpty }

    /// A file is here: who asked for it in vain is told, and need not ask again and again.
    package mutating func found(_ file: Digest) {
        if unmet.remove(file) != nil { found.append(file) }
    }

    /// False if that is more than anyone may ask for.
    package mutating func add(_ want: Want) -> Bool {
        wants.append(want)
        chunkCount += want.chunks.count + 1
        return chunkCount <= Self.limit
    }

    /// An answer has left for the socket. What is asked for together goes in pieces of so many bytes from now on: what is
    /// small and new waits for no more than those that are on their way.
    package mutating func sent(next piece: UInt64) {
        underway -= 1
        self.piece = piece
    }

    /// Reads the answer to the oldest question, or a piece of it; nil while enough answers are on their way.
    package mutating func next<Store: ReplicaStore>(
        from store: Store
    ) throws(StoreFailure) -> Supply<Store.Content>? {
        guard underway < Self.depth, !found.isEmpty || !wants.isEmpty else { return nil }
        underway += 1
        if let file = found.popLast() { return .found(file) }
        let want = wants.remove(at: wants.firstIndex { $0.file != last } ?? 0)
        last = want.file
        chunkCount -= want.chunks.count + 1
        var bytes: UInt64 = 0
        var supply = Supply<Store.Content>(
            file: want.file, list: nil, chunks: [], unavailable: [], listUnavailable: false,
            isCompared: want.isDoubted)
        if want.list {
            supply.list = try store.list(of: want.file)
            supply.listUnavailable = supply.list == nil
        }
        for (index, digest) in want.chunks.enumerated() {
            guard bytes < piece || supply.isInVain else {
                // Who hears that something is not here asks for none of it any more: that goes in one piece.
                wants.insert(want.rest(from: index), at: 0)
                chunkCount += want.chunks.count - index + 1
                break
            }
            if let content = try store.chunk(digest, of: want.file, comparing: want.isDoubted) {
                supply.chunks.append((digest, content))
                bytes += UInt64(store.size(of: content))
            } else {
                supply.unavailable.append(digest)
            }
        }
        if supply.isInVain, unmet.count < Self.limit { unmet.insert(want.file) }
        return supply
    }
}

extension Array {
    /// Removes elements from the start as long as they are so.
    fileprivate mutating func removeFirst(while isSo: (Element) -> Bool) {
        if let first, isSo(first) { removeSubrange(..<(firstIndex { !isSo($0) } ?? endIndex)) }
    }
}

extension Want {
    /// What is left of it when its list and its first chunks are answered.
    fileprivate func rest(from index: Int) -> Want {
        Want(file: file, list: false, chunks: Array(chunks[index...]), isDoubted: isDoubted)
    }
}
