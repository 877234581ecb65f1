import Foundation
import TestSupport
import Testing
import Tree

@testable import Index

@Suite struct DamageTests {
    @Test func `An index is as it was when it is opened again`() throws {
        let folder = try Folder()
        let index = try folder.open()
        try index.save([settled("a", 1)], cursor: cursor(1), durably: false)
        try index.close()
        let again = try Index(path: folder.indexPath, newReplica: 8)
        #expect(again.replica == 7)
        #expect(again.cursor == cursor(1))
        #expect(try again.record(at: path("a")) == settled("a", 1))
    }

    @Test func `After a crash the index is as a transaction left it`() throws {
        let folder = try Folder()
        let index = try folder.open()
        for number in 1...50 as ClosedRange<UInt64> {
            try index.save(
                [settled("a\(number)", number), settled("b\(number)", number + 1000)], cursor: cursor(number),
                durably: number.isMultiple(of: 10))
        }
        // What a crash leaves: the file and a WAL that ends anywhere.
        let wal = try Data(contentsOf: URL(fileURLWithPath: folder.indexPath + "-wal"))
        var last: UInt64 = 0
        for tenth in 0...10 {
            let crashed = try Folder()
            try FileManager.default.copyItem(atPath: folder.indexPath, toPath: crashed.indexPath)
            try wal.prefix(wal.count * tenth / 10).write(to: URL(fileURLWithPath: crashed.indexPath + "-wal"))
            let recovered = try crashed.open()
            let revision = recovered.cursor.revision.rawValue
            #expect(revision >= last)
            #expect(try recovered.records(limit: 1000).count == Int(revision) * 2)
            last = revision
        }
        #expect(last == 50)
    }

    @Test func `A file of another kind is refused`() throws {
        let garbage = try Folder()
        try Data(repeating: 0x41, count: 10_000).write(to: URL(fileURLWithPath: garbage.indexPath))
        #expect(try kind { try garbage.open() } == .damaged)
        let nowhere = try Folder()
        try FileManager.default.createDirectory(atPath: nowhere.indexPath, withIntermediateDirectories: false)
        #expect(try kind { try nowhere.open() } == .failed)
    }

    @Test(arguments: [(60, 5, IndexError.Kind.newerSchema), (60, 200, .newerSchema), (68, 1, .damaged)])
    func `A file of a newer schema or of another program is refused`(
        offset: Int, value: Int, kind: IndexError.Kind
    ) throws {
        let folder = try Folder()
        try folder.open().close()
        // The header's user_version and application_id, big-endian.
        var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.indexPath))
        bytes[offset + 3] = UInt8(value)
        try bytes.write(to: URL(fileURLWithPath: folder.indexPath))
        #expect(try self.kind { try folder.open() } == kind)
    }

    private func kind(_ body: () throws -> Index) throws -> IndexError.Kind? {
        do {
            _ = try body()
            return nil
        } catch let error as IndexError {
            return error.kind
        }
    }

    @Test func `A damaged row is an error or another row, never a trap`() throws {
        let seed: UInt64 = 3
        var random = SeededRandom(seed: seed)
        var record = try settled("some/path", 12)
        record.base = version(11, .symlink(Entry.Symlink(target: Array("target".utf8))))
        record.offered = .directory(Entry.Directory(mode: Mode(rawValue: 0o700)))
        let state = RecordCoding.encode(record)
        func decode(_ bytes: [UInt8]) throws -> Record {
            try bytes.withUnsafeBytes {
                try RecordCoding.decode($0, path: record.path, revision: record.remote.revision)
            }
        }
        #expect(try decode(state) == record)
        for count in 0..<state.count { #expect(throws: Damage.self) { try decode(Array(state[..<count])) } }
        #expect(throws: Damage.self) { try decode(state + [0]) }
        for _ in 0..<20_000 {
            var damaged = state
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: damaged.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? decode(damaged)
        }
    }

    @Test func `A damaged file gives errors, never a trap`() throws {
        let seed: UInt64 = 5
        var random = SeededRandom(seed: seed)
        let folder = try Folder()
        let index = try folder.open()
        try index.save((1...300).map { try settled("folder-\($0 % 7)/file-\($0)", $0) }, durably: false)
        try index.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.indexPath))
        var errors = 0
        for _ in 0..<60 {
            var bytes = whole
            for _ in 0..<200 {
                bytes[Int.random(in: 100..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let damaged = try Folder()
            try bytes.write(to: URL(fileURLWithPath: damaged.indexPath))
            do {
                let index = try damaged.open()
                for _ in 0..<2 {
                    errors += count { _ = try index.records(limit: 1000) }
                    errors += count { _ = try index.feed(after: .zero, limit: 1000) }
                    errors += count { _ = try index.children(of: path("folder-1")) }
                    errors += count { _ = try index.counts() }
                    errors += count { _ = try index.records(withDigest: digest(5)) }
                    errors += count { try index.save([settled("folder-3/new", 900)], durably: true) }
                }
            } catch is IndexError {
                errors += 1
            }
        }
        print("index: \(errors) errors from damaged files")
        #expect(errors > 0)
    }

    private func count(_ body: () throws -> Void) -> Int {
        do {
            try body()
            return 0
        } catch {
            #expect(error is IndexError)
            return 1
        }
    }
}
