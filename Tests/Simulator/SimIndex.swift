import Tree

/// What a replica durably knows, in memory. A value: a copy of it is a backup, or what a power failure leaves.
struct SimIndex {
    var records: [RelativePath: Record] = [:]
    var cursor = Cursor.start
    /// A hub's terms, each with its first revision, in order.
    var terms: [(start: Revision, term: Term)] = []
    var lists: [Digest: [Digest]] = [:]

    /// Whether the replica and its hub agreed on a file of this digest, at whatever path.
    func hasAgreed(on digest: Digest) -> Bool {
        records.values.contains { record in
            if case .file(let file) = record.base.entry { file.digest == digest } else { false }
        }
    }
}

/// What a hub has accepted, in order. Every row is durable when it is there.
struct SimLog {
    struct Row: Hashable {
        let change: Change
        let base: Revision
    }

    private(set) var rows: [Row] = []
    private var successors: [Predecessor: Int] = [:]

    private struct Predecessor: Hashable {
        let path: RelativePath
        let base: Revision
    }

    mutating func append(_ row: Row) {
        let predecessor = Predecessor(path: row.change.path, base: row.base)
        if successors[predecessor] == nil { successors[predecessor] = rows.count }
        rows.append(row)
    }

    func successor(of base: Revision, at path: RelativePath) -> Version? {
        successors[Predecessor(path: path, base: base)].map { rows[$0].change.version }
    }

    /// The row of a revision: they are numbered without gaps.
    subscript(revision: Revision) -> Row? {
        guard let first = rows.first?.change.revision.rawValue, revision.rawValue >= first else { return nil }
        let place = revision.rawValue - first
        return place < UInt64(rows.count) ? rows[Int(place)] : nil
    }
}
