package import Tree

/// Paths of one replica that want another look, and why not at once.
package struct Backlog {
    /// To be looked at now; the value asks for the content to be read whatever the fingerprint says.
    private var dirty: [RelativePath: Bool] = [:]
    /// The keys of `dirty` as they came, which is the order of events: what was renamed is met under its new name before
    /// the old one is given up. Holds some that are not dirty any more.
    private var queue: ArraySlice<RelativePath> = []
    /// Wait for another path: looked at again whenever anything has moved.
    private var blocked: Set<RelativePath> = []
    /// What was settled since then: who is blocked above or inside of these may go on.
    private var moved: Set<RelativePath> = []
    /// Change too fast: looked at again soon.
    private var unstable: Set<RelativePath> = []
    /// Are being read: told of again when that is over.
    private var reading: Set<RelativePath> = []
    /// Can't be settled as things are: looked at again now and then.
    package private(set) var problems: Set<RelativePath> = []
    /// Deletions that wait until it is known how many there are, or for somebody to say that they are meant.
    package private(set) var held: Set<RelativePath> = []
    /// Refused by rules of the hub: looked at again when rules change, and with the next connection.
    private var unwanted: Set<RelativePath> = []
    /// Wait for content that nobody who could be asked has, of these digests: asked for again when somebody may have it.
    private var gone: [RelativePath: Digest] = [:]
    /// Local changes that are to stay here.
    package private(set) var unsent: Set<RelativePath> = []
    /// Lost to a revision that the feed has not brought yet.
    private var overtaken: [RelativePath: Revision] = [:]

    package init() {}

    /// Whether nothing waits for anything but a person. What is blocked may be so by a path that has a problem, or that
    /// is held, or that the hub ignores.
    ///
    /// - Parameter isHolding: Whether it is a person that what is held waits for.
    package func isSettled(isHolding: Bool) -> Bool {
        !hasDirty && passing.isEmpty && overtaken.isEmpty && (held.isEmpty || isHolding)
    }

    /// What is settled by itself after a while: what is blocked may wait for what is not.
    var passing: Set<RelativePath> {
        let isStuck = !problems.isEmpty || !held.isEmpty || !unwanted.isEmpty || !gone.isEmpty
        let soon = reading.isEmpty ? unstable : unstable.union(reading)
        return isStuck ? soon : soon.union(blocked)
    }

    /// Deletions that wait, directories included.
    var heldCount: Int { held.isEmpty ? 0 : held.count + blocked.count }

    package var hasUnstable: Bool { !unstable.isEmpty }

    package var hasDirty: Bool { !dirty.isEmpty }

    /// Whether a path waits for anything but a person or another path.
    ///
    /// - Parameter isHolding: Whether it is a person that what is held waits for.
    func isPending(_ path: RelativePath, isHolding: Bool) -> Bool {
        dirty[path] != nil || unstable.contains(path) || reading.contains(path) || overtaken[path] != nil
            || (!isHolding && held.contains(path)) || (blocked.contains(path) && !isStuck(isHolding: isHolding))
    }

    /// The paths of which ``isPending(_:isHolding:)`` is true.
    func pending(isHolding: Bool) -> Set<RelativePath> {
        var all = Set(dirty.keys).union(unstable).union(reading).union(overtaken.keys)
        if !isHolding { all.formUnion(held) }
        if !isStuck(isHolding: isHolding) { all.formUnion(blocked) }
        return all
    }

    /// Whether what is blocked may wait for what is not settled by itself.
    private func isStuck(isHolding: Bool) -> Bool {
        !problems.isEmpty || (isHolding && !held.isEmpty) || !gone.isEmpty
    }

    package mutating func add(_ path: RelativePath, rereading: Bool = false) {
        guard overtaken.isEmpty || overtaken[path] == nil else { return }
        if dirty.updateValue(rereading || dirty[path] == true, forKey: path) == nil { queue.append(path) }
    }

    /// Takes up to `limit` dirty paths, the oldest, parents before what is inside them. Where a parent is dirty and not
    /// among them, the reconciler sees to it.
    package mutating func take(_ limit: Int) -> [(path: RelativePath, rereading: Bool)] {
        var taken: [(path: RelativePath, rereading: Bool)] = []
        while taken.count < limit, let path = queue.popFirst() {
            if let rereading = dirty.removeValue(forKey: path) { taken.append((path, rereading)) }
        }
        if queue.isEmpty { queue = [] }
        return taken.sorted { $0.path < $1.path }
    }

    /// Takes a path out of turn.
    package mutating func take(_ path: RelativePath) {
        dirty[path] = nil
    }

    /// Notes where an attempt to settle a path left it.
    package mutating func note(_ path: RelativePath, _ standing: Standing) {
        forget(path)
        if standing != .waiting(.content), !gone.isEmpty { gone[path] = nil }
        switch standing {
        case .settled: if !blocked.isEmpty { moved.insert(path) }
        case .submitted: break
        case .waiting(.verdict), .waiting(.content), .waiting(.rules), .waiting(.untaken): break
        case .waiting(.unsent): unsent.insert(path)
        case .waiting(.parent): blocked.insert(path)
        case .waiting(.children):
            blocked.insert(path)
            // No signal may ever come for these, and what they are in the way of is news.
            for inside in gone.keys.filter({ $0.isInside(path) }).sorted() { add(inside) }
        case .waiting(.unstable): unstable.insert(path)
        case .waiting(.reading): reading.insert(path)
        case .waiting(.problem), .waiting(.role): problems.insert(path)
        case .waiting(.held): held.insert(path)
        }
    }

    /// Nearly always nothing waits for anything, and even an empty set would hash the path.
    private mutating func forget(_ path: RelativePath) {
        if !blocked.isEmpty { blocked.remove(path) }
        if !unstable.isEmpty { unstable.remove(path) }
        if !reading.isEmpty { reading.remove(path) }
        if !problems.isEmpty { problems.remove(path) }
        if !held.isEmpty { held.remove(path) }
        if !unwanted.isEmpty { unwanted.remove(path) }
        if !unsent.isEmpty { unsent.remove(path) }
    }

    /// The path's offer lost to `revision`: it is looked at again when the feed has brought that.
    package mutating func lost(_ path: RelativePath, to revision: Revision) {
        dirty[path] = nil
        overtaken[path] = revision
    }

    /// The feed was read up to `revision`.
    package mutating func reached(_ revision: Revision) {
        guard !overtaken.isEmpty else { return }
        for (path, _) in overtaken.filter({ $0.value <= revision }).sorted(by: { $0.key < $1.key }) {
            overtaken[path] = nil
            add(path)
        }
    }

    /// The hub's rules leave the path out.
    package mutating func refused(_ path: RelativePath) {
        note(path, .waiting(.rules))
        unwanted.insert(path)
    }

    /// Whether the path lies in a directory that the hub's rules leave out.
    package func isInsideRefused(_ path: RelativePath) -> Bool {
        !unwanted.isEmpty && path.ancestors.contains { unwanted.contains($0) }
    }

    package mutating func retryUnwanted() {
        for path in unwanted.sorted() { add(path) }
        unwanted.removeAll()
    }

    /// Nobody who could be asked has the content of this file, for which the path waits.
    ///
    /// - Returns: Whether that is news.
    package mutating func lacks(_ path: RelativePath, _ file: Digest) -> Bool {
        note(path, .waiting(.content))
        return gone.updateValue(file, forKey: path) != file
    }

    /// Paths whose content nobody who could be asked has.
    package var lacking: Set<RelativePath> { Set(gone.keys) }

    /// Somebody has this file by now.
    package mutating func found(_ file: Digest) {
        for path in gone.filter({ $0.value == file }).keys.sorted() { add(path) }
    }

    package mutating func block(_ path: RelativePath) {
        blocked.insert(path)
    }

    /// Something moved: what waited for another path is looked at again.
    package mutating func unblock() {
        for path in blocked.sorted() { add(path) }
        blocked.removeAll()
        moved.removeAll()
    }

    /// Nothing is dirty any more: what may have waited for a path that was settled since the last time is looked at again.
    mutating func unblockMoved() {
        guard !moved.isEmpty, !hasDirty else { return }
        let above = Set(moved.lazy.flatMap(\.ancestors))
        let free = blocked.filter { above.contains($0) || $0.ancestors.contains(where: moved.contains) }
        moved.removeAll()
        for path in free.sorted() { add(path) }
        blocked.subtract(free)
    }

    /// What changed too fast is looked at again.
    package mutating func retryUnstable() {
        for path in unstable.sorted() { add(path, rereading: true) }
        unstable.removeAll()
    }

    package mutating func retryProblems() {
        for path in problems.sorted() { add(path) }
        problems.removeAll()
    }

    /// What was held is looked at again.
    package mutating func release() {
        for path in held.sorted() { add(path) }
        held.removeAll()
    }

    /// The connection is gone, and with it what was awaited from it.
    package mutating func disconnected() {
        let waiting = overtaken.keys
        overtaken.removeAll()
        for path in waiting.sorted() { add(path) }
        retryUnwanted()
    }
}
