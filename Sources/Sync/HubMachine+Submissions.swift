import Tree

extension HubMachine {
    /// Judges what a peer offers: what can be accepted at once is, in one batch; what lacks content is held until the
    /// peer has sent that.
    mutating func judge(_ offers: [Offer<Store.Content>], from id: SessionID) throws(StoreFailure) {
        guard sessions[id]?.isSuperseded == false else {
            // Who is still here to read it is a copy of the one that has.
            return end(id, .copied, "the replica has connected anew")
        }
        var settlements: [Settlement] = []
        var paths: [RelativePath] = []
        let refused = sessions[id]?.refusedDeletions ?? 0
        for offer in offers {
            guard sessions[id]?.isClosing == false else { break }
            guard let verdict = try consider(offer, from: id) else { continue }
            settlements.append(Settlement(number: offer.number, verdict: verdict))
            guard case .accepted = verdict else { continue }
            paths.append(offer.submission.path)
            guard offer.submission.path.isRuleFile, offer.submission.entry.isLive else { continue }
            // What comes behind rules is judged by them, as it was where it comes from.
            try reconciler.flush()
            try publish()
            for path in paths { try settle(path, rereading: false) }
            paths.removeAll()
        }
        if let session = sessions[id], session.refusedDeletions > refused {
            let held = HeldDeletions(
                count: session.refusedDeletions, total: try store.liveCount(), author: session.name, isAtHub: true)
            reconciler.notices.append(.held(held))
        }
        try reconciler.flush()
        try publish()
        if !settlements.isEmpty { actions.append(.send(.settled(settlements), to: [id])) }
        // Everyone else hears of it before this disk is brought up to date.
        try serve()
        for path in paths { try settle(path, rereading: false) }
        try finishBatch()
    }

    /// The verdict on one offer; nil while its content is awaited.
    private mutating func consider(
        _ offer: Offer<Store.Content>, from id: SessionID
    ) throws(StoreFailure) -> Verdict? {
        guard let session = sessions[id] else { return nil }
        guard !session.isReadOnly else { return .refused(.readOnly) }
        let submission = offer.submission
        if case .verdict(let verdict) = try judge(submission) { return verdict }
        if try isIgnored(submission) { return .refused(.ignored) }
        guard !offer.isInquiry else {
            return .lost(try reconciler.record(at: submission.path).remote.revision)
        }
        if try refusesDeletion(submission, from: id) { return .refused(.guarded) }
        if case .file(let file) = submission.entry {
            guard try isListAcceptable(offer.attachment, of: file) else {
                end(id, .violation, "a chunk list is not that of its file")
                return nil
            }
            var content: Store.Content?
            if case .content(let bytes) = offer.attachment { content = bytes }
            switch try reconciler.prepare(file, at: submission.path, content: content) {
            case .ready: break
            case .missing:
                hold(offer, file.digest, from: id)
                return nil
            case .mismatch:
                end(id, .violation, "content does not match its digest")
                return nil
            case .problem(let problem):
                return .refused(problem.reason == .noSpace ? .noSpace : .invalid)
            }
        }
        let current = try reconciler.record(at: submission.path).remote.entry
        let change = try accept(submission, author: session.name)
        // Only now: what is asked for content first is judged twice, and may come to nothing.
        if submission.entry.isLive, !current.isLive {
            sessions[id]?.deletions.created()
            creators.insert(id)
        }
        sessions[id]?.own.insert(change.revision)
        return .accepted(change.revision)
    }

    /// What the hub ignores nobody can change here: it could keep no content of it, nor take it away.
    private func isIgnored(_ submission: Submission) throws(StoreFailure) -> Bool {
        let current = try reconciler.record(at: submission.path).remote.entry
        let isDirectory = submission.entry.isDirectory || (submission.entry.isTombstone && current.isDirectory)
        return store.ignores(submission.path, isDirectory: isDirectory)
    }

    private func isListAcceptable(
        _ attachment: Attachment<Store.Content>, of file: Entry.File
    ) throws(StoreFailure) -> Bool {
        switch attachment {
        case .list(let list): try store.receive(list: list, of: file.digest)
        case .difference(let difference, let former):
            try store.receive(difference: difference, from: former, of: file)
        case .none, .content: true
        }
    }

    private mutating func hold(_ offer: Offer<Store.Content>, _ file: Digest, from id: SessionID) {
        for content in reconciler.missing where content.file == file {
            sessions[id]?.transfers.add(content)
        }
        reconciler.missing.removeAll { $0.file == file }
        if sessions[id]?.hold(offer, file) == false {
            end(id, .violation, "a peer offered too much at a time")
        }
    }

    /// Content that a peer was asked for.
    mutating func receive(_ supply: Supply<Store.Content>, from id: SessionID) throws(StoreFailure) {
        let file = supply.file
        guard !supply.isFound else { return ask(id, for: file) }
        var ready: [RelativePath] = []
        if let list = supply.list, sessions[id]?.transfers.awaits(listOf: file) == true {
            guard try store.receive(list: list, of: file) else {
                return end(id, .violation, "a chunk list is not that of its file")
            }
            ready += sessions[id]?.transfers.received(listOf: file) ?? []
        }
        for (digest, content) in supply.chunks
        where sessions[id]?.transfers.awaits(chunk: digest, of: file) == true {
            guard try store.receive(chunk: content, digest: digest, of: file) else {
                if supply.isCompared { return end(id, .violation, "a chunk does not match its digest") }
                sessions[id]?.transfers.doubt(chunk: digest, of: file)
                continue
            }
            ready += sessions[id]?.transfers.received(chunk: digest, of: file) ?? []
        }
        if supply.isInVain {
            // The peer's copy has changed since; what it is now will be offered in its turn.
            _ = sessions[id]?.transfers.unavailable(file)
            giveUp(file)
            store.abandon(file)
            let offers: [Offer<Store.Content>] = sessions[id]?.release(file) ?? []
            let settlements = offers.map { Settlement(number: $0.number, verdict: .refused(.contentUnavailable)) }
            if !settlements.isEmpty { actions.append(.send(.settled(settlements), to: [id])) }
        }
        guard !ready.isEmpty else { return }
        let offers: [Offer<Store.Content>] = sessions[id]?.release(file) ?? []
        if !offers.isEmpty { try judge(offers, from: id) }
        for path in ready where absent.remove(path) { backlog.add(path) }
    }
}
