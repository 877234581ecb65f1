import Tree

// Content that a peer waits for, and what it was asked for.
extension PeerMachine {
    /// Content that was asked for.
    mutating func receive(_ supply: Supply<Store.Content>) throws(StoreFailure) {
        let file = supply.file
        if supply.isFound {
            askedInVain[file] = nil
            return backlog.found(file)
        }
        var paths: [RelativePath] = []
        if let list = supply.list, transfers.awaits(listOf: file) {
            guard try store.receive(list: list, of: file) else {
                return violation("a chunk list is not that of its file")
            }
            paths += transfers.received(listOf: file)
        }
        for (digest, content) in supply.chunks where transfers.awaits(chunk: digest, of: file) {
            guard try store.receive(chunk: content, digest: digest, of: file) else {
                return violation("a chunk does not match its digest")
            }
            paths += transfers.received(chunk: digest, of: file)
        }
        if supply.isInVain {
            // The hub's copy has changed since: a newer revision is on its way.
            askedInVain[file, default: 0] += 1
            let held = backlog.held.count
            for path in transfers.unavailable(file) where try !holdAgain(path) { lack(file, at: path) }
            if backlog.held.count > held, let held = heldDeletions { reconciler.notices.append(.held(held)) }
        } else if !paths.isEmpty {
            askedInVain[file] = nil
        }
        for path in paths { backlog.add(path) }
    }

    /// The hub has no content for a path. What the hub ignores, or nobody has any more, has no newer revision: the hub says
    /// when it has that.
    private mutating func lack(_ file: Digest, at path: RelativePath) {
        if askedInVain[file, default: 0] < Self.vainLimit {
            backlog.note(path, .waiting(.unstable))
        } else if backlog.lacks(path, file) {
            reconciler.notices.append(.problem(path, Problem(.contentGone, operation: "fetch")))
        }
    }

    /// What the hub asked for in vain may be at this path by now.
    mutating func tellFound(at path: RelativePath) throws(StoreFailure) {
        guard supplier.hasUnmet, case .file(let file) = try reconciler.record(at: path).base.entry else { return }
        supplier.found(file.digest)
    }

    /// Goes on through the paths that wait for content, a page at a time.
    mutating func sweepOn() throws(StoreFailure) {
        while case .from(let last) = sweep, transfers.count < SyncProtocol.transferLimit / 4 {
            let page = try store.unfinished(after: last, limit: SyncProtocol.transferLimit / 2)
            for record in page where record.offered == nil { backlog.add(record.path) }
            sweep = page.last.map { .from($0.path) } ?? .done
            try work()
        }
    }
}
