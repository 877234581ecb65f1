import GRDB
import GRDBSQLite
import Testing
import Tree

// GRDB has a type of the same name.
import struct Tree.Cursor

@testable import Index

@Suite struct FeedTests {
    private func change(_ name: String, _ revision: UInt64, _ entry: Entry? = nil) throws -> Change {
        Change(path: try path(name), version: version(revision, try entry ?? file(revision)), author: "ada")
    }

    @Test func `The feed has each path once, at its newest, in order of revision`() throws {
        let index = try Folder().open()
        try index.append(
            [change("b", 1), change("a", 2), change("b", 3, .tombstone)],
            bases: [.zero, .zero, Revision(rawValue: 1)], cursor: cursor(3))
        #expect(try index.feed(after: .zero, limit: 9) == [change("a", 2), change("b", 3, .tombstone)])
        #expect(try index.feed(after: .zero, limit: 1) == [change("a", 2)])
        #expect(try index.feed(after: Revision(rawValue: 2), limit: 9) == [change("b", 3, .tombstone)])
        #expect(try index.feed(after: Revision(rawValue: 3), limit: 9) == [])
        #expect(index.cursor == cursor(3))
    }

    @Test func `What follows the head costs nothing of what is before it`() throws {
        let folder = try Folder()
        let last: UInt64 = 5000
        do {
            let index = try folder.open()
            try index.save((1...last).map { try settled("f\($0)", $0) }, durably: false)
        }
        let database = try DatabaseQueue(path: folder.indexPath)
        try database.read { database in
            let statement = try database.makeStatement(sql: Index.Query.feed)
            func steps(after revision: UInt64) throws -> Int32 {
                let rows = try Row.fetchAll(statement, arguments: [Int64(revision), 100])
                #expect(rows.count == min(100, Int(last - revision)))
                return sqlite3_stmt_status(statement.sqliteStatement, SQLITE_STMTSTATUS_VM_STEP, 1)
            }
            let page = try steps(after: 0)
            #expect(try steps(after: last - 100) <= page)
            #expect(try steps(after: last) < 50)
        }
    }

    @Test func `What only a disk knows is not in the feed`() throws {
        let index = try Folder().open()
        try index.save([Record(path: path("mine"), offered: file(1))], durably: false)
        try index.save([Record(path: path("other"), offered: file(2))], durably: false)
        #expect(try index.feed(after: .zero, limit: 9).isEmpty)
    }

    @Test func `An accepted change keeps the base, the fingerprint and the offer`() throws {
        let index = try Folder().open()
        var record = try settled("a", 1)
        record.offered = try file(2)
        try index.save([record], durably: false)
        try index.append([change("a", 2)], bases: [Revision(rawValue: 1)], cursor: cursor(2))
        record.remote = try change("a", 2).version
        #expect(try index.record(at: path("a")) == record)
    }

    @Test func `The log tells what was accepted on top of a base`() throws {
        let index = try Folder().open()
        try index.append(
            [change("a", 1), change("a", 2)], bases: [.zero, Revision(rawValue: 1)], cursor: cursor(2))
        #expect(try index.successor(of: .zero, at: path("a")) == change("a", 1).version)
        #expect(try index.successor(of: Revision(rawValue: 1), at: path("a")) == change("a", 2).version)
        #expect(try index.successor(of: Revision(rawValue: 2), at: path("a")) == nil)
        #expect(try index.successor(of: .zero, at: path("b")) == nil)
    }

    @Test func `The log keeps its newest rows`() throws {
        let index = try Folder().open(settings: Index.Settings(logRows: 3))
        for revision in 1...10 as ClosedRange<UInt64> {
            let base = Revision(rawValue: revision - 1)
            try index.append([change("a", revision)], bases: [base], cursor: cursor(revision))
        }
        for base in 0..<10 as Range<UInt64> {
            #expect(try (index.successor(of: Revision(rawValue: base), at: path("a")) != nil) == (base >= 7))
        }
    }

    /// Appends the revision in this term.
    private func append(_ revision: UInt64, term: UInt64, to index: Index) throws {
        let head = Revision(rawValue: revision)
        let cursor = Cursor(
            epoch: Epoch(rawValue: 1), revision: head, known: Mark(revision: head, term: Term(rawValue: term)))
        try index.append([change("a", revision)], bases: [Revision(rawValue: revision - 1)], cursor: cursor)
    }

    private func terms(_ revisions: ClosedRange<UInt64>, of index: Index) throws -> [UInt64] {
        try revisions.map { try index.term(at: Revision(rawValue: $0)).rawValue }
    }

    @Test func `A revision is of the term in which it was given`() throws {
        let folder = try Folder()
        let index = try folder.open()
        for (revision, term) in [(1, 5), (2, 5), (3, 9), (4, 7)] as [(UInt64, UInt64)] {
            try append(revision, term: term, to: index)
        }
        #expect(try terms(0...4, of: index) == [0, 5, 5, 9, 7])
        try index.close()
        let again = try folder.open()
        #expect(try terms(0...4, of: again) == [0, 5, 5, 9, 7])
        #expect(again.cursor.known == Mark(revision: Revision(rawValue: 4), term: Term(rawValue: 7)))
        try again.forget(startingAt: cursor(2))
        #expect(try terms(0...4, of: again) == [0, 0, 0, 0, 0])
    }

    @Test func `Of terms before the newest no more is known than that nobody knows them`() throws {
        let index = try Folder().open(settings: Index.Settings(terms: 2))
        for revision in 1...6 as ClosedRange<UInt64> { try append(revision, term: 10 + revision, to: index) }
        let found = try terms(1...6, of: index)
        #expect(found.suffix(2) == [15, 16])
        #expect(Set(found.prefix(4)).isDisjoint(with: [0] + (11...14)))
    }

    @Test func `A batch with one change that can't be is not appended at all`() throws {
        let index = try Folder().open()
        #expect(throws: IndexError.self) {
            try index.append([change("a", 1), change("b", 1)], bases: [.zero, .zero], cursor: cursor(1))
        }
        #expect(throws: IndexError.self) { try index.append([change("a", 1)], bases: [], cursor: cursor(1)) }
        #expect(throws: IndexError.self) { try index.append([change("a", .max)], bases: [.zero], cursor: cursor(1)) }
        #expect(try index.records(limit: 9).isEmpty)
        #expect(index.cursor == .start)
        try index.append([change("a", 1)], bases: [.zero], cursor: cursor(1))
        #expect(index.cursor == cursor(1))
    }

    @Test func `Forgetting leaves content and nothing else`() throws {
        let index = try Folder().open()
        try index.append([change("a", 1)], bases: [.zero], cursor: cursor(1))
        let list = ChunkList(fileSize: 70_000, chunks: [Chunk(size: 70_000, digest: try digest(1))])
        try index.save(list, of: digest(2))
        try index.forget(startingAt: cursor(0, epoch: 9))
        #expect(try index.records(limit: 9).isEmpty)
        #expect(try index.successor(of: .zero, at: path("a")) == nil)
        #expect(index.cursor == cursor(0, epoch: 9))
        #expect(try index.encodedList(of: digest(2)) == list.encoded())
    }

    @Test func `An index that is found in another folder knows nothing of it but content`() throws {
        let folder = try Folder()
        let here = Index.Home(root: 1, state: 2)
        let index = try Index(path: folder.indexPath, newReplica: 7, home: here)
        #expect(!index.wasElsewhere)
        for revision in 1...3 as ClosedRange<UInt64> { try append(revision, term: 5, to: index) }
        let list = ChunkList(fileSize: 70_000, chunks: [Chunk(size: 70_000, digest: try digest(1))])
        try index.save(list, of: digest(2))
        try index.close()
        let same = try Index(path: folder.indexPath, newReplica: 8, home: here)
        #expect(!same.wasElsewhere && same.replica == 7)
        #expect(try terms(1...3, of: same) == [5, 5, 5])
        try same.close()
        let other = try Index(path: folder.indexPath, newReplica: 8, home: Index.Home(root: 3, state: 2))
        #expect(other.wasElsewhere && other.replica == 8)
        #expect(other.cursor == .start)
        #expect(try other.records(limit: 9).isEmpty)
        #expect(try other.successor(of: .zero, at: path("a")) == nil)
        #expect(try terms(0...3, of: other) == [0, 0, 0, 0])
        #expect(try other.encodedList(of: digest(2)) == list.encoded())
    }

    @Test func `Another id is all that changes, and stays`() throws {
        let folder = try Folder()
        let index = try folder.open()
        for revision in 1...3 as ClosedRange<UInt64> { try append(revision, term: 5, to: index) }
        let cursor = index.cursor
        try index.renew(9)
        #expect(index.replica == 9)
        try index.close()
        let same = try folder.open()
        #expect(same.replica == 9)
        #expect(same.cursor == cursor)
        #expect(try terms(1...3, of: same) == [5, 5, 5])
    }
}
