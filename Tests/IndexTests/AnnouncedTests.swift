import Index
import Testing
import Tree

@Suite struct AnnouncedTests {
    private func pending(_ name: String, _ revision: UInt64) throws -> Record {
        Record(path: try path(name), remote: version(revision, try file(revision)), author: "grace")
    }

    @Test func `What is announced is known to whoever asks`() throws {
        let index = try Folder().open()
        try index.save([settled("kept", 1)], durably: false)
        let announced = try [pending("a/b", 2), pending("c", 3)]
        try index.announce(announced, cursor: cursor(3))
        for record in announced { #expect(try index.record(at: record.path) == record) }
        #expect(index.cursor == cursor(3))
        #expect(try index.unfinished(limit: 10) == announced)
        for record in announced { #expect(try index.record(at: record.path) == record) }
        #expect(try index.liveEntry(inside: path("a")) == path("a/b"))
        #expect(try index.counts().entries == 3)
    }

    @Test func `What is announced is there after the process ends, and what was saved since then is newer`() throws {
        let folder = try Folder()
        let index = try folder.open()
        let first = try pending("a", 1)
        let second = try pending("b", 2)
        let done = try settled("a", 1)
        try index.announce([first, second], cursor: cursor(2))
        try index.close()

        let again = try folder.open()
        #expect(again.cursor == cursor(2))
        #expect(try again.record(at: first.path) == first)
        #expect(try again.record(at: second.path) == second)
        let third = try pending("c", 3)
        try again.announce([second, third], cursor: cursor(3))
        try again.save([done], durably: false)
        try again.close()

        let last = try folder.open()
        #expect(try last.records(limit: 10) == [done, second, third])
        try last.announce([first], cursor: cursor(3))
        try last.forget(startingAt: cursor(0))
        try last.close()
        #expect(try folder.open().records(limit: 10).isEmpty)
    }

    @Test func `A later announcement of a path replaces an earlier one`() throws {
        let folder = try Folder()
        let index = try folder.open()
        let newer = try pending("a", 2)
        try index.announce([pending("a", 1)], cursor: cursor(1))
        try index.announce([newer], cursor: cursor(2))
        #expect(try index.record(at: newer.path) == newer)
        try index.close()
        #expect(try folder.open().record(at: newer.path) == newer)
    }

    @Test func `Where a base came from is known while the next version is announced, and after it`() throws {
        let folder = try Folder()
        let index = try folder.open()
        index.clock = { 100 }
        var record = try settled("a", 1)
        try index.save([record], durably: false)
        let origin = Origin(revision: Revision(rawValue: 1), author: "ada", seconds: 100)
        index.clock = { 200 }
        record.remote = version(2, try file(2))
        record.author = "grace"
        try index.announce([record], cursor: cursor(2))
        #expect(try index.recordAndOrigin(at: record.path).1 == origin)
        try index.close()
        #expect(try folder.open().recordAndOrigin(at: record.path).1 == origin)
    }
}
