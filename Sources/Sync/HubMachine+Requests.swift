package import Tree

/// What became of a request of somebody who is no peer.
package enum RequestOutcome: Hashable, Sendable {
    /// All of it is in the feed; the last part of it at this revision.
    case accepted(Revision)
    /// Not all of it is, because of this part.
    case declined(RelativePath, Verdict)
}

// Changes that somebody asks for who keeps no replica: they are submissions like any other, judged at once, and made from
// what is there at that moment. What must be there first, whoever asks has looked up in the same turn.
extension HubMachine {
    /// Judges changes that belong together, in an order in which they can be accepted: all of them are, or none, unless
    /// one of them is in the way of another, which is known by then alone: what came before it stands.
    ///
    /// Answered when they are durable and, where nothing is in the way, on this disk.
    ///
    /// - Parameter content: Of the files among them, of one chunk each, by digest; larger ones are here already.
    package mutating func request(
        _ submissions: [Submission], content: [Digest: Store.Content] = [:], by author: String
    ) throws(StoreFailure) -> RequestOutcome {
        for submission in submissions {
            if let verdict = try obstacle(to: submission, content) {
                try reconciler.dropSuperseded()
                return .declined(submission.path, verdict)
            }
        }
        var outcome = RequestOutcome.accepted(head)
        var paths: [RelativePath] = []
        var made: Set<RelativePath> = []
        for submission in submissions {
            let verdict: Verdict
            switch try judge(submission) {
            case .verdict(let found): verdict = found
            case .acceptable:
                if submission.entry.isLive, try !reconciler.record(at: submission.path).remote.entry.isLive {
                    guests[author, default: DeletionGuard(deletionLimit)].created()
                }
                verdict = .accepted(try accept(submission, author: author).revision)
                made.insert(submission.path)
            }
            guard case .accepted(let revision) = verdict else {
                // What was accepted before it stands: it was what the rest needs to be.
                outcome = .declined(submission.path, verdict)
                break
            }
            outcome = .accepted(revision)
            paths.append(submission.path)
        }
        try reconciler.flush()
        try publish()
        try serve()
        for path in paths where made.contains(path) { try settle(path, rereading: false, canWait: false) }
        try finishBatch()
        return outcome
    }

    /// What no later part of a request can change.
    private mutating func obstacle(
        to submission: Submission, _ content: [Digest: Store.Content]
    ) throws(StoreFailure) -> Verdict? {
        let current = try reconciler.record(at: submission.path).remote
        guard current.revision == submission.base else { return .lost(current.revision) }
        let isDirectory = submission.entry.isDirectory || (submission.entry.isTombstone && current.entry.isDirectory)
        if store.ignores(submission.path, isDirectory: isDirectory) { return .refused(.ignored) }
        guard case .file(let file) = submission.entry, submission.entry != current.entry else { return nil }
        switch try reconciler.prepare(file, at: submission.path, content: content[file.digest]) {
        case .ready: return nil
        case .missing:
            reconciler.missing.removeAll { $0.path == submission.path }
            return .refused(.contentUnavailable)
        case .mismatch: return .refused(.invalid)
        case .problem(let problem): return .refused(problem.reason == .noSpace ? .noSpace : .invalid)
        }
    }

    /// Whether somebody who is no peer may delete this much more, and counts it then.
    package mutating func admitsDeletion(
        ofFiles files: Int, directories: Int, by author: String
    ) throws(StoreFailure) -> Bool {
        var deletions = guests[author] ?? DeletionGuard(deletionLimit)
        let store = store
        for _ in 0..<files where !isConfirmed {
            guard try deletions.admits(counting: { () throws(StoreFailure) in try store.liveCount() }) else {
                return false
            }
        }
        for _ in 0..<directories { deletions.removedDirectory() }
        guests[author] = deletions
        return true
    }
}
