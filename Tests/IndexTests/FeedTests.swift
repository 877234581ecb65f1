import Index
import Testing
import Tree

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
}
