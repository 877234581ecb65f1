import GRDB
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Record

extension Index {
    /// The record of a path, and where its base comes from; as they were before the path was announced, which changes
    /// neither the base nor what is on the disk.
    package func recordAndOrigin(at path: RelativePath) throws(IndexError) -> (Record, Origin) {
        try read("read a record") { database in
            try Self.recordAndOrigin(at: path, database) ?? (Record(path: path), .unknown)
        }
    }

    /// The row of `path` as it is now; nil where there is none.
    static func recordAndOrigin(at path: RelativePath, _ database: Database) throws -> (Record, Origin)? {
        let statement = try database.cachedStatement(
            sql: "SELECT \(Query.columns), made, base_made, base_author FROM records WHERE path = ?")
        guard let row = try Row.fetchOne(statement, arguments: StatementArguments(.key(path))) else { return nil }
        let record = try record(row)
        let columns = Columns(row)
        var origin = Origin(revision: record.base.revision, author: record.author, seconds: 0)
        if record.isPending {
            // Rows of an earlier schema say nothing of it.
            origin.author = columns.isNull(5) ? "" : try columns.string(5)
            origin.seconds = columns.isNull(4) ? 0 : try columns.integer(4)
        } else {
            origin.seconds = try columns.integer(3)
        }
        return (record, origin.revision == .zero ? .unknown : origin)
    }
}
