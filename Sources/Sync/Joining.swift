import Tree

extension ReplicaStore {
    /// Joins what stands side by side in a row of messages: pieces of the feed, and submissions. What arrived together
    /// is flushed and saved together, so the cost of that is shared by more the further behind the receiver is.
    func joined(_ messages: [Message<Content>]) -> [Message<Content>] {
        guard messages.count > 1 else { return messages }
        var joined: [Message<Content>] = []
        var size = 0
        for message in messages {
            let added = weight(of: message)
            if let last = joined.last, size + added <= SyncProtocol.joinedBytes, let both = join(last, message) {
                joined[joined.count - 1] = both
                size += added
            } else {
                joined.append(message)
                size = added
            }
        }
        return joined
    }

    private func join(_ first: Message<Content>, _ second: Message<Content>) -> Message<Content>? {
        switch (first, second) {
        case (.changes(let deliveries, let through, let newest), .changes(let more, let end, let newer))
        where end >= through:
            .changes(deliveries + more, through: end, newest: max(newest, newer))
        case (.submit(let offers), .submit(let more)): .submit(offers + more)
        default: nil
        }
    }

    private func weight(of message: Message<Content>) -> Int {
        switch message {
        case .changes(let deliveries, _, _):
            deliveries.reduce(0) { $0 + Sync.weight(of: $1.attachment, size: size) }
        case .submit(let offers): offers.reduce(0) { $0 + Sync.weight(of: $1.attachment, size: size) }
        default: 0
        }
    }
}
