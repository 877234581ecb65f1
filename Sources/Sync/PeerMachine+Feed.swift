import Tree

// Following the hub's feed.
extension PeerMachine {
    mutating func follow(
        _ deliveries: [Delivery<Store.Content>], through: Revision, newest: Revision
    ) throws(StoreFailure) {
        guard through >= store.cursor.revision else { return violation("its feed ran backwards") }
        // What is announced below is no more than what is heard here.
        try reconciler.commit(cursor: nil, durably: false)
        var paths: [RelativePath] = []
        paths.reserveCapacity(deliveries.count)
        var superseded: [(path: RelativePath, file: Digest)] = []
        var arrived: [(file: Entry.File, path: RelativePath, content: Store.Content)] = []
        for delivery in deliveries {
            let change = delivery.change
            var record = try reconciler.record(at: change.path)
            guard record.remote.revision < change.revision else { continue }
            if record.isPending, case .file(let file) = record.remote.entry,
                !change.entry.hasSameContent(as: record.remote.entry)
            {
                superseded.append((change.path, file.digest))
            }
            record.heard(change.version, from: change.author)
            reconciler.put(record)
            reconciler.noteLeaving(record)
            paths.append(change.path)
            guard case .file(let file) = change.entry, record.offered == nil, reconciler.direction != .sendOnly else {
                continue
            }
            switch delivery.attachment {
            case .none: break
            case .list(let list):
                guard try store.receive(list: list, of: file.digest) else {
                    return violation("a chunk list is not that of its file")
                }
            case .difference(let difference, let former):
                guard try store.receive(difference: difference, from: former, of: file) else {
                    return violation("a chunk list is not that of its file")
                }
            case .content(let content):
                // What is here already in this content needs no second copy.
                guard !record.base.entry.hasSameContent(as: change.entry) else { break }
                arrived.append((file, change.path, content))
            }
        }
        // A store may have begun with the first: so the two meet once, instead of waiting for each other at each file.
        for (file, path, content) in arrived.reversed() {
            // Content that changed under the hub's hands is asked for again.
            _ = try reconciler.prepare(file, at: path, content: content)
        }
        // First what the hub says is durable, and the cursor with it, then the names appear: a process that ends in
        // between finds out at its next start what it had already put in place, and takes none of it for an edit.
        try reconciler.flush()
        try reconciler.announce(cursor: cursor(through: through, knowing: newest))
        for (path, file) in superseded where transfers.abandon(path, file: file) { store.abandon(file) }
        for path in try reconciler.leavingLast(rulesFirst(paths)) {
            let isMoved = !reconciler.movedAway.isEmpty && reconciler.movedAway.remove(path) != nil
            backlog.note(path, isMoved ? .settled : try reconciler.reconcile(path))
        }
        reconciler.leaving.removeAll(keepingCapacity: true)
        reconciler.movedAway.removeAll(keepingCapacity: true)
        backlog.reached(through)
        backlog.unblock()
        try gather()
        try reconciler.commit(cursor: nil, durably: false)
        try reconciler.dropSuperseded()
    }

    /// Rules come first, so that the rest of what came with them is judged by them; those that go, in their turn.
    private mutating func rulesFirst(_ paths: [RelativePath]) throws(StoreFailure) -> [RelativePath] {
        var first: [RelativePath] = []
        for path in paths where path.isRuleFile {
            if try reconciler.record(at: path).remote.entry.isLive { first.append(path) }
            backlog.retryUnwanted()
        }
        return first.isEmpty ? paths : first + paths.filter { !first.contains($0) }
    }

    /// Takes what the reconciler left: content to ask for, paths it made, changes to offer.
    mutating func gather() throws(StoreFailure) {
        try giveUp(reconciler.missing.filter { reconciler.gone.contains($0.file) })
        for content in reconciler.missing where !reconciler.gone.contains(content.file) {
            if transfers.count < SyncProtocol.transferLimit {
                transfers.add(content)
            } else if sweep == .done {
                sweep = .from(nil)
            }
        }
        reconciler.missing.removeAll()
        for path in reconciler.touched { backlog.add(path) }
        reconciler.touched.removeAll()
        try offer(reconciler.submissions)
        reconciler.submissions.removeAll()
    }
}
