import Foundation
import GRDB
import TestSupport
import Testing
import Tree

@testable import Index

@Suite struct MigrationTests {
    /// The tables of version 1, as it wrote them.
    private static let version1 = """
        CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 0), epoch INTEGER NOT NULL, revision INTEGER NOT NULL,
            replica INTEGER NOT NULL) STRICT;
        CREATE TABLE records (path BLOB NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, size INTEGER, digest INTEGER,
            unfinished INTEGER NOT NULL, state BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX records_revision ON records (revision) WHERE revision > 0;
        CREATE INDEX records_digest ON records (digest) WHERE digest IS NOT NULL;
        CREATE INDEX records_unfinished ON records (path) WHERE unfinished <> 0;
        CREATE TABLE log (revision INTEGER PRIMARY KEY, path BLOB NOT NULL, base INTEGER NOT NULL,
            entry BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX log_successor ON log (path, base);
        CREATE TABLE lists (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, list BLOB NOT NULL) STRICT;
        CREATE TABLE chunks (chunk INTEGER NOT NULL, list INTEGER NOT NULL, start INTEGER NOT NULL,
            size INTEGER NOT NULL, PRIMARY KEY (chunk, list, start)) STRICT, WITHOUT ROWID;
        CREATE TABLE removed (token TEXT PRIMARY KEY, path BLOB NOT NULL, fingerprint BLOB NOT NULL,
            expected BLOB NOT NULL, digest INTEGER, seconds INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX removed_digest ON removed (digest) WHERE digest IS NOT NULL;
        CREATE INDEX removed_age ON removed (seconds, token);
        CREATE TABLE history (name TEXT PRIMARY KEY, path BLOB NOT NULL, entry BLOB NOT NULL, digest INTEGER,
            size INTEGER NOT NULL, seconds INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX history_digest ON history (digest) WHERE digest IS NOT NULL;
        CREATE INDEX history_age ON history (seconds, name);
        INSERT INTO meta VALUES (0, 1, 9, 7);
        PRAGMA application_id = 1853055851;
        PRAGMA user_version = 1;
        """

    /// What version 2 made of these, empty.
    private static let from1to2 = """
        ALTER TABLE meta ADD COLUMN root INTEGER;
        ALTER TABLE meta ADD COLUMN state INTEGER;
        ALTER TABLE records ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE records ADD COLUMN base_made INTEGER;
        ALTER TABLE records ADD COLUMN base_author TEXT;
        ALTER TABLE log ADD COLUMN author TEXT NOT NULL DEFAULT '';
        ALTER TABLE log ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE removed ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE removed ADD COLUMN author TEXT NOT NULL DEFAULT '';
        ALTER TABLE removed ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
        DROP TABLE history;
        CREATE TABLE history (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path BLOB NOT NULL,
            entry BLOB NOT NULL, digest INTEGER, size INTEGER NOT NULL, seconds INTEGER NOT NULL,
            revision INTEGER NOT NULL, author TEXT NOT NULL, made INTEGER NOT NULL, form INTEGER NOT NULL,
            base INTEGER) STRICT;
        CREATE INDEX history_digest ON history (digest) WHERE digest IS NOT NULL;
        CREATE INDEX history_path ON history (path, id);
        CREATE INDEX history_whole ON history (id) WHERE form = 0;
        CREATE TABLE history_content (id INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
        PRAGMA user_version = 2;
        """

    /// A file as an earlier version left it.
    private func old(_ sql: String..., in folder: Folder, fill: (Database) throws -> Void) throws {
        let old = try DatabaseQueue(path: folder.indexPath)
        try old.write { database in
            for sql in sql { try database.execute(sql: sql) }
            try fill(database)
        }
        try old.close()
    }

    @Test func `An index of version 2 opens, with all that it held`() throws {
        let folder = try Folder()
        let record = try settled("a", 4)
        let copy = try settled("a.conflict-ada-0123abcd", 5)
        try old(Self.version1, Self.from1to2, in: folder) { database in
            for record in [record, copy] {
                try database.execute(
                    sql: "INSERT INTO records VALUES (?, ?, 10, ?, 0, ?, 77, NULL, NULL)",
                    arguments: StatementArguments(
                        .key(record.path), .natural(record.remote.revision.rawValue),
                        .integer(record.local.fileDigest?.prefix), .blob(RecordCoding.encode(record))))
            }
        }
        for _ in 0..<2 {
            let index = try folder.open()
            let origin = Origin(revision: Revision(rawValue: 4), author: "ada", seconds: 77)
            #expect(try index.recordAndOrigin(at: record.path).1 == origin)
            #expect(try index.possibleConflictCopies() == [copy.path])
            #expect(try index.records(ofInode: fingerprint(4).inode) == [record])
            #expect(index.cursor.known == Mark(revision: Revision(rawValue: 9), term: .none))
            #expect(try index.term(at: Revision(rawValue: 9)) == .none)
            try index.close()
        }
    }

    @Test func `An index of version 1 opens, with all that it held`() throws {
        let folder = try Folder()
        let record = try settled("a", 4)
        let copy = try settled("a.conflict-ada-0123abcd", 5)
        let entry = try file(5)
        try old(Self.version1, in: folder) { database in
            for record in [record, copy] {
                try database.execute(
                    sql: "INSERT INTO records VALUES (?, ?, 10, ?, 0, ?)",
                    arguments: StatementArguments(
                        .key(record.path), .natural(record.remote.revision.rawValue),
                        .integer(record.local.fileDigest?.prefix), .blob(RecordCoding.encode(record))))
            }
            try database.execute(
                sql: "INSERT INTO log VALUES (4, ?, 0, ?)",
                arguments: StatementArguments(.key(record.path), .blob(record.remote.entry)))
            for (name, seconds) in [("later", 8), ("sooner", 3)] {
                try database.execute(
                    sql: "INSERT INTO history VALUES (?, ?, ?, ?, 10, ?)",
                    arguments: StatementArguments(
                        name.databaseValue, .key(record.path), .blob(entry), .integer(entry.fileDigest?.prefix),
                        .integer(Int64(seconds))))
            }
            try database.execute(
                sql: "INSERT INTO removed VALUES ('t', ?, ?, ?, NULL, 2)",
                arguments: StatementArguments(.key(record.path), .blob(fingerprint(3)), .blob(entry)))
        }
        for _ in 0..<2 {
            let index = try folder.open()
            #expect(index.replica == 7)
            #expect(try index.record(at: record.path) == record)
            #expect(try index.successor(of: .zero, at: record.path) == record.remote)
            #expect(try index.oldestHistory(limit: 9).map(\.name) == ["sooner", "later"])
            #expect(try index.history(withDigest: entry.fileDigest ?? digest(0)).map(\.form) == [.whole, .whole])
            #expect(try index.removed().map(\.origin) == [.unknown])
            #expect(try index.possibleConflictCopies() == [copy.path])
            #expect(try index.records(ofInode: fingerprint(4).inode) == [record])
            #expect(index.cursor.known == Mark(revision: Revision(rawValue: 9), term: .none))
            #expect(try index.term(at: Revision(rawValue: 9)) == .none)
            try index.close()
        }
    }
}

@Suite struct OriginTests {
    @Test func `A version is known by revision, author and time, also while the next one waits`() throws {
        let index = try Folder().open()
        index.clock = { 100 }
        let first = try settled("a", 1)
        try index.save([first], durably: false)
        index.clock = { 200 }
        // Saved again at the same revision: it came when it came.
        try index.save([first], durably: false)
        let origin = Origin(revision: Revision(rawValue: 1), author: "ada", seconds: 100)
        #expect(try index.recordAndOrigin(at: first.path).1 == origin)
        var pending = first
        pending.remote = version(2, try file(2))
        pending.author = "bob"
        try index.save([pending], durably: false)
        pending.remote = version(3, try file(3))
        pending.author = "cleo"
        index.clock = { 300 }
        try index.save([pending], durably: false)
        #expect(try index.recordAndOrigin(at: first.path).1 == origin)
        var applied = pending
        applied.base = applied.remote
        try index.save([applied], durably: false)
        let next = Origin(revision: Revision(rawValue: 3), author: "cleo", seconds: 300)
        #expect(try index.recordAndOrigin(at: first.path).1 == next)
    }
}

@Suite struct ImageTests {
    /// The index's files, as another process would read them.
    private func files(_ folder: Folder) throws -> (database: [UInt8], log: [UInt8]) {
        let database = try Data(contentsOf: URL(fileURLWithPath: folder.indexPath))
        let log = (try? Data(contentsOf: URL(fileURLWithPath: folder.indexPath + "-wal"))) ?? Data()
        return (Array(database), Array(log))
    }

    @Test func `An image holds what was committed, with a log and without one, of an index that is open`() throws {
        let folder = try Folder()
        let index = try folder.open()
        for number in 1...300 as ClosedRange<UInt64> {
            try index.save([settled("a\(number)", number)], cursor: cursor(number), durably: false)
        }
        let open = try files(folder)
        #expect(!open.log.isEmpty)
        let image = try Index(image: try #require(IndexImage.make(database: open.database, log: open.log)))
        #expect(image.cursor == cursor(300))
        #expect(try image.records(limit: 1000).count == 300)
        try index.close()
        let closed = try files(folder)
        #expect(closed.log.isEmpty)
        let later = try Index(image: try #require(IndexImage.make(database: closed.database, log: closed.log)))
        #expect(try later.records(limit: 1000) == image.records(limit: 1000))
    }

    @Test func `A log that ends anywhere gives what was committed until there, and damage gives errors, never a trap`()
        throws
    {
        let folder = try Folder()
        let index = try folder.open()
        for number in 1...60 as ClosedRange<UInt64> {
            try index.save(
                [settled("a\(number)", number), settled("b\(number)", number + 1000)], cursor: cursor(number),
                durably: false)
        }
        let (database, log) = try files(folder)
        var last: UInt64 = 0
        for part in 0...20 {
            let cut = Array(log.prefix(log.count * part / 20))
            // Without any of it there is nothing yet.
            guard let image = IndexImage.make(database: database, log: cut), let view = try? Index(image: image) else {
                #expect(last == 0)
                continue
            }
            #expect(view.cursor.revision.rawValue >= last)
            last = view.cursor.revision.rawValue
            #expect(try view.records(limit: 1000).count == Int(last) * 2)
        }
        #expect(last == 60)
        var generator = SeededRandom(seed: 11)
        for _ in 0..<200 {
            var broken = log
            for _ in 0..<8 {
                let offset = Int.random(in: 0..<broken.count, using: &generator)
                broken[offset] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let image = IndexImage.make(database: database, log: broken) else { continue }
            _ = try? Index(image: image).records(limit: 1000)
        }
    }
}
