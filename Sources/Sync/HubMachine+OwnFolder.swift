package import Tree

// The hub's own disk: one more replica, whose submissions are judged where they arise.
extension HubMachine {
    /// Works off some of what wants a look, publishes what came of it, and sends out that and what else is due: peers
    /// have work while this goes on (``HubAction/goOn``), and what they say is heard in between. Nothing is looked at
    /// while what was published before can still be sent, up to ``messagesBetweenLooks``.
    package mutating func settled() throws(StoreFailure) -> [Action] {
        if messagesSinceLook < Self.messagesBetweenLooks, !reconciler.deletions.isPermitting, backlog.hasDirty,
            isFeedDue
        {
            try serve()
        } else {
            messagesSinceLook = 0
            try workOff()
            try serve()
        }
        if !goesOn, !due.isEmpty || backlog.hasDirty {
            goesOn = true
            actions.append(.goOn)
        }
        return takeActions()
    }

    /// So many messages at the most: somebody may always be behind. As many as a peer makes durable together.
    private static var messagesBetweenLooks: Int { SyncProtocol.joinedBytes / SyncProtocol.batchBytes }

    /// Whether somebody can be sent more of the feed at once.
    private var isFeedDue: Bool {
        due.contains { id in
            guard let place = sessions[id]?.place else { return false }
            return place < head
        }
    }

    /// Looks at some of what wants it, and publishes what came of it.
    private mutating func workOff() throws(StoreFailure) {
        var room = step
        // What was judged together goes together.
        while backlog.hasDirty, room > 0 || reconciler.deletions.isPermitting {
            let some = backlog.take(step)
            room -= some.count
            var inner: [RelativePath] = []
            for (path, rereading) in some {
                if try settle(path, rereading: rereading) == .waiting(.children) { inner.append(path) }
            }
            // Directories go after what was in them, the innermost first.
            for path in inner.reversed() { try settle(path, rereading: false) }
            try finishBatch()
            backlog.unblockMoved()
        }
        forgetReleased()
    }

    @discardableResult
    mutating func settle(
        _ path: RelativePath, rereading: Bool, canWait: Bool = true
    ) throws(StoreFailure) -> Standing {
        let standing = try reconciler.reconcile(path, rereading: rereading, canWait: canWait)
        backlog.note(path, standing)
        try acceptOwn()
        if standing != .waiting(.content) { absent.remove(path) }
        if standing == .settled || standing == .submitted { try tellFound(at: path) }
        while let former = reconciler.formerNames.popLast() {
            backlog.take(former)
            try settle(former, rereading: false, canWait: false)
        }
        return standing
    }

    /// The hub's own submissions are judged where they arise, so that what is inside a new directory finds it live.
    private mutating func acceptOwn() throws(StoreFailure) {
        for submission in reconciler.submissions {
            switch try judge(submission) {
            case .acceptable:
                let was = try reconciler.record(at: submission.path).base.entry
                let change = try accept(submission, author: name)
                try reconciler.accepted(submission.path, at: change.revision)
                reconciler.notices.append(.sent(change, was: was))
            case .verdict(.accepted(let revision)):
                try reconciler.accepted(submission.path, at: revision)
                backlog.add(submission.path)
            case .verdict(.blocked):
                try reconciler.withdrawn(submission.path)
                backlog.block(submission.path)
            case .verdict:
                try reconciler.withdrawn(submission.path)
                backlog.add(submission.path)
            }
        }
        reconciler.submissions.removeAll()
    }

    mutating func finishBatch() throws(StoreFailure) {
        for content in reconciler.missing { try lack(content) }
        reconciler.missing.removeAll()
        for path in reconciler.touched { backlog.add(path) }
        reconciler.touched.removeAll()
        try publish()
        try reconciler.commit(cursor: nil, durably: false)
        try reconciler.dropSuperseded()
    }
}
