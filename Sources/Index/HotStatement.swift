import GRDB
import GRDBSQLite
import Tree

/// A statement that runs once for each path, bound and read in SQLite's own terms: GRDB's values would cost several times
/// what the statement itself does.
///
/// Like the index that it belongs to, it is used from one thread at a time; so it needs no turn in GRDB's queue.
final class HotStatement {
    /// Keeps `raw` alive.
    private let owner: Statement
    private let raw: SQLiteStatement

    init(_ sql: String, _ database: Database) throws {
        owner = try database.makeStatement(sql: sql)
        raw = owner.sqliteStatement
    }

    /// Binds values, runs the statement, reads its first row, and makes it ready for the next time. What was bound as
    /// bytes must stay where it is until then.
    ///
    /// - Returns: What `row` makes of the first row; nil where there is none.
    func run<Result>(row: (HotStatement) throws -> Result) throws -> Result? {
        defer { reset() }
        return try step() ? row(self) : nil
    }

    /// The same for one row after the other, as long as `row` says true.
    func runAll(row: (HotStatement) throws -> Bool) throws {
        defer { reset() }
        while try step(), try row(self) {}
    }

    /// The same with the keys from `start` up to `end` bound first, and then the limit, if there is one.
    func runAll(
        from start: [UInt8], to end: [UInt8], limit: Int? = nil, row: (HotStatement) throws -> Bool
    ) throws {
        try start.withUnsafeBytes { start in
            try end.withUnsafeBytes { end in
                bind(1, start)
                bind(2, end)
                if let limit { bind(3, Int64(clamping: max(0, limit))) }
                try runAll(row: row)
            }
        }
    }

    func run() throws {
        defer { reset() }
        _ = try step()
    }

    /// - Returns: Whether there is a row.
    private func step() throws -> Bool {
        switch sqlite3_step(raw) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let connection = sqlite3_db_handle(raw)
            throw DatabaseError(
                resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection)),
                message: sqlite3_errmsg(connection).map { String(cString: $0) })
        }
    }

    private func reset() {
        sqlite3_reset(raw)
        sqlite3_clear_bindings(raw)
    }

    // MARK: Binding. Indices begin at 1.

    func bind(_ index: Int32, _ value: Int64?) {
        if let value { sqlite3_bind_int64(raw, index, value) } else { sqlite3_bind_null(raw, index) }
    }

    /// SQLite's integers are signed: what does not fit is refused, for it would sort before everything.
    func bind(_ index: Int32, natural value: UInt64) throws {
        guard let signed = Int64(exactly: value) else { throw Damage("\(value) is out of range") }
        bind(index, signed)
    }

    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        // A null pointer would be bound as NULL.
        if bytes.isEmpty {
            sqlite3_bind_zeroblob(raw, index, 0)
        } else {
            sqlite3_bind_blob64(raw, index, bytes.baseAddress, UInt64(bytes.count), nil)
        }
    }

    func bind(_ index: Int32, _ text: String) {
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        // An empty string's pointer may be null, which would be bound as NULL.
        guard !text.isEmpty else {
            sqlite3_bind_text(raw, index, "", 0, copied)
            return
        }
        var text = text
        text.withUTF8 { utf8 in
            _ = utf8.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(raw, index, $0.baseAddress, Int32(clamping: $0.count), copied)
            }
        }
    }

    // MARK: Reading. Indices begin at 0.

    func natural(_ index: Int32) throws -> UInt64 {
        guard sqlite3_column_type(raw, index) == SQLITE_INTEGER else { throw Damage("column \(index) is no integer") }
        guard let natural = UInt64(exactly: sqlite3_column_int64(raw, index)) else {
            throw Damage("column \(index) is negative")
        }
        return natural
    }

    /// Good until the statement is run again.
    func blob(_ index: Int32) throws -> UnsafeRawBufferPointer {
        guard sqlite3_column_type(raw, index) == SQLITE_BLOB else { throw Damage("column \(index) is no blob") }
        let start = sqlite3_column_blob(raw, index)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(raw, index)))
    }
}

/// Those of an index. They go before it is closed.
struct HotStatements {
    let find: HotStatement
    let save: HotStatement
    let log: HotStatement
    /// The records of a range of keys: all of them, all but those of what is gone, those that may be live.
    let range: HotStatement
    let rangeOfPresent: HotStatement
    let rangeOfLive: HotStatement
    /// The records of an inode.
    let names: HotStatement
    /// The records of a digest.
    let digests: HotStatement
    /// Whether a digest is that of something agreed on.
    let agreed: HotStatement
    /// The lists that have a chunk, but for one of them.
    let chunkLists: HotStatement
    let addChunk: HotStatement
    let move: HotStatement
    let announce: HotStatement
    let forgetAnnounced: HotStatement
    let begin: HotStatement
    let commit: HotStatement

    init(_ database: Database) throws {
        find = try HotStatement("SELECT revision, state FROM records WHERE path = ?", database)
        save = try HotStatement(Index.Query.upsert, database)
        log = try HotStatement("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", database)
        range = try HotStatement(Index.Query.range, database)
        rangeOfPresent = try HotStatement(Index.Query.rangeOfPresent, database)
        rangeOfLive = try HotStatement(Index.Query.rangeOfLive, database)
        names = try HotStatement(Index.Query.names, database)
        digests = try HotStatement(Index.Query.digests, database)
        agreed = try HotStatement(Index.Query.agreed, database)
        chunkLists = try HotStatement(Index.Query.chunkLists, database)
        addChunk = try HotStatement("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?)", database)
        move = try HotStatement("UPDATE meta SET epoch = ?, revision = ?, known = ?, term = ?", database)
        announce = try HotStatement("INSERT INTO announced (records) VALUES (?)", database)
        forgetAnnounced = try HotStatement("DELETE FROM announced", database)
        begin = try HotStatement("BEGIN IMMEDIATE", database)
        commit = try HotStatement("COMMIT", database)
    }
}
