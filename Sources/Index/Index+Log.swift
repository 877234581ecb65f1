import GRDB
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Record

/// A version that the hub took, as far as this replica knows of it.
package struct LoggedVersion: Hashable, Sendable {
    package var path: RelativePath
    package var entry: Entry
    package var origin: Origin
    /// The revision that it replaced; nil where only its path's newest version is known.
    package var base: Revision?
    /// Whether it is what this replica's folder holds, as far as its index knows.
    package var isHere: Bool
}

extension Index {
    /// The newest version of `path` and of all that is inside (nil: of everything), live or not.
    package func newestVersions(within path: RelativePath?) throws(IndexError) -> [LoggedVersion] {
        try logged(
            "SELECT \(Query.columns), made FROM records WHERE revision > 0", within: path
        ) { row in
            let record = try Self.record(row)
            let origin = Origin(
                revision: record.remote.revision, author: record.author, seconds: try Columns(row).integer(3))
            return LoggedVersion(
                path: record.path, entry: record.remote.entry, origin: origin, base: nil,
                isHere: record.remote.entry.isLive && !record.isPending && record.offered == nil)
        }
    }

    /// The versions of `path` and of all that is inside (nil: of everything) that a hub took and still has in its log.
    package func loggedVersions(within path: RelativePath?) throws(IndexError) -> [LoggedVersion] {
        try logged(
            "SELECT path, revision, entry, base, author, made FROM log WHERE revision > 0", within: path
        ) { row in
            let columns = Columns(row)
            let origin = Origin(
                revision: try columns.revision(1), author: try columns.string(4), seconds: try columns.integer(5))
            return LoggedVersion(
                path: try columns.path(0), entry: try columns.entry(2), origin: origin,
                base: try columns.revision(3), isHere: false)
        }
    }

    private func logged(
        _ query: String, within path: RelativePath?, _ decode: (Row) throws -> LoggedVersion
    ) throws(IndexError) -> [LoggedVersion] {
        try read("read the log", adopting: true) { database in
            let range = PathKey.range(inside: path)
            let statement = try database.cachedStatement(sql: "\(query) AND (path >= ? AND path < ? OR path = ?)")
            let itself = path.map { PathKey.key(of: $0) } ?? []
            let rows = try Row.fetchCursor(
                statement,
                arguments: StatementArguments(.blob(range.start), .blob(range.end), .blob(itself)))
            var found: [LoggedVersion] = []
            while let row = try rows.next() { found.append(try decode(row)) }
            return found
        }
    }
}
