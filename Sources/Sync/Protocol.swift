import Tree

/// What both machines agree on without saying it.
package enum SyncProtocol {
    /// The versions of the protocol that this build speaks. In 1 a delivery did not build on those before it.
    package static let versions: ClosedRange<UInt16> = 2...2
    /// How many bytes of the feed a peer may have been sent and not yet have made durable.
    package static let feedWindow = 8 * 1024 * 1024
    /// How many bytes of content go into one message, about.
    package static let batchBytes = 256 * 1024
    /// How many bytes of what arrived together are made durable together, about.
    package static let joinedBytes = 2 * 1024 * 1024
    /// How many entries go into one message at the most.
    package static let batchEntries = 1024
    /// How many submissions of a peer may be without a verdict.
    package static let offerWindow = 1024
    /// How many bytes of content submissions without a verdict may carry.
    package static let offerBytes = 4 * 1024 * 1024
    /// How many revisions a peer may wait for all others to apply, at a time.
    package static let awaitedRevisions = 64
    /// How many files may be waited for at a time.
    package static let transferLimit = 1024
}

/// What a message weighs in the flow windows: its content and a little for each entry.
func weight<Content>(of attachment: Attachment<Content>, size: (Content) -> Int) -> Int {
    switch attachment {
    case .none: 128
    case .content(let content), .list(let content), .difference(let content, _): 128 + size(content)
    }
}

/// Attaches a file's content to what is said of it, or its chunk list; of that no more than is new, if the other side has
/// the list of `former`, as a rule.
func attachment<Store: ReplicaStore>(
    for entry: Entry, at path: RelativePath, from store: Store, former: Digest?
) throws(StoreFailure) -> Attachment<Store.Content> {
    guard case .file(let file) = entry else { return .none }
    if file.isOneChunk {
        guard let content = try store.content(of: file, at: path) else { return .none }
        return .content(content)
    }
    if let former, let difference = try store.difference(of: file.digest, from: former) {
        return .difference(difference, from: former)
    }
    guard let list = try store.list(of: file.digest) else { return .none }
    return .list(list)
}
