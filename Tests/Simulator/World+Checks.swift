import Sync
import Tree

/// What must hold at every instant, looked at where it could break.
extension World {
    private func broke(_ invariant: String, _ text: String) {
        fail(Violation(invariant: invariant, text: text))
    }

    /// The hub's log has grown, or not.
    func judgeLog() {
        let rows = hub.log.rows
        guard hub.checkedLog < rows.count else { return }
        do throws(Violation) {
            for row in rows[hub.checkedLog...] {
                let replaced = try order.take(row)
                if hub.disk.ignores(row.change.path) {
                    throw Violation(invariant: "I15", text: "the hub took \(row.change.path), and ignores it")
                }
                if let author = sites.first(where: { $0.name == row.change.author }), author.isReader {
                    throw Violation(
                        invariant: "I20", text: "\(author.name) may only look, and made \(row.change.revision)")
                }
                try checkGuard(row.change, replaced)
                try ledger.accepted(row, replaced: replaced, isKeptElsewhere: isKept(replaced, by: row.change))
            }
        } catch {
            fail(error)
        }
        hub.checkedLog = rows.count
    }

    /// No replica's changes shrink the tree by more than a person was asked about, within the hub's window.
    private func checkGuard(_ change: Change, _ replaced: Entry) throws(Violation) {
        guard case .count(let limit) = deletionLimit, replaced.isLive != change.entry.isLive,
            let author = sites.first(where: { $0.name == change.author })
        else { return }
        if change.entry.isLive {
            author.shrink -= 1
        } else if replaced.isDirectory {
            author.shrink += 1
        } else if !isConfirmed(change, by: author) {
            author.shrink += 1
            guard author.shrink <= limit else {
                throw Violation(
                    invariant: "I18",
                    text: "\(author.name) deleted \(change.path) beyond \(limit), which nobody confirmed")
            }
        }
    }

    private func isConfirmed(_ change: Change, by author: Site) -> Bool {
        if !author.isHub { return areDeletionsConfirmed || author.confirmed.contains(change.path) }
        guard author.confirmedCount > 0 else { return false }
        author.confirmedCount -= 1
        return true
    }

    /// Whether the author of a change has what it replaced at another path, as what was set aside is, or the hub has it as
    /// a conflict copy.
    private func isKept(_ entry: Entry, by change: Change) -> Bool {
        // A directory has no content of its own: one is as good as another.
        if entry.isDirectory { return true }
        if order.tree.contains(where: { ConflictName.isConflictCopy($0.key) && $0.value.hasSameContent(as: entry) }) {
            return true
        }
        guard change.entry.isTombstone, let author = sites.first(where: { $0.name == change.author }) else {
            return false
        }
        return author.disk.nodes.contains {
            $0.key != change.path && SimDisk.entry(of: $0.value)?.hasSameContent(as: entry) == true
        }
    }

    /// Nobody hears from the hub of what is not durable there.
    func checkSent(_ message: Message<[UInt8]>) {
        guard let durable = hub.store?.durable.cursor.revision else { return }
        switch message {
        case .changes(let deliveries, let through, let newest):
            dataMessages += deliveries.isEmpty ? 0 : 1
            let last = deliveries.last?.change.revision ?? .zero
            if max(last, through, newest) > durable { broke("I10", "the hub told of \(last), durable is \(durable)") }
        case .settled(let settlements):
            for case .accepted(let revision) in settlements.map(\.verdict) where revision > durable {
                broke("I10", "the hub said that it took \(revision), durable is \(durable)")
            }
        case .want, .chunks: count(message)
        default: break
        }
    }

    /// Content was asked for that somebody has, or sent.
    private func count(_ message: Message<[UInt8]>) {
        switch message {
        case .want(let want) where isAnywhere(want.file): dataMessages += 1
        case .chunks(let supply) where supply.list != nil || !supply.chunks.isEmpty: dataMessages += 1
        default: break
        }
    }

    /// Nobody here breaks the protocol, so nobody may be told of it.
    func checkManners(_ message: Message<[UInt8]>, by site: Site) {
        guard case .goodbye(let goodbye) = message, goodbye.reason == .violation else { return }
        broke("L4", "\(site.name) takes what it was sent for a violation: \(goodbye.text)")
    }

    /// A peer offers only what it durably knows to have offered, and says only of what is durable that it is applied.
    func checkSent(_ message: Message<[UInt8]>, by peer: Site) {
        guard let store = peer.store else { return }
        switch message {
        case .submit(let offers):
            for offer in offers where !offer.isInquiry {
                dataMessages += 1
                check(offer, by: peer, store)
                if offer.submission.isConfirmed {
                    peer.confirmed.insert(offer.submission.path)
                } else {
                    peer.confirmed.remove(offer.submission.path)
                }
            }
        case .applied(let revision, let known):
            let durable = store.durable.cursor.revision
            if known > durable { broke("I8", "\(peer.name) said it knows \(known), durable is \(durable)") }
            if revision > known { broke("I8", "\(peer.name) said applied \(revision) of \(known)") }
        case .want, .chunks: count(message)
        default: break
        }
    }

    private func check(_ offer: Offer<[UInt8]>, by peer: Site, _ store: SimStore) {
        let submission = offer.submission
        if store.durable.records[submission.path]?.offered != submission.entry {
            broke("I7", "\(peer.name) offered \(submission.path) and would not know of it after a power failure")
        }
        if peer.isReader { broke("I20", "\(peer.name) may only look, and offered \(submission.path)") }
        if isUnreadable(submission.path, at: peer) {
            broke("I15", "\(peer.name) offered \(submission.path), which it can't look at")
        }
        if peer.disk.ignores(submission.path) {
            broke("I15", "\(peer.name) offered \(submission.path), and ignores it")
        }
        guard submission.base > .zero, peer.isFollowing, let base = hub.log[submission.base] else { return }
        if case .none = offer.attachment { return }
        if base.change.path == submission.path, base.change.entry.hasSameContent(as: submission.entry) {
            broke("I21", "\(peer.name) sent the content of \(submission.path), of which only mode or mtime changed")
        }
    }

    private func isUnreadable(_ path: RelativePath, at site: Site) -> Bool {
        !site.disk.unreadable.isEmpty
            && site.disk.unreadable.contains { ($0 == path || path.isInside($0)) && site.disk.node(at: $0) != nil }
    }

    /// What a peer takes for its base is what the hub's log has there; or nothing, where it goes on without content that
    /// nobody has.
    func checkBases(of records: [Record], at site: Site) {
        guard site.isFollowing, site.store?.cursor.epoch == hub.currentIndex.cursor.epoch else { return }
        for record in records where record.base.revision > .zero {
            guard let row = hub.log[record.base.revision] else { continue }
            let isWithoutContent = record.isPending && record.base.entry.isTombstone
            if isWithoutContent, row.change.path == record.path, case .file = row.change.entry { continue }
            if row.change.path != record.path || row.change.entry != record.base.entry {
                broke(
                    "I9",
                    "\(site.name) takes \(describe(record.base.entry)) for \(record.path)@\(record.base.revision), which is "
                        + "\(row.change.path), \(describe(row.change.entry))")
            }
        }
    }

    /// Whatever the feed held up to the peer's durable cursor is in its index; what has been replaced since may come as its
    /// successor alone, which is further on.
    func checkFeed(of peer: Site) {
        guard peer.isFollowing, let index = peer.store?.durable,
            index.cursor.epoch == hub.currentIndex.cursor.epoch
        else { return }
        peer.checkedFeed = min(peer.checkedFeed, index.cursor.revision)
        while peer.checkedFeed < index.cursor.revision {
            peer.checkedFeed = peer.checkedFeed.next
            guard let change = hub.log[peer.checkedFeed]?.change else { continue }
            let known = index.records[change.path]?.remote.revision ?? .zero
            let newest = order.heads[change.path]?.revision ?? change.revision
            if known < change.revision, newest <= index.cursor.revision {
                broke(
                    "I9",
                    "\(peer.name) is at \(index.cursor.revision) and does not know \(change.path) of \(change.revision)"
                )
            }
        }
    }

    /// Whether something that is known keeps a path from being in step.
    private func isOpen(_ path: RelativePath, at peer: Site, _ index: SimIndex) -> Bool {
        if peer.peer?.backlog.unsent.contains(where: { overlaps($0, path) }) == true { return true }
        return isKeptOut(path, at: peer, index) || !peer.lacking(at: path).isEmpty
    }

    /// A peer says that disk and hub agree: then all that its watcher has told of is in the feed, and the feed up to
    /// its cursor is on its disk.
    func checkInSync(_ peer: Site) {
        guard !peer.isSender, let store = peer.store, let machine = peer.peer, peer.disk.events.isEmpty,
            !peer.disk.hasOverflowed, peer.isFollowing, machine.backlog.problems.isEmpty, machine.heldDeletions == nil,
            store.cursor.epoch == hub.currentIndex.cursor.epoch
        else { return }
        for (path, record) in store.index.records
        where (record.base != record.remote || record.offered != nil) && !isOpen(path, at: peer, store.index) {
            broke("L5", "\(peer.name) says that it is in sync, and \(path) is not")
        }
        let known = store.index.records.mapValues(\.base.entry).filter { $0.value.isLive }
        let tree = peer.disk.entries
        guard known != tree else { return }
        for path in Set(known.keys).union(tree.keys).sorted()
        where known[path] != tree[path] && !isOpen(path, at: peer, store.index) {
            broke("L5", "\(peer.name) says that it is in sync, and has \(describe(tree[path])) at \(path)")
        }
    }
}
