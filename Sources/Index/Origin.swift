import GRDB
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Record

/// Which version of its path something is, for people: nothing is decided by it.
package struct Origin: Hashable, Sendable {
    /// 0 where the hub never had this version.
    package var revision: Revision
    /// Who made it; empty where that is not known.
    package var author: String
    /// When this replica had it from the hub, or the hub took it, in seconds since 1970; 0 where that is not known.
    package var seconds: Int64

    package static let unknown = Origin(revision: .zero, author: "", seconds: 0)

    package init(revision: Revision, author: String, seconds: Int64) {
        self.revision = revision
        self.author = author
        self.seconds = seconds
    }
}

extension Index {
    /// The record of a path, and where its base comes from.
    package func recordAndOrigin(at path: RelativePath) throws(IndexError) -> (Record, Origin) {
        try read("read a record") { database in
            let record = try Self.record(at: path, database)
            guard record.base.revision != .zero, let origin = try Self.baseOrigin(at: path, database) else {
                return (record, .unknown)
            }
            return (record, origin)
        }
    }

    /// Where the base of the row of `path`, as it is now, comes from; nil where there is no row.
    static func baseOrigin(at path: RelativePath, _ database: Database) throws -> Origin? {
        let statement = try database.cachedStatement(
            sql: "SELECT \(Query.columns), made, base_made, base_author FROM records WHERE path = ?")
        guard let row = try Row.fetchOne(statement, arguments: StatementArguments(.key(path))) else { return nil }
        let record = try record(row)
        let columns = Columns(row)
        guard record.isPending else {
            return Origin(revision: record.base.revision, author: record.author, seconds: try columns.integer(3))
        }
        // Rows of an earlier schema say nothing of it.
        return Origin(
            revision: record.base.revision, author: columns.isNull(5) ? "" : try columns.string(5),
            seconds: columns.isNull(4) ? 0 : try columns.integer(4))
    }
}
