package import Tree

// Guarding against mass deletions: the hub's own, and those of peers.
extension HubMachine {
    package mutating func use(_ limit: DeletionLimit) {
        deletionLimit = limit
        reconciler.deletions.limit = limit
        for id in sessions.keys { sessions[id]?.deletions.limit = limit }
        for name in guests.keys { guests[name]?.limit = limit }
    }

    package mutating func beginDeletionWindow() {
        isConfirmed = false
        reconciler.deletions.beginWindow()
        guests.removeAll()
        creators.removeAll()
        for id in sessions.keys { sessions[id]?.deletions.beginWindow() }
    }

    package var deletionCredit: Int {
        creators.reduce(reconciler.deletions.credit) { $0 + (sessions[$1]?.deletions.credit ?? 0) }
    }

    package mutating func forgetDeletionCredit() {
        reconciler.deletions.forgetCredit()
        for id in creators { sessions[id]?.deletions.forgetCredit() }
        creators.removeAll()
    }

    /// What the hub refused to peers is offered again when they connect again.
    package mutating func confirmDeletions() throws(StoreFailure) -> [Action] {
        releaseHeld(isConfirmed: true)
        isConfirmed = true
        for (id, session) in sessions.sorted(by: { $0.key < $1.key }) where session.refusedDeletions > 0 {
            end(id, .ended, "what was deleted here was confirmed at the hub")
        }
        return try settled()
    }

    /// What peers have deleted and this hub does not take.
    package var refusedDeletions: [HeldDeletions] {
        sessions.sorted { $0.key < $1.key }.compactMap { _, session in
            guard session.refusedDeletions > 0, !session.isClosing else { return nil }
            return HeldDeletions(
                count: session.refusedDeletions, total: (try? store.liveCount()) ?? 0, author: session.name,
                isAtHub: true)
        }
    }

    /// Whether a peer's deletion is one too many.
    mutating func refusesDeletion(_ submission: Submission, from id: SessionID) throws(StoreFailure) -> Bool {
        let current = try reconciler.record(at: submission.path).remote.entry
        guard var deletions = sessions[id]?.deletions, current.isLive, !submission.entry.isLive else { return false }
        var isRefused = false
        if current.isDirectory {
            deletions.removedDirectory()
        } else if !submission.isConfirmed, !isConfirmed {
            let store = store
            isRefused = try !deletions.admits { () throws(StoreFailure) in try store.liveCount() }
        }
        sessions[id]?.deletions = deletions
        if isRefused { sessions[id]?.refusedDeletions += 1 }
        return isRefused
    }
}
