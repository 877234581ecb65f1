import Tree

// Content that is not where it should be. Nobody asks again and again: peers are asked when they connect, and when they
// say that they have found it; and they are told when the hub has found what they asked for.
extension HubMachine {
    /// An accepted entry can't be put on this disk for want of content: whoever has it is asked.
    mutating func lack(_ content: MissingContent) {
        absent[content.path] = content
        for id in sessions.keys where sessions[id]?.isGreeted == true { sessions[id]?.transfers.add(content) }
    }

    /// A peer has found what it did not have when it was asked.
    mutating func ask(_ id: SessionID, for file: Digest) {
        for content in absent.values where content.file == file { sessions[id]?.transfers.add(content) }
    }

    /// A peer does not have what it was asked for; if no other one was, what was to be brought back waits for a person,
    /// and the rest for a peer that has it.
    mutating func giveUp(_ file: Digest, for paths: [RelativePath]) throws(StoreFailure) {
        guard !sessions.values.contains(where: { $0.transfers.contains(file) }) else { return }
        let held = backlog.held.count
        for path in paths where absent[path]?.file == file {
            if try holdAgain(path) {
                absent[path] = nil
            } else if backlog.lacks(path, file) {
                reconciler.notices.append(.problem(path, Problem(.contentGone, operation: "fetch")))
            }
        }
        if backlog.held.count > held, let held = heldDeletions { reconciler.notices.append(.held(held)) }
    }

    /// What peers asked for in vain may be at this path by now.
    mutating func tellFound(at path: RelativePath) throws(StoreFailure) {
        guard hasUnmet, case .file(let file) = try reconciler.record(at: path).base.entry else { return }
        for id in sessions.keys { sessions[id]?.supplier.found(file.digest) }
        hasUnmet = sessions.values.contains { $0.supplier.hasUnmet }
    }
}
