import GRDB
package import Tree

/// Something that is about to be taken out of the tree, or was.
package struct RemovedItem: Hashable, Sendable {
    /// The name that it has, or will have, under the state folder; unique.
    package var token: String
    /// Where it was in the tree.
    package var path: RelativePath
    /// What was expected to come out.
    package var fingerprint: Fingerprint
    /// What the index said was there.
    package var expected: Entry
    /// Seconds since 1970.
    package var seconds: Int64

    package init(token: String, path: RelativePath, fingerprint: Fingerprint, expected: Entry, seconds: Int64) {
        self.token = token
        self.path = path
        self.fingerprint = fingerprint
        self.expected = expected
        self.seconds = seconds
    }
}

/// Replaced or deleted content that is still kept.
package struct HistoryItem: Hashable, Sendable {
    /// Its name in the history folder; unique.
    package var name: String
    /// Where it was in the tree.
    package var path: RelativePath
    package var entry: Entry
    /// What it takes on the disk, in bytes.
    package var size: UInt64
    /// When it became history, in seconds since 1970.
    package var seconds: Int64

    package init(name: String, path: RelativePath, entry: Entry, size: UInt64, seconds: Int64) {
        self.name = name
        self.path = path
        self.entry = entry
        self.size = size
        self.seconds = seconds
    }
}

extension Index {
    // MARK: Taken out, not yet settled

    /// Writes down what is about to be taken out of the tree, committed before this returns: after a crash each of
    /// them is either still in the tree or found under its token.
    ///
    /// - Parameter durably: whether it must outlive a loss of power as well as a crash of the process.
    package func willRemove(_ items: [RemovedItem], durably: Bool) throws(IndexError) {
        try write("note a removal", durably: durably) { database in
            let insert = try database.cachedStatement(sql: "INSERT INTO removed VALUES (?, ?, ?, ?, ?, ?)")
            for item in items {
                try insert.execute(
                    arguments: StatementArguments(
                        item.token.databaseValue, .key(item.path), .blob(item.fingerprint), .blob(item.expected),
                        .integer(item.expected.fileDigest?.prefix), .integer(item.seconds)))
            }
        }
    }

    /// Up to `limit` of what was taken out and is not settled, oldest first.
    package func removed(limit: Int = .max) throws(IndexError) -> [RemovedItem] {
        try read("list removals") { database in
            let statement = try database.cachedStatement(
                sql: "SELECT \(Self.removedColumns) FROM removed ORDER BY seconds, token LIMIT ?")
            let rows = try Row.fetchCursor(statement, arguments: StatementArguments(.limit(limit)))
            var found: [RemovedItem] = []
            while let row = try rows.next() { found.append(try Self.removed(row)) }
            return found
        }
    }

    /// Up to `limit` of what was taken out and is not settled, and was expected to be a file of this digest.
    package func removed(withDigest digest: Digest, limit: Int = 4) throws(IndexError) -> [RemovedItem] {
        try read("look up removals") { database in
            let statement = try database.cachedStatement(
                sql: "SELECT \(Self.removedColumns) FROM removed INDEXED BY removed_digest WHERE digest = ?")
            let rows = try Row.fetchCursor(statement, arguments: StatementArguments(.integer(digest.prefix)))
            var found: [RemovedItem] = []
            while found.count < limit, let row = try rows.next() {
                let item = try Self.removed(row)
                if item.expected.fileDigest == digest { found.append(item) }
            }
            return found
        }
    }

    private static let removedColumns = "token, path, fingerprint, expected, seconds"

    private static func removed(_ row: Row) throws -> RemovedItem {
        let columns = Columns(row)
        return RemovedItem(
            token: try columns.string(0), path: try columns.path(1), fingerprint: try columns.fingerprint(2),
            expected: try columns.entry(3), seconds: try columns.integer(4))
    }

    /// Strikes off what was taken out: it went back into the tree, was never taken out, or is history from now on
    /// under the name of `history`.
    package func settle(_ token: String, as history: HistoryItem? = nil) throws(IndexError) {
        try settle([(token, history)])
    }

    /// ``settle(_:as:)`` of many in one transaction.
    package func settle(_ items: [(token: String, history: HistoryItem?)]) throws(IndexError) {
        try write("settle a removal", durably: false) { database in
            let delete = try database.cachedStatement(sql: "DELETE FROM removed WHERE token = ?")
            for (token, history) in items {
                try delete.execute(arguments: StatementArguments(token.databaseValue))
                if let history { try Self.insert(history, database) }
            }
        }
        historyBytes = historyBytes.map { items.reduce($0) { $0 + ($1.history?.size ?? 0) } }
    }

    // MARK: History

    /// Up to `limit` pieces of history whose file has this digest, newest first.
    package func history(withDigest digest: Digest, limit: Int = 4) throws(IndexError) -> [HistoryItem] {
        try read("look up history") { database in
            let sql = "SELECT \(Self.historyColumns) FROM history WHERE digest = ? ORDER BY seconds DESC, name"
            let rows = try Row.fetchCursor(
                database.cachedStatement(sql: sql), arguments: StatementArguments(.integer(digest.prefix)))
            var found: [HistoryItem] = []
            while found.count < limit, let row = try rows.next() {
                let item = try Self.history(row)
                if item.entry.fileDigest == digest { found.append(item) }
            }
            return found
        }
    }

    /// Up to `limit` pieces of history, oldest first.
    package func oldestHistory(limit: Int) throws(IndexError) -> [HistoryItem] {
        try read("list history") { database in
            let sql = "SELECT \(Self.historyColumns) FROM history ORDER BY seconds, name LIMIT ?"
            let rows = try Row.fetchCursor(
                database.cachedStatement(sql: sql), arguments: StatementArguments(.limit(limit)))
            var found: [HistoryItem] = []
            while let row = try rows.next() { found.append(try Self.history(row)) }
            return found
        }
    }

    /// The sum of the sizes of all history. Counted once, then kept up.
    package func historySize() throws(IndexError) -> UInt64 {
        if let historyBytes { return historyBytes }
        let sum = try read("measure history") { database in
            let row = try Row.fetchOne(database, sql: "SELECT ifnull(sum(size), 0) FROM history")
            return try row.map { try Columns($0).natural(0) } ?? 0
        }
        historyBytes = sum
        return sum
    }

    /// Strikes off history. It must be gone from the disk already, or be found to be missing later.
    package func removeHistory(_ items: [HistoryItem]) throws(IndexError) {
        try write("remove history", durably: false) { database in
            let delete = try database.cachedStatement(sql: "DELETE FROM history WHERE name = ?")
            for item in items { try delete.execute(arguments: StatementArguments(item.name.databaseValue)) }
        }
        historyBytes = historyBytes.map { items.reduce($0) { $0 - min($0, $1.size) } }
    }

    private static let historyColumns = "name, path, entry, size, seconds"

    private static func history(_ row: Row) throws -> HistoryItem {
        let columns = Columns(row)
        return HistoryItem(
            name: try columns.string(0), path: try columns.path(1), entry: try columns.entry(2),
            size: try columns.natural(3), seconds: try columns.integer(4))
    }

    private static func insert(_ item: HistoryItem, _ database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT INTO history (name, path, entry, digest, size, seconds) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(
            arguments: StatementArguments(
                item.name.databaseValue, .key(item.path), .blob(item.entry),
                .integer(item.entry.fileDigest?.prefix), .natural(item.size), .integer(item.seconds)))
    }
}
