import Tree

/// What a replica durably knows, in memory. A value: a copy of it is a backup, or what a power failure leaves.
struct SimIndex {
    var records: [RelativePath: Record] = [:]
    var cursor = Cursor.start
    var log: [LogRow] = []
    var lists: [Digest: [Digest]] = [:]

    struct LogRow: Hashable {
        var change: Change
        var base: Revision
    }
}
