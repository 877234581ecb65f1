import Tree

extension HubMachine {
    /// Sends every session what its window and its socket have room for: content it asked for, questions, and the
    /// feed. Sessions at the same place in the feed get the same message. Of the feed each gets one message at a time,
    /// so that what a session's socket does not take is not read for it, and others have their turn.
    mutating func serve() throws(StoreFailure) {
        for id in sessions.keys.sorted() { try serveContent(id) }
        var groups: [Revision: [SessionID]] = [:]
        for (id, session) in sessions where session.hasRoom && session.sent < head {
            groups[session.sent, default: []].append(id)
        }
        for (revision, ids) in groups.sorted(by: { $0.key < $1.key }) {
            try sendFeed(after: revision, to: ids.sorted())
        }
        if !goesOn, sessions.values.contains(where: { $0.hasRoom && $0.sent < head }) {
            goesOn = true
            actions.append(.goOn)
        }
        tellArrivals()
        let arrived = sessions.filter { $0.value.hasRoom && !$0.value.isCaughtUp && $0.value.sent == head }
        guard !arrived.isEmpty else { return }
        for id in arrived.keys { sessions[id]?.isCaughtUp = true }
        actions.append(.send(.caughtUp(head), to: arrived.keys.sorted()))
    }

    /// Tells those who want to know what all have applied.
    private mutating func tellArrivals() {
        guard sessions.values.contains(where: { !$0.awaited.isEmpty }) else { return }
        let all = sessions.values.filter { $0.isGreeted && !$0.isClosing }.map(\.applied).min() ?? head
        for id in sessions.keys.sorted() {
            for revision in sessions[id]?.takeAwaited(through: all) ?? [] {
                actions.append(.send(.everywhere(revision), to: [id]))
            }
        }
    }

    private mutating func serveContent(_ id: SessionID) throws(StoreFailure) {
        guard let session = sessions[id], session.isGreeted, !session.isClosing else { return }
        for want in sessions[id]?.transfers.wants() ?? [] { actions.append(.send(.want(want), to: [id])) }
        let store = store
        while let supply = try sessions[id]?.supplier.next(from: store) {
            if supply.isInVain { hasUnmet = true }
            actions.append(.send(.chunks(supply), to: [id]))
        }
    }

    private mutating func sendFeed(after revision: Revision, to ids: [SessionID]) throws(StoreFailure) {
        let changes = try feed(after: revision)
        guard let last = changes.last else {
            // Nothing but superseded revisions lies ahead.
            for id in ids { sessions[id]?.sent(through: head, weight: 0) }
            return
        }
        var deliveries: [Delivery<Store.Content>] = []
        var total = 0
        var through = last.revision
        let isLive = ids.contains { sessions[$0]?.isCaughtUp == true }
        for change in changes {
            let isAtHome = isLive && derived.contains(change.revision)
            let attached = isAtHome ? .none : try attachment(for: change.entry, at: change.path, from: store)
            deliveries.append(Delivery(change: change, attachment: attached))
            total += weight(of: attached, size: store.size)
            if total >= SyncProtocol.batchBytes {
                through = change.revision
                break
            }
        }
        let revisions = deliveries.map { $0.change.revision }
        let authors = ids.filter { id in revisions.contains { sessions[id]?.own.contains($0) == true } }
        let others = ids.filter { !authors.contains($0) }
        if !others.isEmpty { actions.append(.send(.changes(deliveries, through: through), to: others)) }
        for id in authors {
            let own = sessions[id]?.own ?? []
            let lean = deliveries.map { delivery in
                own.contains(delivery.change.revision)
                    ? Delivery(change: delivery.change, attachment: .none) : delivery
            }
            actions.append(.send(.changes(lean, through: through), to: [id]))
        }
        for id in ids { sessions[id]?.sent(through: through, weight: max(total, 1)) }
    }

    /// The feed after `revision`, from what was read ahead where that goes on there. A row read ahead may be superseded
    /// by now: it is sent all the same, and the newer one comes later in the feed.
    private mutating func feed(after revision: Revision) throws(StoreFailure) -> ArraySlice<Change> {
        if let start = readAhead.firstIndex(where: { $0.revision > revision }), readAheadStart <= revision {
            readAhead = readAhead[start...]
        } else {
            readAhead = try store.feed(after: revision, limit: SyncProtocol.batchEntries)[...]
        }
        readAheadStart = revision
        return readAhead
    }
}
