import Tree

/// A peer's submissions that have no verdict yet.
struct OfferWindow {
    private var waiting: [UInt64: (path: RelativePath, weight: Int, isInquiry: Bool)] = [:]
    /// How many of them are of a path.
    private var counts: [RelativePath: Int] = [:]
    private var last: UInt64 = 0
    private var bytes = 0

    var isEmpty: Bool { waiting.isEmpty }
    var paths: Set<RelativePath> { Set(counts.keys) }
    func contains(_ path: RelativePath) -> Bool { counts[path] != nil }
    var hasRoom: Bool { room > 0 && bytes < SyncProtocol.offerBytes }
    var room: Int { SyncProtocol.offerWindow - waiting.count }

    mutating func add(_ path: RelativePath, weight: Int, isInquiry: Bool) -> UInt64 {
        last += 1
        waiting[last] = (path, weight, isInquiry)
        counts[path, default: 0] += 1
        bytes += weight
        return last
    }

    mutating func settle(_ number: UInt64) -> (path: RelativePath, isInquiry: Bool)? {
        guard let offer = waiting.removeValue(forKey: number) else { return nil }
        bytes -= offer.weight
        if let count = counts[offer.path] { counts[offer.path] = count > 1 ? count - 1 : nil }
        return (offer.path, offer.isInquiry)
    }
}

extension PeerMachine {
    /// Offers local changes. Their records say so durably before they are sent: whatever happens to this process, its
    /// own work is never taken for somebody else's.
    mutating func offer(_ submissions: [Submission]) throws(StoreFailure) {
        guard !submissions.isEmpty else { return }
        try reconciler.commit(cursor: nil, durably: true)
        var batch: [Offer<Store.Content>] = []
        var bytes = 0
        for submission in submissions {
            guard let attached = try attach(submission) else {
                // The file changed again since it was looked at.
                try reconciler.withdrawn(submission.path)
                backlog.add(submission.path)
                continue
            }
            let weight = weight(of: attached, size: store.size)
            let number = offers.add(submission.path, weight: weight, isInquiry: false)
            batch.append(Offer(number: number, submission: submission, attachment: attached, isInquiry: false))
            bytes += weight
            if bytes >= SyncProtocol.batchBytes {
                actions.append(.send(.submit(batch)))
                batch.removeAll()
                bytes = 0
            }
        }
        if !batch.isEmpty { actions.append(.send(.submit(batch))) }
    }

    /// What travels with a submission; nil if the content it names is gone.
    private func attach(_ submission: Submission) throws(StoreFailure) -> Attachment<Store.Content>? {
        guard case .file(let file) = submission.entry else { return Attachment.none }
        // The hub has what this replica once agreed on with it, under whichever name.
        if try store.knows(file.digest) { return Attachment.none }
        let former = try reconciler.record(at: submission.path).base.entry.largeFile
        let attached = try attachment(
            for: submission.entry, at: submission.path, from: store, former: former?.digest)
        if case .none = attached { return nil }
        return attached
    }

    /// Asks what became of submissions whose verdict was lost with a connection. Until it is known, nothing that comes
    /// for these paths can be judged.
    mutating func inquire() throws(StoreFailure) {
        var last: RelativePath?
        var batch: [Offer<Store.Content>] = []
        while true {
            let page = try store.unfinished(after: last, limit: 512)
            guard let end = page.last else { break }
            for record in page {
                guard let entry = record.offered else { continue }
                let submission = Submission(path: record.path, base: record.base.revision, entry: entry)
                let number = offers.add(record.path, weight: 0, isInquiry: true)
                batch.append(Offer(number: number, submission: submission, attachment: .none, isInquiry: true))
            }
            last = end.path
        }
        if !batch.isEmpty { actions.append(.send(.submit(batch))) }
    }

    /// Verdicts have come.
    mutating func settle(_ settlements: [Settlement]) throws(StoreFailure) {
        let held = backlog.held.count
        var newest = Revision.zero
        var haveRulesChanged = false
        for settlement in settlements {
            guard let offer = offers.settle(settlement.number) else {
                return violation("it settled what was not on offer")
            }
            if case .accepted(let revision) = settlement.verdict {
                newest = max(newest, revision)
                haveRulesChanged = haveRulesChanged || offer.path.isRuleFile
            }
            try settle(offer.path, settlement.verdict)
        }
        if backlog.held.count > held, let held = heldDeletions { reconciler.notices.append(.held(held)) }
        // What was offered with them was judged by those that the hub had before.
        if haveRulesChanged { backlog.retryUnwanted() }
        backlog.unblock()
        // What was accepted may lie beyond the cursor: what is known of the order includes it from now on.
        try reconciler.commit(cursor: cursor(knowing: newest), durably: true)
    }

    private mutating func settle(_ path: RelativePath, _ verdict: Verdict) throws(StoreFailure) {
        switch verdict {
        case .accepted(let revision):
            let was = try reconciler.accepted(path, at: revision)
            let record = try reconciler.record(at: path)
            if let was {
                let change = Change(path: path, version: record.base, author: name)
                reconciler.notices.append(.sent(change, was: was))
            }
            backlog.add(path)
            if path.isRuleFile { backlog.retryUnwanted() }
        case .lost(let revision):
            try reconciler.withdrawn(path)
            if try reconciler.record(at: path).remote.revision >= revision {
                backlog.add(path)
            } else {
                backlog.lost(path, to: revision)
            }
        case .blocked:
            try reconciler.withdrawn(path)
            backlog.block(path)
        case .refused(.contentUnavailable):
            try reconciler.withdrawn(path)
            backlog.add(path, rereading: true)
        case .refused(.guarded):
            try reconciler.withdrawn(path)
            backlog.note(path, .waiting(.held))
            reconciler.deletions.refusedByHub()
        case .refused(.ignored):
            try reconciler.withdrawn(path)
            backlog.refused(path)
            reconciler.notices.append(.problem(path, Problem(.ignored, operation: "submit")))
        case .refused(let refusal):
            try reconciler.withdrawn(path)
            backlog.note(path, .waiting(.problem))
            reconciler.notices.append(.problem(path, Problem(refusal)))
        }
    }
}

extension Problem {
    fileprivate init(_ refusal: Refusal) {
        switch refusal {
        case .readOnly: self.init(.readOnly, operation: "submit")
        case .noSpace: self.init(.noSpace, operation: "submit")
        case .ignored: self.init(.ignored, operation: "submit")
        case .invalid, .contentUnavailable, .guarded: self.init(.failed, operation: "submit")
        }
    }
}
