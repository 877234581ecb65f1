import GRDB
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Cursor
package import struct Tree.Record

extension Index {
    /// Up to `limit` changes after `revision`, in order of revision: each path once, at its newest.
    package func feed(after revision: Revision, limit: Int) throws(IndexError) -> [Change] {
        try read("read the feed", adopting: true) { database in
            try Self.records(database, Query.feed, .natural(revision.rawValue), .limit(limit))
                .map { Change(path: $0.path, version: $0.remote, author: $0.author) }
        }
    }

    /// The version that was accepted on top of `base` at `path`, if the log still has it.
    package func successor(of base: Revision, at path: RelativePath) throws(IndexError) -> Version? {
        try read("look into the log") { database in
            let statement = try database.cachedStatement(
                sql: "SELECT revision, entry FROM log WHERE path = ? AND base = ?")
            let arguments = StatementArguments(.key(path), try .natural(base.rawValue))
            guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
            let columns = Columns(row)
            return Version(revision: try columns.revision(0), entry: try columns.entry(1))
        }
    }

    /// Adds accepted changes to the log, saves `records`, and moves the cursor: at once and durably. A change whose
    /// record is not among them becomes its record's remote.
    ///
    /// - Parameter bases: the revisions that the changes replaced, one each.
    package func append(
        _ changes: [Change], bases: [Revision], saving records: [Record] = [], cursor: Cursor
    ) throws(IndexError) {
        let saved = Set(records.map(\.path))
        try write("append changes", cursor: cursor, durably: true, adopting: true) { database in
            guard changes.count == bases.count else { throw Damage("not one base for each change") }
            let now = clock()
            for (change, base) in zip(changes, bases) {
                if !saved.contains(change.path) {
                    var record = try found(at: change.path)
                    record.remote = change.version
                    record.author = change.author
                    try save(record, now, database)
                }
                try log(change, base, now)
            }
            for record in records { try save(record, now, database) }
            if let first = changes.first, cursor.known.term != self.cursor.known.term {
                try begin(cursor.known.term, at: first.revision, database)
            }
            try prune(head: cursor.revision, database)
        }
    }

    private func log(_ change: Change, _ base: Revision, _ now: Int64) throws {
        let log = try hot.log
        try log.bind(1, natural: change.revision.rawValue)
        try log.bind(3, natural: base.rawValue)
        log.bind(5, change.author)
        log.bind(6, now)
        var entry = ByteWriter(reserving: 64)
        entry.append(change.entry)
        try PathKey.withKey(of: change.path) { key in
            log.bind(2, key)
            try entry.bytes.withUnsafeBytes { bytes in
                log.bind(4, bytes)
                try log.run()
            }
        }
    }

    /// The term in which `revision` was given.
    package func term(at revision: Revision) throws(IndexError) -> Term {
        try read("look up a term") { database in
            let sql = "SELECT term FROM terms WHERE start <= ? ORDER BY start DESC LIMIT 1"
            let row = try Row.fetchOne(
                database.cachedStatement(sql: sql), arguments: StatementArguments(.natural(revision.rawValue)))
            return try row.map { Term(rawValue: try Columns($0).bits(0)) } ?? .none
        }
    }

    /// Of the terms before the newest ones no more is known than that there were some: one that nobody has heard of
    /// stands for them, so that whoever knows of no later one merges.
    private func begin(_ term: Term, at start: Revision, _ database: Database) throws {
        let insert = "INSERT OR REPLACE INTO terms VALUES (?, ?)"
        try database.execute(
            sql: insert, arguments: StatementArguments(.natural(start.rawValue), .bits(term.rawValue)))
        try database.execute(
            sql: "DELETE FROM terms WHERE start <= (SELECT start FROM terms ORDER BY start DESC LIMIT 1 OFFSET ?)",
            arguments: StatementArguments(.limit(settings.terms)))
        guard database.changesCount > 0 else { return }
        try database.execute(
            sql: insert, arguments: StatementArguments(.natural(1), .bits(UInt64.random(in: 1...UInt64.max))))
    }

    /// Revisions are consecutive, so what is to be kept is a range of them, and pruning costs what was added.
    private func prune(head: Revision, _ database: Database) throws {
        guard head.rawValue > settings.logRows else { return }
        try database.cachedStatement(sql: "DELETE FROM log WHERE revision <= ?")
            .execute(arguments: StatementArguments(.natural(head.rawValue - settings.logRows)))
    }
}
