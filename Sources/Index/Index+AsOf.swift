import GRDB
package import Tree

extension Index {
    /// What was at `path` when `revision` was the newest one; nil where the log does not tell that any more.
    package func entry(at path: RelativePath, asOf revision: Revision) throws(IndexError) -> Entry? {
        try read("look into the log") { database in
            // Of the changes on top of what was there by then, the last: it came by then, or replaced what was there.
            let statement = try database.cachedStatement(
                sql: "SELECT revision, entry, base FROM log WHERE path = ? AND base <= ? ORDER BY base DESC LIMIT 1")
            let arguments = StatementArguments(.key(path), try .natural(revision.rawValue))
            guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
            let columns = Columns(row)
            if try columns.revision(0) <= revision { return try columns.entry(1) }
            let base = try columns.revision(2)
            if base == .zero { return .tombstone }
            let former = try database.cachedStatement(sql: "SELECT entry FROM log WHERE revision = ?")
            let found = try Row.fetchOne(former, arguments: StatementArguments(.natural(base.rawValue)))
            return try found.map { try Columns($0).entry(0) }
        }
    }
}
