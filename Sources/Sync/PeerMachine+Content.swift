import Tree

// Content that a peer waits for, and what it was asked for.
extension PeerMachine {
    /// Content that was asked for.
    mutating func receive(_ supply: Supply<Store.Content>) throws(StoreFailure) {
        let file = supply.file
        guard !supply.isFound else { return found(file) }
        var paths: [RelativePath] = []
        if let list = supply.list, transfers.awaits(listOf: file) {
            guard try store.receive(list: list, of: file) else {
                return violation("a chunk list is not that of its file")
            }
            paths += transfers.received(listOf: file)
        }
        for (digest, content) in supply.chunks where transfers.awaits(chunk: digest, of: file) {
            guard try store.receive(chunk: content, digest: digest, of: file) else {
                if supply.isCompared { return violation("a chunk does not match its digest") }
                transfers.doubt(chunk: digest, of: file)
                continue
            }
            paths += transfers.received(chunk: digest, of: file)
        }
        if supply.isInVain {
            // The hub's copy has changed since: a newer revision is on its way.
            askedInVain[file, default: 0] += 1
            let waiting = transfers.unavailable(file)
            let held = backlog.held.count
            if askedInVain[file, default: 0] >= Self.vainLimit {
                reconciler.gone.insert(file)
                for path in waiting { backlog.add(path) }
            } else {
                for path in waiting where try !holdAgain(path) { backlog.note(path, .waiting(.unstable)) }
                tellHeld(beyond: held)
            }
        } else if !paths.isEmpty {
            askedInVain[file] = nil
        }
        for path in paths { backlog.add(path) }
    }

    /// The hub has no content for these. What it ignores, or nobody has any more, has no newer revision: the hub says when
    /// it has that.
    mutating func giveUp(_ contents: [MissingContent]) throws(StoreFailure) {
        let held = backlog.held.count
        for content in contents where try !holdAgain(content.path) && backlog.lacks(content.path, content.file) {
            reconciler.notices.append(.problem(content.path, Problem(.contentGone, operation: "fetch")))
        }
        tellHeld(beyond: held)
    }

    private mutating func tellHeld(beyond count: Int) {
        if backlog.held.count > count, let held = heldDeletions { reconciler.notices.append(.held(held)) }
    }

    private mutating func found(_ file: Digest) {
        askedInVain[file] = nil
        reconciler.gone.remove(file)
        backlog.found(file)
    }

    /// What was asked for in vain, here or by the hub, may be at this path by now.
    mutating func tellFound(at path: RelativePath) throws(StoreFailure) {
        guard supplier.hasUnmet || !reconciler.gone.isEmpty,
            case .file(let file) = try reconciler.record(at: path).base.entry
        else { return }
        supplier.found(file.digest)
        if reconciler.gone.contains(file.digest) { found(file.digest) }
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
