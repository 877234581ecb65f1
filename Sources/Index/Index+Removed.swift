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
    /// Where `expected` came from.
    package var origin: Origin

    package init(
        token: String, path: RelativePath, fingerprint: Fingerprint, expected: Entry, seconds: Int64,
        origin: Origin = .unknown
    ) {
        self.token = token
        self.path = path
        self.fingerprint = fingerprint
        self.expected = expected
        self.seconds = seconds
        self.origin = origin
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
            try note(items, database)
        }
    }

    func note(_ items: [RemovedItem], _ database: Database) throws {
        let insert = try database.cachedStatement(sql: "INSERT INTO removed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        for item in items {
            try insert.execute(
                arguments: StatementArguments(
                    item.token.databaseValue, .key(item.path), .blob(item.fingerprint), .blob(item.expected),
                    .integer(item.expected.fileDigest?.prefix), .integer(item.seconds),
                    .natural(item.origin.revision.rawValue), item.origin.author.databaseValue,
                    .integer(item.origin.seconds)))
        }
    }

    /// Up to `limit` of what was taken out and is not settled, oldest first: within a second, by revision.
    package func removed(limit: Int = .max) throws(IndexError) -> [RemovedItem] {
        try read("list removals") { database in
            let statement = try database.cachedStatement(
                sql: "SELECT \(Self.removedColumns) FROM removed ORDER BY seconds, revision, token LIMIT ?")
            let rows = try Row.fetchCursor(statement, arguments: StatementArguments(.limit(limit)))
            var found: [RemovedItem] = []
            while let row = try rows.next() { found.append(try Self.removed(row)) }
            return found
        }
    }

    /// What was taken out under this token and is not settled.
    package func removed(withToken token: String) throws(IndexError) -> RemovedItem? {
        try read("look up a removal") { database in
            let statement = try database.cachedStatement(
                sql: "SELECT \(Self.removedColumns) FROM removed WHERE token = ?")
            return try Row.fetchOne(statement, arguments: StatementArguments(token.databaseValue)).map(Self.removed)
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

    private static let removedColumns = "token, path, fingerprint, expected, seconds, revision, author, made"

    private static func removed(_ row: Row) throws -> RemovedItem {
        let columns = Columns(row)
        return RemovedItem(
            token: try columns.string(0), path: try columns.path(1), fingerprint: try columns.fingerprint(2),
            expected: try columns.entry(3), seconds: try columns.integer(4), origin: try columns.origin(5))
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
}
