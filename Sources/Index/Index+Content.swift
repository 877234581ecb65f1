import GRDB
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Record

/// Where the bytes of a chunk may be found.
package struct ChunkLocation: Hashable, Sendable {
    /// The file that has it, by digest.
    package var file: Digest
    /// Where in the file it starts, in bytes.
    package var offset: UInt64
    /// In bytes.
    package var size: UInt32

    package init(file: Digest, offset: UInt64, size: UInt32) {
        self.file = file
        self.offset = offset
        self.size = size
    }
}

extension Index {
    /// Up to `limit` records whose file on the disk, as far as they know, has this digest.
    package func records(withDigest digest: Digest, limit: Int = 16) throws(IndexError) -> [Record] {
        do {
            let digests = try hot.digests
            digests.bind(1, digest.prefix)
            var found: [Record] = []
            try digests.runAll { row in
                let record = try Self.record(row)
                if record.local.fileDigest == digest { found.append(record) }
                return found.count < limit
            }
            return found
        } catch {
            throw IndexError(error, operation: "look up a digest")
        }
    }

    /// Whether a file of this digest is, or once was, what this replica and the hub agreed on at some path. Compares a
    /// part of the digest: once in a very long while it is wrong.
    package func hasAgreed(on digest: Digest) throws(IndexError) -> Bool {
        do {
            let agreed = try hot.agreed
            agreed.bind(1, digest.prefix)
            return try agreed.run { _ in true } ?? false
        } catch {
            throw IndexError(error, operation: "look up a digest")
        }
    }

    /// Keeps a file's chunk list, and with it the places of its chunks. Saving a list that is there does nothing.
    package func save(_ list: ChunkList, of file: Digest) throws(IndexError) {
        let isNew = try write("save a chunk list", durably: false) { database in
            try database.cachedStatement(sql: "INSERT OR IGNORE INTO lists (digest, list) VALUES (?, ?)")
                .execute(arguments: StatementArguments(.blob(file.bytes), .blob(list.encoded())))
            guard database.changesCount > 0 else { return false }
            let id = database.lastInsertedRowID
            let insert = try hot.addChunk
            var start: UInt64 = 0
            for chunk in list.chunks {
                insert.bind(1, chunk.digest.prefix)
                insert.bind(2, id)
                try insert.bind(3, natural: start)
                insert.bind(4, Int64(chunk.size))
                try insert.run()
                start += UInt64(chunk.size)
            }
            return true
        }
        if isNew { lists = lists.map { $0 + 1 } }
    }

    /// How many chunk lists there are. Counted once, then kept up.
    package func listCount() throws(IndexError) -> Int {
        if let lists { return lists }
        let count = try read("count chunk lists") { try Int.fetchOne($0, sql: "SELECT count(*) FROM lists") ?? 0 }
        lists = count
        return count
    }

    /// The chunk list of a file, if it is known.
    package func list(of file: Digest) throws(IndexError) -> ChunkList? {
        guard let encoded = try encodedList(of: file) else { return nil }
        guard let list = ChunkList(encoded: encoded) else {
            throw IndexError(.damaged, operation: "read a chunk list", message: "the list cannot be right")
        }
        return list
    }

    /// ``list(of:)`` as it is stored and sent.
    package func encodedList(of file: Digest) throws(IndexError) -> [UInt8]? {
        try read("read a chunk list") { database in
            let statement = try database.cachedStatement(sql: "SELECT list FROM lists WHERE digest = ?")
            let row = try Row.fetchOne(statement, arguments: StatementArguments(.blob(file.bytes)))
            return try row.map { try Columns($0).bytes(0) }
        }
    }

    /// Up to `limit` places where a chunk of this size may be found. Chunks are looked up by a part of their digest, so
    /// the bytes found must be checked; they must be anyway.
    package func locations(of chunk: Chunk, limit: Int = 8) throws(IndexError) -> [ChunkLocation] {
        try read("look up a chunk") { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT lists.digest, chunks.start FROM chunks JOIN lists ON lists.id = chunks.list \
                    WHERE chunk = ? AND size = ? LIMIT ?
                    """)
            let rows = try Row.fetchCursor(
                statement,
                arguments: StatementArguments(
                    .integer(chunk.digest.prefix), .natural(UInt64(chunk.size)), .limit(limit)))
            var found: [ChunkLocation] = []
            while let row = try rows.next() {
                let columns = Columns(row)
                found.append(
                    ChunkLocation(file: try columns.digest(0), offset: try columns.natural(1), size: chunk.size))
            }
            return found
        }
    }

    /// Which of `chunks` other files than `file` (nil: all files) have, as far as a part of their digests tells; and those
    /// files, up to `limit`, the first the one that has the most of them.
    package func holders(
        of chunks: [Chunk], except file: Digest?, limit: Int = 8
    ) throws(IndexError) -> (files: [Digest], chunks: Set<Digest>) {
        try read("look up chunks") { database in
            let own = try file.flatMap { file in
                try Int64.fetchOne(
                    database.cachedStatement(sql: "SELECT id FROM lists WHERE digest = ?"),
                    arguments: StatementArguments(.blob(file.bytes)))
            }
            let find = try hot.chunkLists
            var counts: [Int64: Int] = [:]
            var found: Set<Digest> = []
            for chunk in chunks {
                find.bind(1, chunk.digest.prefix)
                find.bind(2, own ?? 0)
                try find.runAll { row in
                    found.insert(chunk.digest)
                    counts[Int64(clamping: try row.natural(0)), default: 0] += 1
                    return true
                }
            }
            let most = counts.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.prefix(limit)
            let name = try database.cachedStatement(sql: "SELECT digest FROM lists WHERE id = ?")
            let files = try most.compactMap { id, _ in
                try Row.fetchOne(name, arguments: StatementArguments(.integer(id))).map { try Columns($0).digest(0) }
            }
            return (files, found)
        }
    }

    /// Removes up to `limit` chunk lists of files that are neither on the disk, nor in history, nor wanted by an
    /// unfinished record, nor in `keeping`; says how many. One that is missed later is made again by reading its file.
    package func removeUnreferencedLists(keeping: Set<Digest>, limit: Int = 16) throws(IndexError) -> Int {
        let wanted = try unfinishedDigests().union(keeping)
        let removed = try write("remove chunk lists", durably: false) { database in
            let ids = try Self.unreferencedLists(database, wanted: wanted, limit: limit)
            for id in ids { try Self.removeList(id, database) }
            return ids.count
        }
        lists = lists.map { $0 - removed }
        return removed
    }

    private func unfinishedDigests() throws(IndexError) -> Set<Digest> {
        var digests: Set<Digest> = []
        var last: RelativePath?
        while true {
            let page = try unfinished(after: last, limit: 1000)
            for record in page {
                for entry in [record.base.entry, record.remote.entry] {
                    if case .file(let file) = entry, !file.isOneChunk { digests.insert(file.digest) }
                }
            }
            guard page.count == 1000 else { return digests }
            last = page.last?.path
        }
    }

    private static func unreferencedLists(_ database: Database, wanted: Set<Digest>, limit: Int) throws -> [Int64] {
        // The list itself is not read here: a column behind a large blob would make SQLite walk all of it.
        let lists = try Row.fetchCursor(database.cachedStatement(sql: "SELECT id, digest FROM lists"))
        let isReferenced = try database.cachedStatement(
            sql: """
                SELECT EXISTS (SELECT 1 FROM records INDEXED BY records_digest \
                WHERE digest = ?1 AND (size IS NOT NULL OR unfinished <> 0)) \
                OR EXISTS (SELECT 1 FROM removed INDEXED BY removed_digest WHERE digest = ?1) \
                OR EXISTS (SELECT 1 FROM history INDEXED BY history_digest WHERE digest = ?1)
                """)
        var found: [Int64] = []
        while found.count < limit, let row = try lists.next() {
            let columns = Columns(row)
            let digest = try columns.digest(1)
            if wanted.contains(digest) { continue }
            let arguments = StatementArguments(.integer(digest.prefix))
            guard let answer = try Row.fetchOne(isReferenced, arguments: arguments) else { continue }
            if try Columns(answer).integer(0) == 0 { found.append(try columns.integer(0)) }
        }
        return found
    }

    private static func removeList(_ id: Int64, _ database: Database) throws {
        let select = try database.cachedStatement(sql: "SELECT list FROM lists WHERE id = ?")
        let row = try Row.fetchOne(select, arguments: StatementArguments(.integer(id)))
        if let list = try row.flatMap({ ChunkList(encoded: try Columns($0).bytes(0)) }) {
            let delete = try database.cachedStatement(
                sql: "DELETE FROM chunks WHERE chunk = ? AND list = ? AND start = ?")
            var start: UInt64 = 0
            for chunk in list.chunks {
                try delete.execute(
                    arguments: StatementArguments(.integer(chunk.digest.prefix), .integer(id), .natural(start)))
                start += UInt64(chunk.size)
            }
        } else {
            // A damaged list does not say which chunks it had.
            try database.execute(
                sql: "DELETE FROM chunks WHERE list = ?", arguments: StatementArguments(.integer(id)))
        }
        try database.cachedStatement(sql: "DELETE FROM lists WHERE id = ?")
            .execute(arguments: StatementArguments(.integer(id)))
    }
}
