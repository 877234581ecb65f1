import GRDB
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Cursor
package import struct Tree.Record

extension Index {
    /// What is durably known of a path; a record of nothing where nothing is.
    package func record(at path: RelativePath) throws(IndexError) -> Record {
        if !announced.isEmpty, let record = announced[path] { return record }
        do {
            return try found(at: path)
        } catch {
            throw IndexError(error, operation: "read a record")
        }
    }

    /// Writes all of these at once or none of them. A nil `cursor` leaves it as it is.
    package func save(_ records: [Record], cursor: Cursor? = nil, durably: Bool) throws(IndexError) {
        if records.isEmpty && (cursor ?? self.cursor) == self.cursor {
            if durably { try sync() }
            return
        }
        try save(records, adopting: !records.isEmpty, cursor: cursor, durably: durably)
    }

    /// - Parameter adopting: Whether what is announced and not among these is saved as well.
    func save(_ records: [Record], adopting: Bool, cursor: Cursor?, durably: Bool) throws(IndexError) {
        var others = adopting ? announced : [:]
        if !others.isEmpty { for record in records { others[record.path] = nil } }
        try write("save records", cursor: cursor, durably: durably) { database in
            let now = clock()
            for record in others.values { try save(record, now, database) }
            for record in records { try save(record, now, database) }
            if adopting, !announced.isEmpty { try hot.forgetAnnounced.run() }
        }
        if adopting { announced.removeAll(keepingCapacity: true) }
    }

    /// Up to `limit` records strictly inside `directory` (nil: the root) after `path`, however deep, in the order of a
    /// walk: names in byte order, a directory before what is inside it (``PathOrder``).
    ///
    /// - Parameter includingGone: Whether those are wanted that say no more than that nothing is there, as all agree.
    package func records(
        inside directory: RelativePath? = nil, after path: RelativePath? = nil, limit: Int, includingGone: Bool = true
    ) throws(IndexError) -> [Record] {
        let range = PathKey.range(inside: directory)
        let after = path.map { PathKey.successor(of: PathKey.key(of: $0)) } ?? []
        let start = after.lexicographicallyPrecedes(range.start) ? range.start : after
        try adopt()
        do {
            let rows = try includingGone ? hot.range : hot.rangeOfPresent
            var found: [Record] = []
            found.reserveCapacity(min(max(0, limit), 1024))
            try rows.runAll(from: start, to: range.end, limit: limit) { row in
                found.append(try Self.record(row))
                return true
            }
            return found
        } catch {
            throw IndexError(error, operation: "list records")
        }
    }

    /// Up to `limit` records exactly one level below `directory` (nil: the root) after `path`, in byte order of their
    /// names.
    package func children(
        of directory: RelativePath?, after path: RelativePath? = nil, limit: Int = .max
    ) throws(IndexError) -> [Record] {
        let range = PathKey.range(inside: directory)
        let nameStart = directory.map { $0.bytes.count + 1 } ?? 0
        var start = path.map { PathKey.successor(ofSubtree: PathKey.key(of: $0)) } ?? range.start
        return try read("list a directory", adopting: true) { database in
            let statement = try database.cachedStatement(sql: Query.range)
            var found: [Record] = []
            // Rows are read one after the other until one lies deeper; the search goes on behind that one's subtree.
            search: while found.count < limit {
                let arguments = StatementArguments(.blob(start), .blob(range.end), .limit(limit - found.count))
                let rows = try Row.fetchCursor(statement, arguments: arguments)
                while let row = try rows.next() {
                    let key = try Columns(row).bytes(0)
                    if let cut = key.dropFirst(nameStart).firstIndex(of: 0) {
                        start = PathKey.successor(ofSubtree: key[..<cut])
                        continue search
                    }
                    found.append(try Self.record(row))
                    start = PathKey.successor(of: key)
                }
                break
            }
            return found
        }
    }

    /// A path strictly inside `directory` that is live at the hub, or will be if what is on offer there is accepted, if
    /// there is one that is not among `excluded`.
    package func liveEntry(
        inside directory: RelativePath, except excluded: Set<RelativePath> = []
    ) throws(IndexError) -> RelativePath? {
        let range = PathKey.range(inside: directory)
        try adopt()
        do {
            var found: RelativePath?
            try hot.rangeOfLive.runAll(from: range.start, to: range.end) { row in
                let record = try Self.record(row)
                let next = record.offered ?? record.remote.entry
                if next.isLive, !excluded.contains(record.path) { found = record.path }
                return found == nil
            }
            return found
        } catch {
            throw IndexError(error, operation: "look inside a directory")
        }
    }

    /// Up to `limit` records after `path` whose remote is not their base, or that have an offer without a verdict.
    package func unfinished(after path: RelativePath? = nil, limit: Int) throws(IndexError) -> [Record] {
        let start = path.map { PathKey.successor(of: PathKey.key(of: $0)) } ?? []
        return try read("list what is unfinished", adopting: true) { database in
            try Self.records(database, Query.unfinished, .blob(start), .limit(limit))
        }
    }

    /// The records of all names of the file that had this inode when they were last looked at.
    package func records(ofInode inode: UInt64) throws(IndexError) -> [Record] {
        do {
            let names = try hot.names
            names.bind(1, Int64(bitPattern: inode))
            var found: [Record] = []
            try names.runAll { row in
                found.append(try Self.record(row))
                return true
            }
            return found
        } catch {
            throw IndexError(error, operation: "list names of a file")
        }
    }

    /// Notes the inodes of records that were written before there was a column for them.
    static func fillInodes(_ database: Database) throws {
        let update = try database.makeStatement(sql: "UPDATE records SET inode = ? WHERE path = ?")
        let rows = try Row.fetchCursor(database, sql: "SELECT \(Query.columns) FROM records")
        var found: [(path: RelativePath, inode: UInt64)] = []
        while let row = try rows.next() {
            let record = try record(row)
            if let inode = record.fileInode { found.append((record.path, inode)) }
        }
        for (path, inode) in found { try update.execute(arguments: StatementArguments(.bits(inode), .key(path))) }
    }

    /// The files and symlinks on this disk, as far as is known, with `.conflict-` somewhere in their paths: conflict
    /// copies, and few others. Reads no more than these.
    package func possibleConflictCopies() throws(IndexError) -> [RelativePath] {
        try read("list conflict copies") { database in
            try Self.records(database, Query.copies).filter(\.isOnDisk).map(\.path)
        }
    }

    /// Forgets every record and the log, and starts at `cursor`. Durable. Content tables stay: content is the same in
    /// any history.
    package func forget(startingAt cursor: Cursor) throws(IndexError) {
        try write("forget all records", cursor: cursor, durably: true, adopting: true) { database in
            try database.execute(sql: "DELETE FROM records; DELETE FROM log; DELETE FROM terms")
        }
    }

    package struct Counts: Hashable, Sendable {
        /// Live entries at the hub: files, directories and symlinks.
        package var entries: UInt64
        /// Of the files among them.
        package var bytes: UInt64
        /// Records with something left to do.
        package var unfinished: UInt64

        package init(entries: UInt64, bytes: UInt64, unfinished: UInt64) {
            self.entries = entries
            self.bytes = bytes
            self.unfinished = unfinished
        }
    }

    /// Counts what there is. Reads every row: for a person's question, not for every event.
    package func counts() throws(IndexError) -> Counts {
        try read("count records", adopting: true) { database in
            let sql = """
                SELECT count(size), ifnull(sum(size), 0), \
                (SELECT count(*) FROM records INDEXED BY records_unfinished WHERE unfinished <> 0) FROM records
                """
            guard let row = try Row.fetchOne(database.cachedStatement(sql: sql)) else { throw Damage("no counts") }
            let columns = Columns(row)
            return Counts(
                entries: try columns.natural(0), bytes: try columns.natural(1), unfinished: try columns.natural(2))
        }
    }
}

// MARK: Rows

extension Index {
    enum Query {
        static let columns = "path, revision, state"
        static let range = "SELECT \(columns) FROM records WHERE path >= ? AND path < ? ORDER BY path LIMIT ?"
        /// A state that begins with 0 has no base of its own, no fingerprint and no offer (``RecordCoding``).
        static let rangeOfPresent = """
            SELECT \(columns) FROM records WHERE path >= ? AND path < ? \
            AND (size IS NOT NULL OR substr(state, 1, 1) <> x'00') ORDER BY path LIMIT ?
            """
        static let rangeOfLive = """
            SELECT \(columns) FROM records WHERE path >= ? AND path < ? AND (size IS NOT NULL OR unfinished <> 0)
            """
        /// Revision 0 is outside the partial index; no change has it. SQLite enters the index by the first of the two
        /// conditions, and goes through all that the other one leaves out: in this order nothing.
        static let feed = """
            SELECT \(columns) FROM records INDEXED BY records_revision \
            WHERE revision > ? AND revision > 0 ORDER BY revision LIMIT ?
            """
        static let unfinished = """
            SELECT \(columns) FROM records INDEXED BY records_unfinished \
            WHERE unfinished <> 0 AND path >= ? ORDER BY path LIMIT ?
            """
        static let copies = "SELECT \(columns) FROM records INDEXED BY records_copies WHERE \(Schema.mayBeCopy)"
        static let names = "SELECT \(columns) FROM records INDEXED BY records_inode WHERE inode = ?"
        static let digests = "SELECT \(columns) FROM records INDEXED BY records_digest WHERE digest = ?"
        static let agreed = """
            SELECT 1 FROM records INDEXED BY records_digest WHERE digest = ? AND unfinished < 2 LIMIT 1
            """
        static let chunkLists = "SELECT DISTINCT list FROM chunks WHERE chunk = ? AND list <> ? LIMIT 8"
        static let upsert = """
            INSERT INTO records (path, revision, size, digest, unfinished, state, made, base_made, base_author, inode) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET \
            made = CASE WHEN revision = excluded.revision THEN made ELSE excluded.made END, \
            base_made = excluded.base_made, base_author = excluded.base_author, \
            revision = excluded.revision, size = excluded.size, digest = ifnull(excluded.digest, digest), \
            unfinished = excluded.unfinished, state = excluded.state, inode = excluded.inode
            """
    }

    static func record(_ row: Row) throws -> Record {
        let columns = Columns(row)
        let path = try columns.path(0)
        let revision = try columns.revision(1)
        return try columns.blob(2) { try RecordCoding.decode($0, path: path, revision: revision) }
    }

    /// Of a row with ``Query/columns``.
    static func record(_ row: HotStatement) throws -> Record {
        let path = try PathKey.path(of: row.blob(0))
        return try RecordCoding.decode(row.blob(2), path: path, revision: Revision(rawValue: row.natural(1)))
    }

    static func records(_ database: Database, _ sql: String, _ arguments: DatabaseValue...) throws -> [Record] {
        let rows = try Row.fetchCursor(
            database.cachedStatement(sql: sql), arguments: StatementArguments(values: arguments))
        var found: [Record] = []
        while let row = try rows.next() { found.append(try record(row)) }
        return found
    }

    func found(at path: RelativePath) throws -> Record {
        let find = try hot.find
        let record = try PathKey.withKey(of: path) { key in
            find.bind(1, key)
            return try find.run { row in
                let revision = Revision(rawValue: try row.natural(0))
                return try RecordCoding.decode(row.blob(1), path: path, revision: revision)
            }
        }
        return record ?? Record(path: path)
    }

    /// - Parameter now: in seconds since 1970.
    func save(_ record: Record, _ now: Int64, _ database: Database) throws {
        if record.isEmpty {
            try database.cachedStatement(sql: "DELETE FROM records WHERE path = ?")
                .execute(arguments: StatementArguments(.key(record.path)))
            return
        }
        // Of what is not applied yet the base is noted too: it is what becomes history.
        let base =
            record.isPending && record.base != .never ? try Self.recordAndOrigin(at: record.path, database)?.1 : nil
        let save = try hot.save
        try save.bind(2, natural: record.remote.revision.rawValue)
        save.bind(3, record.remote.entry.liveSize.map(Int64.init(clamping:)))
        save.bind(4, record.local.fileDigest?.prefix)
        save.bind(5, record.unfinished)
        save.bind(7, now)
        save.bind(8, base?.seconds)
        if let base { save.bind(9, base.author) }
        save.bind(10, record.fileInode.map(Int64.init(bitPattern:)))
        try PathKey.withKey(of: record.path) { key in
            save.bind(1, key)
            try RecordCoding.encode(record).withUnsafeBytes { state in
                save.bind(6, state)
                try save.run()
            }
        }
    }
}

extension DatabaseValue {
    static func limit(_ limit: Int) -> DatabaseValue {
        Int64(clamping: max(0, limit)).databaseValue
    }
}
