import Tree

// Content that is not where it should be. Nobody asks again and again: peers are asked when they connect, and when they
// say that they have found it; and they are told when the hub has found what they asked for.
extension HubMachine {
    /// An accepted entry can't be put on this disk for want of content: whoever has it is asked.
    mutating func lack(_ content: MissingContent) throws(StoreFailure) {
        absent.add(content)
        if reconciler.gone.contains(content.file) { return try giveUp(content) }
        for id in sessions.keys where sessions[id]?.isGreeted == true { ask(id, for: content) }
    }

    mutating func ask(_ id: SessionID, for content: MissingContent) {
        sessions[id]?.transfers.add(content)
        due.insert(id)
    }

    /// A peer has found what it did not have when it was asked.
    mutating func ask(_ id: SessionID, for file: Digest) {
        reconciler.gone.remove(file)
        for content in absent.of(file) { ask(id, for: content) }
    }

    /// A peer does not have what it was asked for; if no other one was, nobody has it, whatever it was asked for on behalf
    /// of.
    mutating func giveUp(_ file: Digest) {
        let waiting = absent.of(file)
        guard !waiting.isEmpty, !sessions.values.contains(where: { $0.transfers.contains(file) }) else { return }
        reconciler.gone.insert(file)
        for content in waiting { backlog.add(content.path) }
    }

    /// Who was asked has gone without an answer. Where all others have given theirs, nobody has it; where there are none, it
    /// is they who are waited for.
    mutating func giveUp(whatWasAskedOf session: HubSession) {
        guard sessions.values.contains(where: \.isGreeted) else { return }
        for file in absent.files where session.transfers.contains(file) { giveUp(file) }
    }

    /// What was to be brought back waits for a person, and the rest for a peer that has it.
    private mutating func giveUp(_ content: MissingContent) throws(StoreFailure) {
        let held = backlog.held.count
        if try holdAgain(content.path) {
            absent.remove(content.path)
        } else if backlog.lacks(content.path, content.file) {
            reconciler.notices.append(.problem(content.path, Problem(.contentGone, operation: "fetch")))
        }
        if backlog.held.count > held, let held = heldDeletions { reconciler.notices.append(.held(held)) }
    }

    /// What was asked for in vain, here or by peers, may be at this path by now.
    mutating func tellFound(at path: RelativePath) throws(StoreFailure) {
        guard !unmet.isEmpty || !reconciler.gone.isEmpty,
            case .file(let file) = try reconciler.record(at: path).base.entry
        else { return }
        for id in unmet {
            sessions[id]?.supplier.found(file.digest)
            due.insert(id)
        }
        unmet = unmet.filter { sessions[$0]?.supplier.hasUnmet == true }
        if reconciler.gone.remove(file.digest) != nil { backlog.found(file.digest) }
    }
}
