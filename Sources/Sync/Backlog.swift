package import Tree

/// Paths of one replica that want another look, and why not at once.
package struct Backlog {
    /// To be looked at now; the value asks for the content to be read whatever the fingerprint says.
    package private(set) var dirty: [RelativePath: Bool] = [:]
    /// Wait for another path: looked at again whenever anything has moved.
    private var blocked: Set<RelativePath> = []
    /// Change too fast: looked at again soon.
    private var unstable: Set<RelativePath> = []
    /// Can't be settled as things are: looked at again now and then.
    package private(set) var problems: Set<RelativePath> = []
    /// Lost to a revision that the feed has not brought yet.
    private var overtaken: [RelativePath: Revision] = [:]

    package init() {}

    /// Whether nothing waits for anything but a person. What is blocked may be so by a path that has a problem.
    package var isSettled: Bool {
        dirty.isEmpty && unstable.isEmpty && overtaken.isEmpty && (blocked.isEmpty || !problems.isEmpty)
    }

    package var hasUnstable: Bool { !unstable.isEmpty }

    package mutating func add(_ path: RelativePath, rereading: Bool = false) {
        guard overtaken[path] == nil else { return }
        dirty[path] = rereading || dirty[path] == true
    }

    /// Takes up to `limit` dirty paths, parents before what is inside them.
    package mutating func take(_ limit: Int) -> [(path: RelativePath, rereading: Bool)] {
        if dirty.count <= limit {
            defer { dirty.removeAll(keepingCapacity: true) }
            return dirty.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        // Any will do as long as a parent that is dirty as well is settled first; the reconciler sees to that.
        let taken = dirty.prefix(limit).sorted { $0.key < $1.key }
        for (path, _) in taken { dirty[path] = nil }
        return taken.map { ($0.key, $0.value) }
    }

    /// Notes where an attempt to settle a path left it.
    package mutating func note(_ path: RelativePath, _ standing: Standing) {
        blocked.remove(path)
        unstable.remove(path)
        problems.remove(path)
        switch standing {
        case .settled, .submitted: break
        case .waiting(.verdict), .waiting(.content), .waiting(.role): break
        case .waiting(.parent), .waiting(.children): blocked.insert(path)
        case .waiting(.unstable): unstable.insert(path)
        case .waiting(.problem): problems.insert(path)
        }
    }

    /// The path's offer lost to `revision`: it is looked at again when the feed has brought that.
    package mutating func lost(_ path: RelativePath, to revision: Revision) {
        dirty[path] = nil
        overtaken[path] = revision
    }

    /// The feed was read up to `revision`.
    package mutating func reached(_ revision: Revision) {
        guard !overtaken.isEmpty else { return }
        for (path, awaited) in overtaken where awaited <= revision {
            overtaken[path] = nil
            add(path)
        }
    }

    package mutating func block(_ path: RelativePath) {
        blocked.insert(path)
    }

    /// Something moved: what waited for another path is looked at again.
    package mutating func unblock() {
        for path in blocked { add(path) }
        blocked.removeAll()
    }

    /// What changed too fast is looked at again.
    package mutating func retryUnstable() {
        for path in unstable { add(path, rereading: true) }
        unstable.removeAll()
    }

    package mutating func retryProblems() {
        for path in problems { add(path) }
        problems.removeAll()
    }

    /// The connection is gone, and with it what was awaited from it.
    package mutating func disconnected() {
        for path in overtaken.keys { dirty[path] = dirty[path] ?? false }
        overtaken.removeAll()
    }
}
