import Index
import Testing
import Tree

@Suite struct ContentTests {
    private func list(_ numbers: [UInt64]) throws -> ChunkList {
        let chunks = try numbers.map { Chunk(size: 10_000 + UInt32($0), digest: try digest($0)) }
        return ChunkList(fileSize: chunks.reduce(0) { $0 + UInt64($1.size) }, chunks: chunks)
    }

    @Test func `A digest finds the files on the disk that have it`() throws {
        let index = try Folder().open()
        var offered = try settled("offered", 3, file(9))
        offered.offered = try file(1)
        try index.save(
            [
                settled("here", 1, file(1)), settled("also", 2, file(1)), offered,
                Record(path: path("pending"), remote: version(4, file(1))), settled("other", 5, file(5)),
            ], durably: false)
        #expect(try Set(index.records(withDigest: digest(1)).names) == ["here", "also", "offered"])
        #expect(try index.records(withDigest: digest(1), limit: 2).count == 2)
        #expect(try index.records(withDigest: digest(9)).isEmpty)
        try index.save([settled("here", 6, .tombstone)], durably: false)
        #expect(try Set(index.records(withDigest: digest(1)).names) == ["also", "offered"])
    }

    @Test func `A chunk is found in every file that has it`() throws {
        let index = try Folder().open()
        let one = try list([1, 2, 3, 4, 5, 6, 7])
        let other = try list([8, 3, 9, 10, 11, 12, 13])
        try index.save(one, of: digest(100))
        try index.save(other, of: digest(101))
        try index.save(other, of: digest(101))
        let locations = try index.locations(of: one.chunks[2])
        #expect(
            try Set(locations) == [
                ChunkLocation(file: digest(100), offset: 20_003, size: 10_003),
                ChunkLocation(file: digest(101), offset: 10_008, size: 10_003),
            ])
        #expect(try index.locations(of: Chunk(size: 1, digest: digest(3))).isEmpty)
        #expect(try index.list(of: digest(100)) == one)
        #expect(try index.list(of: digest(102)) == nil)
    }

    @Test func `Lists that nothing refers to are removed with their chunks`() throws {
        let index = try Folder().open()
        let numbers: [UInt64] = [100, 101, 102, 103, 104, 105]
        for number in numbers { try index.save(list((0..<7).map { number * 10 + $0 }), of: digest(number)) }
        try index.save(
            [
                settled("here", 1, file(100, size: 70_000)),
                Record(path: path("pending"), remote: version(2, file(101, size: 70_000))),
            ], durably: false)
        let item = RemovedItem(
            token: "t", path: try path("old"), fingerprint: fingerprint(1), expected: try file(102), seconds: 1)
        try index.willRemove([item], durably: false)
        try index.settle(
            "t", as: HistoryItem(name: "h", path: item.path, entry: item.expected, size: 70_000, seconds: 2))
        #expect(try index.removeUnreferencedLists(keeping: [digest(103)], limit: 1) == 1)
        #expect(try index.removeUnreferencedLists(keeping: [digest(103)]) == 1)
        #expect(try index.removeUnreferencedLists(keeping: [digest(103)]) == 0)
        for number in numbers {
            let isKept = number <= 103
            #expect(try (index.list(of: digest(number)) != nil) == isKept)
            let chunk = try list([number * 10]).chunks[0]
            #expect(try !index.locations(of: chunk).isEmpty == isKept)
        }
    }
}

@Suite struct RemovedTests {
    private func item(_ token: String, _ seconds: Int64) throws -> RemovedItem {
        RemovedItem(
            token: token, path: try path("a/\(token)"), fingerprint: fingerprint(3), expected: try file(3),
            seconds: seconds)
    }

    private func history(_ name: String, _ number: UInt64, _ seconds: Int64) throws -> HistoryItem {
        HistoryItem(name: name, path: try path("a"), entry: try file(number), size: number, seconds: seconds)
    }

    @Test func `What was taken out is listed oldest first until it is settled`() throws {
        let folder = try Folder()
        let index = try folder.open()
        try index.willRemove([item("b", 5), item("c", 1)], durably: true)
        try index.willRemove([item("a", 5)], durably: false)
        #expect(try index.removed() == [item("c", 1), item("a", 5), item("b", 5)])
        #expect(throws: IndexError.self) { try index.willRemove([item("a", 9)], durably: false) }
        try index.settle("a")
        try index.settle("never")
        try index.close()
        #expect(try folder.open().removed() == [item("c", 1), item("b", 5)])
    }

    @Test func `History is found by digest, weighed, and struck off oldest first`() throws {
        let index = try Folder().open()
        #expect(try index.historySize() == 0)
        try index.willRemove([item("a", 1), item("b", 2), item("c", 3)], durably: false)
        try index.settle([
            ("a", history("one", 10, 7)), ("b", history("two", 20, 5)), ("c", history("three", 10, 9)),
        ])
        #expect(try index.removed().isEmpty)
        #expect(try index.historySize() == 40)
        #expect(try index.history(withDigest: digest(10)).map(\.name) == ["three", "one"])
        #expect(try index.history(withDigest: digest(11)).isEmpty)
        // The order in which it came counts, not the clock.
        #expect(try index.oldestHistory(limit: 2).map(\.name) == ["one", "two"])
        try index.removeHistory([history("one", 10, 7)])
        #expect(try index.historySize() == 30)
        #expect(try index.oldestHistory(limit: 2).map(\.id) == [2, 3])
    }
}
