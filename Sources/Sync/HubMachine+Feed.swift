import Tree

extension HubMachine {
    /// Sends each session that is due what its window and its socket have room for: content it asked for, questions,
    /// and the feed. Sessions at the same place in the feed get the same message. Of the feed each gets one message at a
    /// time, so that what a session's socket does not take is not read for it, and others have their turn.
    mutating func serve() throws(StoreFailure) {
        if hasPublished { due.formUnion(sessions.keys) }
        hasPublished = false
        let ids = due.sorted()
        due.removeAll(keepingCapacity: true)
        for id in ids { try serveContent(id) }
        var groups: [Revision: [SessionID]] = [:]
        for id in ids {
            if let place = sessions[id]?.place, place < head { groups[place, default: []].append(id) }
        }
        for (revision, ids) in groups.sorted(by: { $0.key < $1.key }) { try sendFeed(after: revision, to: ids) }
        messagesSinceLook += groups.count
        var arrived: [SessionID] = []
        for id in ids {
            guard let place = sessions[id]?.place else { continue }
            if place < head {
                due.insert(id)
            } else if isFolderKnown, sessions[id]?.isCaughtUp == false {
                sessions[id]?.isCaughtUp = true
                arrived.append(id)
            }
        }
        if due.isEmpty { fresh = [] }
        tellArrivals()
        if !arrived.isEmpty { actions.append(.send(.caughtUp(head), to: arrived)) }
    }

    /// Tells those who want to know what all have applied.
    private mutating func tellArrivals() {
        guard !curious.isEmpty else { return }
        let all = arrivals.everywhere ?? head
        for id in curious.sorted() {
            for revision in sessions[id]?.takeAwaited(through: all) ?? [] {
                actions.append(.send(.everywhere(revision), to: [id]))
            }
            if sessions[id]?.awaited.isEmpty != false { curious.remove(id) }
        }
    }

    private mutating func serveContent(_ id: SessionID) throws(StoreFailure) {
        guard sessions[id]?.isExchanging == true else { return }
        for want in sessions[id]?.transfers.wants() ?? [] { actions.append(.send(.want(want), to: [id])) }
        let store = store
        while let supply = try sessions[id]?.supplier.next(from: store) {
            if supply.isInVain { unmet.insert(id) }
            actions.append(.send(.chunks(supply), to: [id]))
        }
    }

    private mutating func sendFeed(after revision: Revision, to ids: [SessionID]) throws(StoreFailure) {
        let changes = try feed(after: revision)
        guard let first = changes.first, let last = changes.last else {
            // Nothing but superseded revisions lies ahead.
            for id in ids { sessions[id]?.sent(through: head, weight: 0) }
            return
        }
        var deliveries: [Delivery<Store.Content>] = []
        var total = 0
        var through = last.revision
        let isLive = ids.contains { sessions[$0]?.isCaughtUp == true }
        let end = cuts.end(from: first.revision)
        // Who is behind may be so by a part of a message: better one that is larger than always others than the rest.
        let most = end == nil ? SyncProtocol.batchBytes : 2 * SyncProtocol.batchBytes
        for change in changes {
            if let end, change.revision > end {
                through = end
                break
            }
            var isAtHome = isLive && derived.contains(change.revision)
            if isAtHome { isAtHome = try !isSourceMissed(change, after: revision, in: changes) }
            let former = isLive ? change.entry.largeFile.flatMap { formerVersions[$0.digest] } : nil
            let attached =
                isAtHome ? .none : try attachment(for: change.entry, at: change.path, from: store, former: former)
            deliveries.append(Delivery(change: change, attachment: attached))
            total += weight(of: attached, size: store.size)
            if total >= most {
                through = change.revision
                break
            }
        }
        // A peer that has all that follows `revision` does not know of the newer one that something was left out for, and
        // would be taken for up to date by a hub that was set back to before that one.
        let isWhole = UInt64(deliveries.count) == through.rawValue - revision.rawValue
        let newest = isWhole ? through : published
        let revisions = deliveries.map { $0.change.revision }
        let authors = Set(
            ids.filter { id in
                guard let own = sessions[id]?.own, !own.isEmpty else { return false }
                return revisions.contains { own.contains($0) }
            })
        let others = authors.isEmpty ? ids : ids.filter { !authors.contains($0) }
        if !others.isEmpty { actions.append(.send(.changes(deliveries, through: through, newest: newest), to: others)) }
        for id in authors.sorted() {
            let own = sessions[id]?.own ?? []
            let lean = deliveries.map { delivery in
                own.contains(delivery.change.revision)
                    ? Delivery(change: delivery.change, attachment: .none) : delivery
            }
            actions.append(.send(.changes(lean, through: through, newest: newest), to: [id]))
        }
        for id in ids { sessions[id]?.sent(through: through, weight: max(total, 1)) }
        cuts.sent(through: through, weight: total)
    }

    /// Whether nobody hears any more of what had this content first: it was gone before it was sent, as what programs write
    /// beside a file to rename it to there.
    private func isSourceMissed(
        _ change: Change, after place: Revision, in page: ArraySlice<Change>
    ) throws(StoreFailure) -> Bool {
        guard case .file(let file) = change.entry, let source = introduced[file.digest], source.revision > place,
            !page.contains(where: { $0.revision == source.revision })
        else { return false }
        return try reconciler.record(at: source.path).remote.revision != source.revision
    }

    /// The feed after `revision`, from what was read ahead where that goes on there. A row read ahead may be superseded
    /// by now: it is sent all the same, and the newer one comes later in the feed.
    private mutating func feed(after revision: Revision) throws(StoreFailure) -> ArraySlice<Change> {
        if revision >= freshStart, let start = fresh.firstIndex(where: { $0.revision > revision }) {
            return fresh[start...].prefix(SyncProtocol.batchEntries)
        }
        if let start = readAhead.firstIndex(where: { $0.revision > revision }), readAheadStart <= revision {
            readAhead = readAhead[start...]
        } else {
            readAhead = try store.feed(after: revision, limit: SyncProtocol.batchEntries)[...]
        }
        readAheadStart = revision
        return readAhead
    }
}
