import Tree

/// The hub's order as it must be, followed row by row beside the hub's own.
struct Order {
    private(set) var heads: [RelativePath: Version] = [:]
    private var last: Revision = .zero
    /// Digests of files that a hub has accepted, in whatever history.
    private(set) var acknowledged: Set<Digest> = []

    /// The hub begins from what its index holds now.
    mutating func restart(from index: SimIndex) {
        heads = index.records.mapValues(\.remote).filter { $0.value.revision > .zero }
        last = index.cursor.revision
    }

    /// Takes the next row; returns what it replaced.
    mutating func take(_ row: SimLog.Row) throws(Violation) -> Entry {
        let change = row.change
        guard change.revision == last.next else {
            throw Violation(invariant: "I8", text: "revision \(change.revision) after \(last)")
        }
        let current = heads[change.path] ?? .never
        guard row.base == current.revision else {
            throw Violation(
                invariant: "I8",
                text: "\(change.path) at \(change.revision) was made on \(row.base), not on \(current.revision)")
        }
        try checkShape(change)
        last = change.revision
        heads[change.path] = change.version
        if case .file(let file) = change.entry { acknowledged.insert(file.digest) }
        return current.entry
    }

    private func checkShape(_ change: Change) throws(Violation) {
        if change.entry.isLive, let parent = change.path.parent, heads[parent]?.entry.isDirectory != true {
            throw Violation(
                invariant: "I16", text: "\(change.path) at \(change.revision) is live, and its parent no directory")
        }
        guard !change.entry.isDirectory, heads[change.path]?.entry.isDirectory == true else { return }
        if let inside = heads.first(where: { $0.key.isInside(change.path) && $0.value.entry.isLive }) {
            throw Violation(
                invariant: "I16", text: "\(change.path) at \(change.revision) is no directory, and holds \(inside.key)")
        }
    }

    /// The tree at the head.
    var tree: [RelativePath: Entry] {
        heads.mapValues(\.entry).filter { $0.value.isLive }
    }
}
