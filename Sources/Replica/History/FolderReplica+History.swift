import Disk
import Index
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

// Replaced and deleted versions. What came out of the tree is kept as it is at first: a rename costs nothing but its
// space. It is made smaller later, a little at a time, where nobody waits for it.
extension FolderReplica {
    var historyContent: HistoryContent { HistoryContent(index: index, folder: state.history) }

    /// Writes down that what was taken out lies in the history folder now, or needs no file there.
    func settle(_ item: RemovedItem, holding entry: Entry? = nil, size: UInt64) throws(StoreFailure) {
        let entry = entry ?? item.expected
        let history = HistoryItem(
            name: item.token, path: item.path, entry: entry, origin: item.origin,
            size: size + HistoryCost.row, seconds: item.seconds, form: entry.file == nil ? .row : .whole)
        try indexed { () throws(IndexError) in try index.settle(item.token, as: history) }
        wantsTending = true
    }

    /// Remembers an empty directory that was removed.
    func keepDirectory(_ entry: Entry, at path: RelativePath, _ origin: Origin) throws(StoreFailure) {
        let item = HistoryItem(
            name: freshName(), path: path, entry: entry, origin: origin, size: HistoryCost.row,
            seconds: index.clock(), form: .row)
        try indexed { () throws(IndexError) in try index.addHistory([item]) }
    }

    /// Removes history that is too old or too much, in the order in which it came, a little at a time so that nobody
    /// waits for it. A pack needs what came later alone, so it goes before what it needs.
    func pruneHistory() throws(StoreFailure) {
        let now = index.clock()
        let limit = now - Int64(clamping: settings.historyDays) * 86_400
        var size = try indexed { () throws(IndexError) in try index.historySize() }
        guard size > settings.historySize || now >= nextPruning || spaceWanted > 0 else { return }
        let oldest = try indexed { () throws(IndexError) in try index.oldestHistory(limit: 32) }
        var gone: [HistoryItem] = []
        for item in oldest {
            guard item.seconds < limit || size > settings.historySize || spaceWanted > 0 else { break }
            gone.append(item)
            size -= min(size, item.size)
            spaceWanted -= min(spaceWanted, item.size)
        }
        if gone.isEmpty { spaceWanted = 0 }
        // What is too old goes on going; else it is looked for once a minute.
        nextPruning = gone.isEmpty ? now + 60 : now
        guard !gone.isEmpty else { return }
        sources.forgetFiles()
        try indexed { () throws(IndexError) in try index.removeHistory(gone) }
        for item in gone {
            switch item.form {
            case .row: break
            case .whole, .file: historyWorker.remove([item.name])
            case .pack: historyWorker.remove([HistoryPack.name(item.name)])
            }
        }
        wantsTending = true
    }

    /// History makes room for what arrives, if it has enough: what arrives is then found to fit the next time.
    func yieldHistory(for bytes: UInt64) throws(StoreFailure) {
        guard let lack = headroom.lack(bytes + spaceWanted, on: state.staging),
            try indexed({ () throws(IndexError) in try index.historySize() }) >= lack
        else { return }
        spaceWanted = lack
        wantsTending = true
    }

    /// Does a little of what makes history smaller. Nothing that fails here matters to anybody but it.
    ///
    /// - Returns: whether there is more to do, so that it should be called again soon.
    package func tend() -> Bool {
        wantsTending = false
        do {
            try takePacks()
            let wasReduced = try reduceSome()
            let wasSwept = try sweepSome()
            try pruneHistory()
            if wasReduced || wasSwept || packing > 0 { wantsTending = true }
            try releaseSpent()
        } catch {
            return false
        }
        return wantsTending
    }

    // MARK: Reducing

    /// Puts the content of small versions into their rows, and has the version before each large one packed.
    private func reduceSome() throws(StoreFailure) -> Bool {
        // One after the other: what a pack goes on with must be whole.
        guard packing == 0 else { return false }
        let some = try indexed { () throws(IndexError) in try index.wholeHistory(limit: 64) }
        var reformed: [Index.Reformed] = []
        for item in some {
            let isLarge = item.entry.file?.isOneChunk == false
            // What came before it must have been written down, to be found.
            if isLarge, !reformed.isEmpty { break }
            var next = item
            next.form = .file
            if let bytes = smallContent(item) {
                next.form = .row
                next.size = HistoryCost.row + UInt64(bytes.count)
                reformed.append(Index.Reformed(item: next, formerSize: item.size, content: bytes))
                continue
            }
            // It is looked at again until what came before it is packed: that may be interrupted.
            if isLarge, try packPredecessor(of: item) { break }
            reformed.append(Index.Reformed(item: next, formerSize: item.size))
        }
        guard !reformed.isEmpty else { return false }
        try indexed { () throws(IndexError) in try index.reform(reformed, durably: false) }
        for reformed in reformed where reformed.item.form == .row { spent.append(reformed.item.name) }
        return true
    }

    private func smallContent(_ item: HistoryItem) -> [UInt8]? {
        guard let file = item.entry.file, file.size <= HistoryCost.rowLimit else { return nil }
        return (try? historyContent.bytes(item)) ?? nil
    }

    /// Has the large version that came before this one packed; false where there is none.
    private func packPredecessor(of item: HistoryItem) throws(StoreFailure) -> Bool {
        guard let file = item.entry.file else { return false }
        let earlier = try indexed { () throws(IndexError) in try index.historyFiles(before: item, limit: 8) }
        for former in earlier {
            guard let formerFile = former.entry.file, !formerFile.isOneChunk else { continue }
            let lists = try indexed { () throws(IndexError) in
                (try index.list(of: formerFile.digest), try index.list(of: file.digest))
            }
            guard let list = lists.0, let baseList = lists.1 else { return false }
            historyWorker.pack(
                HistoryWorker.Packing(
                    item: former.id, name: former.name, file: formerFile, list: list, base: item.id,
                    baseName: item.name, baseFile: file, baseList: baseList))
            packing += 1
            return true
        }
        return false
    }

    /// Writes down which versions are packs from now on. What they were goes when that is durable.
    private func takePacks() throws(StoreFailure) {
        let all = historyWorker.takePacked()
        packing -= all.count
        for packed in all {
            let packing = packed.packing
            let (former, base) = try indexed { () throws(IndexError) in
                (try index.historyItem(packing.item), try index.historyItem(packing.base))
            }
            // Either may have been removed meanwhile; the former first.
            guard var base else {
                historyWorker.remove([HistoryPack.name(packing.name)])
                continue
            }
            base.form = .file
            var reformed = [Index.Reformed(item: base, formerSize: base.size)]
            if let size = packed.size, let former {
                reformed.append(Index.Reformed(item: former.packed(packing, size: size), formerSize: former.size))
            } else {
                historyWorker.remove([HistoryPack.name(packing.name)])
            }
            try indexed { () throws(IndexError) in try index.reform(reformed, durably: false) }
            guard reformed.count > 1 else { continue }
            sources.forgetFiles()
            spent.append(packing.name)
        }
    }

    /// Removes the files of what has another form by now, once that is durable: some other batch has made it so, or else
    /// it is done when nothing is going on.
    private func releaseSpent() throws(StoreFailure) {
        guard !spent.isEmpty, !index.hasUnsyncedCommits else { return }
        historyWorker.remove(spent)
        spent = []
    }

    /// Nothing is going on.
    func tendAtRest() {
        guard !spent.isEmpty else { return }
        do {
            try index.sync()
            try releaseSpent()
        } catch {
            // Next time.
        }
    }

    // MARK: Sweeping

    /// Looks for files in the history folder that an interrupted run left: a little at a time, after each start.
    private func sweepSome() throws(StoreFailure) -> Bool {
        if unswept == nil { unswept = ((try? state.history.names()) ?? [])[...] }
        guard let names = unswept, !names.isEmpty else { return false }
        // What is being packed now has a file that no row tells of yet.
        guard packing == 0 else { return true }
        let some = names.suffix(64)
        unswept = names.dropLast(some.count)
        for name in some { try sweep(String(decoding: name, as: UTF8.self)) }
        return true
    }

    private func sweep(_ name: String) throws(StoreFailure) {
        let token = name.hasSuffix(".pack") ? String(name.dropLast(".pack".count)) : name
        let item = try indexed { () throws(IndexError) in try index.historyItem(named: token) }
        let isPack = token != name
        switch item?.form {
        case .pack: if !isPack { spent.append(name) }
        case .row: spent.append(name)
        case .whole, .file: if isPack { historyWorker.remove([name]) }
        // Of a whole file that no row knows it can't be said that nobody wants it.
        case nil: if isPack { historyWorker.remove([name]) }
        }
    }
}

extension HistoryItem {
    /// As it is from now on, with what the pack takes on the disk, in bytes.
    fileprivate func packed(_ packing: HistoryWorker.Packing, size: UInt64) -> HistoryItem {
        var item = self
        item.form = .pack
        item.base = packing.base
        item.size = HistoryCost.row + size + HistoryCost.chunk * UInt64(packing.list.chunks.count)
        return item
    }
}

/// What history takes on the disk besides its files, in bytes: roughly, and rather too much.
enum HistoryCost {
    /// A row, with its path and what finds it.
    static let row: UInt64 = 256
    /// A chunk of a list, with what finds it.
    static let chunk: UInt64 = 72
    /// Up to this many bytes a version is kept in its row: a file of its own would take a block.
    static let rowLimit: UInt64 = 4096
}
