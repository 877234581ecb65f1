import Foundation
import Index
import Testing
import Tree

/// Prints figures and asserts none: machines differ. Run it alone and in release for figures that mean something.
@Suite(.serialized)
struct IndexSpeed {
    #if DEBUG
    private let count = 10_000
    #else
    private let count = 200_000
    #endif

    @Test func `Many rows`() throws {
        let folder = try Folder()
        let index = try folder.open()
        var records: [Record] = []
        records.reserveCapacity(count)
        for number in 0..<count {
            let name = "project/folder-\(number / 100)/source-file-\(number).swift"
            records.append(try settled(name, UInt64(number + 1)))
        }
        func measure(_ name: String, _ operations: Int, _ body: () throws -> Void) rethrows {
            let time = try ContinuousClock().measure(body)
            let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
            print("index: \(name): \(Int(Double(operations) / seconds)) a second")
        }
        func save(_ durably: Bool, batch: Int = 1000, _ records: ArraySlice<Record>) throws {
            for start in stride(from: records.startIndex, to: records.endIndex, by: batch) {
                try index.save(Array(records[start..<min(start + batch, records.endIndex)]), durably: durably)
            }
        }
        try measure("saves of new records, batches of 1000", count) { try save(false, records[...]) }
        try measure("saves of the same records", count) { try save(false, records[...]) }
        try measure("durable saves, batches of 1000", count) { try save(true, records[...]) }
        try measure("durable saves, one by one", 200) { try save(true, batch: 1, records[..<200]) }
        try measure("saves one by one", 10_000) { try save(false, batch: 1, records[..<10_000]) }
        let order = (0..<count).map { _ in Int.random(in: 0..<count) }
        try measure("record(at:), random", count) {
            for number in order { _ = try index.record(at: records[number].path) }
        }
        try measure("records in order", count) {
            var last: RelativePath?
            while let page = Optional(try index.records(after: last, limit: 1000)), !page.isEmpty {
                last = page.last?.path
            }
        }
        try measure("children of 100-file folders", count) {
            for number in 0..<(count / 100) {
                _ = try index.children(of: try path("project/folder-\(number)"))
            }
        }
        try measure("feed", count) {
            var after = Revision.zero
            while let last = try index.feed(after: after, limit: 1000).last { after = last.revision }
        }
        try measure("lookups by digest, random", count) {
            for number in order { _ = try index.records(withDigest: try digest(UInt64(number + 1))) }
        }
        try measure("appends, batches of 1000", 10_000) {
            for start in stride(from: 0, to: 10_000, by: 1000) {
                let changes = records[start..<(start + 1000)].enumerated().map { offset, record in
                    Change(
                        path: record.path, version: version(UInt64(300_000 + start + offset), record.remote.entry),
                        author: "ada")
                }
                let bases = records[start..<(start + 1000)].map(\.remote.revision)
                try index.append(changes, bases: bases, cursor: cursor(UInt64(300_000 + start + 999)))
            }
        }
        try measure("counts", 1) { _ = try index.counts() }
        let copies = try (0..<10).map { try settled("project/x.conflict-ada-0123abc\($0)", UInt64(400_000 + $0)) }
        try index.save(copies, durably: false)
        try measure("lists of ten conflict copies", 1000) {
            for _ in 0..<1000 { _ = try index.possibleConflictCopies() }
        }
        try index.close()
        let size = try FileManager.default.attributesOfItem(atPath: folder.indexPath)[.size] as? Int ?? 0
        print("index: \(size / count) bytes a row on the disk")
    }
}
