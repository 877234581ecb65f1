import GRDB
import GRDBSQLite
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Cursor
package import struct Tree.Record

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What a replica durably knows, in one SQLite file: records, the log, where content is, what was taken out of the
/// tree.
///
/// An index is used from one thread at a time, and locks its file against every other process while it is open. Every
/// method that writes does so in one transaction: all of it or nothing. After a crash the file is as some committed
/// transaction left it, and no older than the last durable one.
///
/// Durability is by transaction. Under `synchronous = NORMAL` SQLite does not sync its WAL at a commit; it is synced here
/// after those that ask for it (`FULL` does the same after each). Since the WAL is one file, a durable commit makes all
/// earlier ones durable too.
package final class Index {
    package struct Settings: Hashable, Sendable {
        /// The page cache's size in KiB. The system caches the file as well, so a small one does.
        package var cacheKibibytes: Int
        /// How many of the newest log rows are kept; a submission older than that is no longer recognised.
        package var logRows: UInt64
        /// How many of the newest terms are kept; a peer that knows of none of these is told to merge.
        package var terms: Int

        package init(cacheKibibytes: Int = 4096, logRows: UInt64 = 100_000, terms: Int = 65_536) {
            self.terms = terms
            self.cacheKibibytes = cacheKibibytes
            self.logRows = logRows
        }
    }

    /// How far the feed was followed; on a hub, its epoch and head.
    package private(set) var cursor: Cursor
    /// The replica's random id, given when the index was made, and anew by ``renew(_:)``.
    package private(set) var replica: UInt64

    let settings: Settings
    /// The time of day in seconds since 1970, for people; nothing is decided by it here.
    package var clock: () -> Int64 = { Int64(time(nil)) }
    /// Sum of the sizes in `history`, once it was asked for.
    var historyBytes: UInt64?
    /// How many rows `lists` has, once it was asked for.
    var lists: Int?

    /// What is in the table `announced` and not in that of records, or newer than there.
    var announced: [RelativePath: Record] = [:]
    package var hasAnnounced: Bool { !announced.isEmpty }

    private let queue: DatabaseQueue
    /// Nil once it is closed.
    private var statements: HotStatements?
    /// Whether something was saved that a loss of power would take back.
    package private(set) var hasUnsyncedCommits = false

    /// The folder that an index belongs to, by its inodes: a copy of the index beside another tree has nothing to say
    /// of that.
    package struct Home: Hashable, Sendable {
        let root: UInt64
        let state: UInt64

        package init(root: UInt64, state: UInt64) {
            self.root = root
            self.state = state
        }
    }

    /// Whether the file was another folder's, of which everything was forgotten.
    package let wasElsewhere: Bool

    /// Opens the index at `path`, or makes a new one there for the replica `newReplica`. One that was made for another
    /// folder than `home` forgets everything, and gets that id.
    ///
    /// Fails with ``IndexError/Kind/newerSchema`` or ``IndexError/Kind/damaged`` if the file can't be used.
    package init(
        path: String, newReplica: @autoclosure () -> UInt64, home: Home? = nil, settings: Settings = Settings()
    ) throws(IndexError) {
        var configuration = Configuration()
        configuration.label = "nosocks.index"
        configuration.journalMode = .wal
        configuration.foreignKeysEnabled = false
        // Another process may be looking at the file, or just be ending.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            // The file is ours while it is open: without this every read locks and unlocks it, at several times the
            // read's own cost.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            try database.execute(sql: "PRAGMA cache_size = -\(settings.cacheKibibytes)")
            // A longer WAL writes a page that changes often to the file less often; after a checkpoint it is cut.
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432")
        }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            var wasElsewhere = false
            let (cursor, replica) = try queue.writeWithoutTransaction { database in
                try Schema.prepare(database, replica: newReplica)
                if let home { wasElsewhere = try Self.settle(at: home, database, newReplica) }
                return try Self.meta(database)
            }
            statements = try queue.writeWithoutTransaction { try HotStatements($0) }
            self.wasElsewhere = wasElsewhere
            self.queue = queue
            self.cursor = cursor
            self.replica = replica
            self.settings = settings
        } catch {
            throw IndexError(error, operation: "open \(path)")
        }
        try adoptAnnounced()
    }

    /// Opens an image of an index (``IndexImage``), to be read and never written.
    package init(image: [UInt8]) throws(IndexError) {
        do {
            let queue = try DatabaseQueue()
            let (cursor, replica) = try queue.writeWithoutTransaction { database in
                try Self.fill(database, with: image)
                try Schema.check(database)
                return try Self.meta(database)
            }
            statements = try queue.writeWithoutTransaction { try HotStatements($0) }
            self.queue = queue
            self.cursor = cursor
            self.replica = replica
            wasElsewhere = false
            settings = Settings()
        } catch {
            throw IndexError(error, operation: "open")
        }
    }

    /// Gives the replica another id, durably.
    package func renew(_ replica: UInt64) throws(IndexError) {
        try write("renew", durably: true) { database in
            try database.execute(
                sql: "UPDATE meta SET replica = ?", arguments: StatementArguments(.bits(replica)))
        }
        self.replica = replica
    }

    /// - Returns: Whether the index was another folder's.
    private static func settle(at home: Home, _ database: Database, _ newReplica: () -> UInt64) throws -> Bool {
        guard let row = try Row.fetchOne(database, sql: "SELECT root, state FROM meta WHERE id = 0") else {
            throw Damage("its first row is missing")
        }
        let columns = Columns(row)
        let isNoted = !columns.isNull(0) && !columns.isNull(1)
        if isNoted {
            let noted = Home(root: try columns.bits(0), state: try columns.bits(1))
            if noted == home { return false }
        }
        try database.inTransaction(.exclusive) {
            if isNoted {
                try database.execute(
                    sql: "DELETE FROM records; DELETE FROM announced; DELETE FROM log; DELETE FROM terms")
                try database.execute(
                    sql: "UPDATE meta SET epoch = 0, revision = 0, known = 0, term = 0, replica = ?",
                    arguments: StatementArguments(.bits(newReplica())))
            }
            try database.execute(
                sql: "UPDATE meta SET root = ?, state = ?",
                arguments: StatementArguments(.bits(home.root), .bits(home.state)))
            return .commit
        }
        return isNoted
    }

    private static func fill(_ database: Database, with image: [UInt8]) throws {
        let count = Int64(image.count)
        guard let memory = sqlite3_malloc64(UInt64(image.count)) else { throw Damage("there is no memory for it") }
        image.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { memory.copyMemory(from: start, byteCount: bytes.count) }
        }
        let code = sqlite3_deserialize(
            database.sqliteConnection, "main", memory.assumingMemoryBound(to: UInt8.self), count, count,
            UInt32(SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY))
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }

    /// Closes the file. Nothing else may be called afterwards.
    package func close() throws(IndexError) {
        statements = nil
        do {
            try queue.close()
        } catch {
            throw IndexError(error, operation: "close")
        }
    }

    private static func meta(_ database: Database) throws -> (Cursor, replica: UInt64) {
        let sql = "SELECT epoch, revision, replica, known, term FROM meta WHERE id = 0"
        guard let row = try Row.fetchOne(database, sql: sql) else { throw Damage("its first row is missing") }
        let columns = Columns(row)
        let epoch = Epoch(rawValue: try columns.bits(0))
        let known = Mark(revision: try columns.revision(3), term: Term(rawValue: try columns.bits(4)))
        let cursor = Cursor(epoch: epoch, revision: try columns.revision(1), known: known)
        return (cursor, try columns.bits(2))
    }
}

// MARK: Access

extension Index {
    var hot: HotStatements {
        get throws {
            guard let statements else { throw Damage("it is closed") }
            return statements
        }
    }

    /// - Parameter adopting: Whether `body` wants in the table of records what is announced.
    func read<Result>(
        _ operation: String, adopting: Bool = false, _ body: (Database) throws -> Result
    ) throws(IndexError) -> Result {
        if adopting { try adopt() }
        do {
            return try queue.writeWithoutTransaction(body)
        } catch {
            throw IndexError(error, operation: operation)
        }
    }

    /// Runs `body` in one transaction, in which the cursor moves too, where one is given.
    ///
    /// - Parameter adopting: Whether `body` wants in the table of records what is announced.
    func write<Result>(
        _ operation: String, cursor moved: Cursor? = nil, durably: Bool, adopting: Bool = false,
        _ body: (Database) throws -> Result
    ) throws(IndexError) -> Result {
        if adopting { try adopt() }
        do {
            let result = try queue.writeWithoutTransaction { database in
                let hot = try hot
                try hot.begin.run()
                do {
                    let result = try body(database)
                    if let moved, moved != cursor { try move(to: moved) }
                    try hot.commit.run()
                    if durably { try Self.synchronize(database) }
                    return result
                } catch {
                    // Where SQLite has rolled back already, or committed, there is nothing left to roll back.
                    try? database.rollback()
                    throw error
                }
            }
            hasUnsyncedCommits = !durably
            if let moved { cursor = moved }
            return result
        } catch {
            throw IndexError(error, operation: operation)
        }
    }

    /// Makes every earlier save durable.
    package func sync() throws(IndexError) {
        guard hasUnsyncedCommits else { return }
        try read("sync") { try Self.synchronize($0) }
        hasUnsyncedCommits = false
    }

    /// Moves what the WAL holds into the file proper, so that whoever opens it next need not read that through.
    package func checkpoint() throws(IndexError) {
        try read("checkpoint") { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
    }

    private func move(to cursor: Cursor) throws {
        let move = try hot.move
        move.bind(1, Int64(bitPattern: cursor.epoch.rawValue))
        try move.bind(2, natural: cursor.revision.rawValue)
        try move.bind(3, natural: cursor.known.revision.rawValue)
        move.bind(4, Int64(bitPattern: cursor.known.term.rawValue))
        try move.run()
    }

    /// Makes all that was committed durable.
    private static func synchronize(_ database: Database) throws {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let connection = database.sqliteConnection
        var code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
        if code == SQLITE_OK {
            guard let file, let sync = file.pointee.pMethods?.pointee.xSync else { throw Damage("it has no WAL") }
            code = sync(file, SQLITE_SYNC_NORMAL)
        }
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }
}
