import Index
import TestSupport
import Testing
import Tree

@Suite struct RecordTests {
    @Test func `A record comes back as it was saved`() throws {
        let records = try [
            settled("file", 1),
            Record(path: path("pending"), remote: version(2, file(2)), author: "grace"),
            Record(path: path("offered"), offered: file(3)),
            Record(
                path: path("all"), base: version(4, .symlink(Entry.Symlink(target: Array("a/../b".utf8)))),
                remote: version(9, .directory(Entry.Directory(mode: Mode(rawValue: 0o750)))), author: "é",
                fingerprint: fingerprint(4), offered: .tombstone),
            settled("deleted", 5, .tombstone),
            Record(
                path: RelativePath([0xff, 0x2f, 0x01]), base: version(6, file(6)), remote: version(7, .tombstone)),
            Record(path: path("same revision"), base: version(8, .tombstone), remote: version(8, file(8))),
        ]
        let folder = try Folder()
        let index = try folder.open()
        try index.save(records, durably: false)
        for record in records { #expect(try index.record(at: record.path) == record) }
        try index.save(records.reversed(), durably: true)
        for record in records { #expect(try index.record(at: record.path) == record) }
        #expect(try index.record(at: path("nothing")) == Record(path: path("nothing")))
    }

    @Test func `A record of nothing takes no row`() throws {
        let index = try Folder().open()
        try index.save([settled("a", 1)], durably: false)
        try index.save([Record(path: path("a"))], durably: false)
        #expect(try index.records(limit: 10).isEmpty)
    }

    @Test func `Records come in the order of a walk, not of the bytes of whole paths`() throws {
        let walk = ["a", "a/b", "a/b/c", "a/c", "a-b", "a.b", "a0", "b", "b/a"]
        let index = try Folder().open()
        try index.save(walk.reversed().enumerated().map { try settled($1, UInt64($0) + 1) }, durably: false)
        #expect(try index.records(limit: 100).names == walk)
        #expect(try index.records(inside: path("a"), limit: 100).names == ["a/b", "a/b/c", "a/c"])
        #expect(try index.records(inside: path("a"), after: path("a/b"), limit: 1).names == ["a/b/c"])
        #expect(try index.records(inside: path("b"), after: path("a"), limit: 9).names == ["b/a"])
        #expect(try index.records(inside: path("a"), after: path("b"), limit: 9).names == [])
        #expect(try walk.map(path).sorted(by: PathOrder.precedes).names == walk)
    }

    @Test func `What is gone, as all agree, is left out if nobody asks for it`() throws {
        let index = try Folder().open()
        let gone = version(2, .tombstone)
        try index.save(
            [
                try settled("a", 1), try settled("gone", 2, .tombstone),
                Record(path: try path("offered"), base: gone, remote: gone, offered: try file(3)),
                Record(path: try path("pending"), base: version(1, try file(4)), remote: gone),
                Record(path: try path("unseen"), base: gone, remote: gone, fingerprint: .outOfSight),
            ].enumerated().map { number, record in
                var record = record
                record.remote = version(UInt64(number) + 3, record.remote.entry)
                if record.base.entry == record.remote.entry { record.base = record.remote }
                if record.path.bytes == Array("gone".utf8) { record.fingerprint = nil }
                return record
            }, durably: false)
        #expect(try index.records(limit: 9).names == ["a", "gone", "offered", "pending", "unseen"])
        #expect(try index.records(limit: 9, includingGone: false).names == ["a", "offered", "pending", "unseen"])
    }

    @Test func `Children are exactly one level below`() throws {
        let paths = ["d", "d/a", "d/a/x", "d/a/y/z", "d/b", "d/deep/er/x", "d/e", "d-", "e"]
        let index = try Folder().open()
        try index.save(paths.enumerated().map { try settled($1, UInt64($0) + 1) }, durably: false)
        #expect(try index.children(of: path("d")).names == ["d/a", "d/b", "d/e"])
        #expect(try index.children(of: nil).names == ["d", "d-", "e"])
        #expect(try index.children(of: path("d"), limit: 2).names == ["d/a", "d/b"])
        #expect(try index.children(of: path("d"), after: path("d/a"), limit: 1).names == ["d/b"])
        #expect(try index.children(of: path("d/a/y")).names == ["d/a/y/z"])
        #expect(try index.children(of: path("nowhere")).isEmpty)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `Iteration agrees with a sorted array`(seed: UInt64) throws {
        var generator = SeededRandom(seed: seed)
        var paths: Set<RelativePath> = []
        for _ in 0..<200 {
            var bytes: [UInt8] = []
            for depth in 0..<Int.random(in: 1...4, using: &generator) {
                if depth > 0 { bytes.append(UInt8(ascii: "/")) }
                for _ in 0..<Int.random(in: 1...2, using: &generator) {
                    bytes.append([0x01, 0x2d, 0x30, 0x61, 0xff].randomElement(using: &generator) ?? 1)
                }
            }
            paths.insert(try RelativePath(bytes))
        }
        let sorted = paths.sorted(by: PathOrder.precedes)
        let index = try Folder().open()
        try index.save(
            paths.enumerated().map { Record(path: $1, remote: version(UInt64($0) + 1, try file(1))) }, durably: false)
        #expect(try pages { try index.records(after: $0, limit: 7) } == sorted, "seed \(seed)")
        for directory in Set(paths.flatMap(\.ancestors)) {
            let inside = sorted.filter { $0.isInside(directory) }
            #expect(try pages { try index.records(inside: directory, after: $0, limit: 3) } == inside, "seed \(seed)")
            #expect(
                try pages { try index.children(of: directory, after: $0, limit: 3) }
                    == inside.filter { $0.parent == directory }, "seed \(seed)")
        }
    }

    private func pages(_ page: (RelativePath?) throws -> [Record]) throws -> [RelativePath] {
        var all: [RelativePath] = []
        while true {
            let next = try page(all.last).map(\.path)
            if next.isEmpty { return all }
            all += next
        }
    }

    @Test func `A live entry inside is one that the hub has, or will have if it is accepted`() throws {
        let index = try Folder().open()
        try index.save(
            [
                settled("d", 1, .directory(Entry.Directory(mode: Mode(rawValue: 0o755)))),
                settled("d/gone", 2, .tombstone), settled("d-live", 3), settled("e/x/y", 4),
                Record(path: path("f/local"), base: version(5, file(5)), remote: version(6, .tombstone)),
                Record(path: path("g/offered"), offered: file(7)),
                Record(
                    path: path("h/leaving"), base: version(8, file(8)), remote: version(8, file(8)), offered: .tombstone
                ),
            ], durably: false)
        #expect(try index.liveEntry(inside: path("g"))?.description == "g/offered")
        #expect(try index.liveEntry(inside: path("h")) == nil)
        #expect(try index.liveEntry(inside: path("d")) == nil)
        #expect(try index.liveEntry(inside: path("e"))?.description == "e/x/y")
        #expect(try index.liveEntry(inside: path("e/x/y")) == nil)
        #expect(try index.liveEntry(inside: path("f")) == nil)
    }

    @Test func `Unfinished is what is pending or offered`() throws {
        let index = try Folder().open()
        var offered = try settled("c", 3)
        offered.offered = .tombstone
        try index.save(
            [settled("a", 1), Record(path: path("b"), remote: version(2, file(2))), offered, settled("d", 4)],
            durably: false)
        #expect(try index.unfinished(limit: 10).names == ["b", "c"])
        #expect(try index.unfinished(after: path("b"), limit: 10).names == ["c"])
        #expect(try index.unfinished(limit: 1).names == ["b"])
        offered.offered = nil
        try index.save([offered], durably: false)
        #expect(try index.unfinished(limit: 10).names == ["b"])
    }

    @Test func `Counts are of what is live at the hub`() throws {
        let index = try Folder().open()
        #expect(try index.counts() == Index.Counts(entries: 0, bytes: 0, unfinished: 0))
        try index.save(
            [
                settled("a", 1, file(1, size: 100)), settled("b", 2, file(2, size: 0)), settled("c", 3, .tombstone),
                settled("d", 4, .directory(Entry.Directory(mode: Mode(rawValue: 0o755)))),
                Record(path: path("e"), remote: version(5, file(5, size: 23))),
            ], durably: false)
        #expect(try index.counts() == Index.Counts(entries: 4, bytes: 123, unfinished: 1))
    }
}
