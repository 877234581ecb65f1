import GRDB
package import Tree

// GRDB has a type of the same name.
package import struct Tree.Cursor
package import struct Tree.Record

// Records that are saved twice in a row: durably before something is put in place, and again when it is there. The
// first time they all go into one row of `announced`, which costs a fraction of what the table of records does with its
// indices. Only what the hub has is news in them: whoever asks for that, other than by a path, moves them into the table
// first, and whoever asks what is on the disk finds it there as it was.
extension Index {
    /// Notes records that are likely to be saved again soon, and of which no more has changed than what
    /// ``Record/heard(_:from:)`` changes; and with them what is about to be taken out of the tree, as
    /// ``willRemove(_:durably:)`` does. Durable.
    package func announce(
        _ records: [Record], removing removals: [RemovedItem] = [], cursor: Cursor
    ) throws(IndexError) {
        if records.isEmpty { return try save([], cursor: cursor, durably: true) }
        try write("announce records", cursor: cursor, durably: true) { database in
            try note(removals, database)
            let announce = try hot.announce
            try Announcement.encode(records).withUnsafeBytes { bytes in
                announce.bind(1, bytes)
                try announce.run()
            }
        }
        for record in records { announced[record.path] = record }
    }

    /// Moves what an earlier process announced into the table of records.
    func adoptAnnounced() throws(IndexError) {
        let found = try read("read what was announced") { database in
            let rows = try Row.fetchCursor(database, sql: "SELECT records FROM announced ORDER BY id")
            var found: [Record] = []
            while let row = try rows.next() { found += try Columns(row).blob(0) { try Announcement.decode($0) } }
            return found
        }
        for record in found { announced[record.path] = record }
        try adopt()
    }

    /// Moves what is announced into the table of records.
    func adopt() throws(IndexError) {
        guard !announced.isEmpty else { return }
        try save([], adopting: true, cursor: nil, durably: false)
    }
}

/// A row of `announced`: records with their paths, one after the other.
enum Announcement {
    static func encode(_ records: [Record]) -> [UInt8] {
        var writer = ByteWriter(reserving: records.count * 160)
        for record in records {
            writer.append(UInt64(record.path.bytes.count))
            record.path.bytes.withUnsafeBytes { writer.append(raw: $0) }
            writer.append(record.remote.revision.rawValue)
            let state = RecordCoding.encode(record)
            writer.append(UInt64(state.count))
            state.withUnsafeBytes { writer.append(raw: $0) }
        }
        return writer.bytes
    }

    static func decode(_ raw: UnsafeRawBufferPointer) throws -> [Record] {
        var reader = ByteReader(raw)
        var records: [Record] = []
        while !reader.isAtEnd {
            let path = try path(reader.take(Int(reader.unsigned(upTo: UInt64(RelativePath.maximumLength)))))
            let revision = Revision(rawValue: try reader.unsigned())
            let state = try reader.take(Int(reader.unsigned(upTo: UInt64(Int32.max))))
            records.append(try RecordCoding.decode(state, path: path, revision: revision))
        }
        return records
    }

    private static func path(_ bytes: UnsafeRawBufferPointer) throws -> RelativePath {
        do {
            return try RelativePath(Array(bytes))
        } catch {
            throw Damage("an announced path cannot be right: \(error)")
        }
    }
}
