import Tree

// What is submitted becomes the one order that all follow.
extension HubMachine {
    /// How the hub judges a submission, content apart.
    enum Judgement: Hashable {
        case verdict(Verdict)
        /// Nothing but its content stands between it and the feed.
        case acceptable
    }

    /// Compare-and-swap: the base must still be the path's revision, and the tree well formed afterwards.
    func judge(_ submission: Submission) throws(StoreFailure) -> Judgement {
        let record = try reconciler.record(at: submission.path)
        let current = record.remote
        if current.revision != submission.base {
            if let next = try successor(of: submission.base, at: submission.path), next.entry == submission.entry {
                return .verdict(.accepted(next.revision))
            }
            return .verdict(
                current.entry == submission.entry ? .accepted(current.revision) : .lost(current.revision))
        }
        if current.entry == submission.entry { return .verdict(.accepted(current.revision)) }
        if current.entry.isDirectory, !submission.entry.isDirectory,
            let inside = try reconciler.liveEntry(inside: submission.path)
        {
            return .verdict(.blocked(by: inside))
        }
        if submission.entry.isLive, let parent = submission.path.parent,
            try !reconciler.record(at: parent).remote.entry.isDirectory
        {
            return .verdict(.blocked(by: parent))
        }
        return .acceptable
    }

    private func successor(of base: Revision, at path: RelativePath) throws(StoreFailure) -> Version? {
        if let (change, _) = accepted.first(where: { $0.base == base && $0.change.path == path }) {
            return change.version
        }
        return try store.successor(of: base, at: path)
    }

    /// Gives an acceptable submission the next revision. It is in nobody's feed before ``publish()``.
    mutating func accept(_ submission: Submission, author: String) throws(StoreFailure) -> Change {
        // Nobody who begins from here on is concerned: what they lack is sent along.
        if !sessions.isEmpty, case .file(let file) = submission.entry {
            if try store.knows(file.digest) {
                derived.insert(head.next)
            } else {
                introduced[file.digest] = (submission.path, head.next)
            }
        }
        head = head.next
        term = ownTerm
        let version = Version(revision: head, entry: submission.entry)
        let change = Change(path: submission.path, version: version, author: author)
        accepted.append((change, submission.base))
        var record = try reconciler.record(at: submission.path)
        if let new = submission.entry.largeFile, let old = record.remote.entry.largeFile, new.digest != old.digest {
            if formerVersions.count >= 1000 { formerVersions.removeAll() }
            formerVersions[new.digest] = old.digest
        }
        record.heard(version, from: author)
        reconciler.put(record)
        return change
    }

    /// Makes what was accepted durable. Only then may anyone hear of it.
    mutating func publish() throws(StoreFailure) {
        guard !accepted.isEmpty else { return }
        let changes = accepted.map(\.change)
        try reconciler.commit(accepting: changes, bases: accepted.map(\.base), cursor: cursor)
        accepted.removeAll(keepingCapacity: true)
        hasPublished = true
        if !sessions.isEmpty {
            fresh = changes
            freshStart = published
        }
        published = head
        if derived.count > 100_000 { derived.removeAll() }
        if introduced.count > 100_000 { introduced.removeAll() }
        backlog.unblock()
    }
}
