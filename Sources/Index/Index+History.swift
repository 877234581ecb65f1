import GRDB
package import Tree

extension Index {
    /// Up to `limit` pieces of history whose file has this digest, newest first.
    package func history(withDigest digest: Digest, limit: Int = 4) throws(IndexError) -> [HistoryItem] {
        try read("look up history") { database in
            let sql = "SELECT \(Self.historyColumns) FROM history WHERE digest = ? ORDER BY id DESC"
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

    /// Up to `limit` pieces of history, in the order in which they came.
    package func oldestHistory(limit: Int) throws(IndexError) -> [HistoryItem] {
        try history("ORDER BY id LIMIT ?", .limit(limit))
    }

    /// Up to `limit` pieces of history that were not looked at since they came, in that order.
    package func wholeHistory(limit: Int) throws(IndexError) -> [HistoryItem] {
        try history("INDEXED BY history_whole WHERE form = 0 ORDER BY id LIMIT ?", .limit(limit))
    }

    /// All that came before `item` at its path and is a file of its own, newest first, up to `limit`.
    package func historyFiles(before item: HistoryItem, limit: Int) throws(IndexError) -> [HistoryItem] {
        try history(
            "WHERE path = ? AND id < ? AND form = 1 ORDER BY id DESC LIMIT ?", .key(item.path), .integer(item.id),
            .limit(limit))
    }

    /// All history of one path, in the order in which it came.
    package func history(at path: RelativePath) throws(IndexError) -> [HistoryItem] {
        try history("WHERE path = ? ORDER BY id", .key(path))
    }

    /// All history strictly inside `directory` (nil: the root), by path and then in the order in which it came.
    package func history(inside directory: RelativePath?) throws(IndexError) -> [HistoryItem] {
        let range = PathKey.range(inside: directory)
        return try history("WHERE path >= ? AND path < ? ORDER BY path, id", .blob(range.start), .blob(range.end))
    }

    package func historyItem(_ id: Int64) throws(IndexError) -> HistoryItem? {
        try history("WHERE id = ?", .integer(id)).first
    }

    package func historyItem(named name: String) throws(IndexError) -> HistoryItem? {
        try history("WHERE name = ?", name.databaseValue).first
    }

    /// The content of a piece of history that is kept in its row.
    package func historyContent(_ id: Int64) throws(IndexError) -> [UInt8]? {
        try read("read history") { database in
            let statement = try database.cachedStatement(sql: "SELECT content FROM history_content WHERE id = ?")
            let row = try Row.fetchOne(statement, arguments: StatementArguments(.integer(id)))
            return try row.map { try Columns($0).bytes(0) }
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

    /// Adds what is kept without having been taken out: directories.
    package func addHistory(_ items: [HistoryItem]) throws(IndexError) {
        try write("add history", durably: false) { database in
            for item in items { try Self.insert(item, database) }
        }
        historyBytes = historyBytes.map { items.reduce($0) { $0 + $1.size } }
    }

    /// Writes down in which form these are kept from now on, with the content of those in the form of a row.
    ///
    /// - Parameter durably: whether what was their content until now goes next.
    package func reform(_ items: [Reformed], durably: Bool) throws(IndexError) {
        try write("reduce history", durably: durably) { database in
            let update = try database.cachedStatement(
                sql: "UPDATE history SET size = ?, form = ?, base = ? WHERE id = ?")
            let insert = try database.cachedStatement(sql: "INSERT OR REPLACE INTO history_content VALUES (?, ?)")
            for reformed in items {
                let item = reformed.item
                try update.execute(
                    arguments: StatementArguments(
                        .natural(item.size), .integer(item.form.rawValue), .integer(item.base), .integer(item.id)))
                guard let content = reformed.content else { continue }
                try insert.execute(arguments: StatementArguments(.integer(item.id), .blob(content)))
            }
        }
        historyBytes = historyBytes.map { items.reduce($0) { $0 - min($0, $1.formerSize) + $1.item.size } }
    }

    /// History in another form.
    package struct Reformed {
        /// As it is from now on.
        package var item: HistoryItem
        /// What it took until now, in bytes.
        package var formerSize: UInt64
        /// Where its form is a row.
        package var content: [UInt8]?

        package init(item: HistoryItem, formerSize: UInt64, content: [UInt8]? = nil) {
            self.item = item
            self.formerSize = formerSize
            self.content = content
        }
    }

    /// Strikes off history. It must be gone from the disk already, or be found to be missing later.
    package func removeHistory(_ items: [HistoryItem]) throws(IndexError) {
        try write("remove history", durably: false) { database in
            let delete = try database.cachedStatement(sql: "DELETE FROM history WHERE name = ?")
            let content = try database.cachedStatement(sql: "DELETE FROM history_content WHERE id = ?")
            for item in items {
                try delete.execute(arguments: StatementArguments(item.name.databaseValue))
                if item.form == .row { try content.execute(arguments: StatementArguments(.integer(item.id))) }
            }
        }
        historyBytes = historyBytes.map { items.reduce($0) { $0 - min($0, $1.size) } }
    }

    // MARK: Rows

    private static let historyColumns = """
        id, name, path, entry, size, seconds, revision, author, made, form, base
        """

    private func history(_ rest: String, _ arguments: DatabaseValue...) throws(IndexError) -> [HistoryItem] {
        try read("list history") { database in
            let statement = try database.cachedStatement(sql: "SELECT \(Self.historyColumns) FROM history \(rest)")
            let rows = try Row.fetchCursor(statement, arguments: StatementArguments(values: arguments))
            var found: [HistoryItem] = []
            while let row = try rows.next() { found.append(try Self.history(row)) }
            return found
        }
    }

    private static func history(_ row: Row) throws -> HistoryItem {
        let columns = Columns(row)
        guard let form = HistoryItem.Form(rawValue: try columns.integer(9)) else { throw Damage("no such form") }
        var item = HistoryItem(
            name: try columns.string(1), path: try columns.path(2), entry: try columns.entry(3),
            origin: try columns.origin(6), size: try columns.natural(4), seconds: try columns.integer(5), form: form)
        item.id = try columns.integer(0)
        item.base = columns.isNull(10) ? nil : try columns.integer(10)
        return item
    }

    static func insert(_ item: HistoryItem, _ database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO history (name, path, entry, digest, size, seconds, revision, author, made, form, base) \
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: StatementArguments(
                item.name.databaseValue, .key(item.path), .blob(item.entry),
                .integer(item.entry.fileDigest?.prefix), .natural(item.size), .integer(item.seconds),
                .natural(item.origin.revision.rawValue), item.origin.author.databaseValue,
                .integer(item.origin.seconds), .integer(item.form.rawValue), .integer(item.base)))
    }
}
