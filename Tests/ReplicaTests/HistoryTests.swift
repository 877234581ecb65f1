import Disk
import Index
import TestSupport
import Testing
import Tree

@testable import Replica

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Bench {
    /// What another replica's change does: `bytes` take the place of what is at `name`, and that becomes history.
    func arrive(_ bytes: [UInt8], at name: String) throws {
        let file = try Self.file(bytes)
        let path = try path(name)
        let record = try replica.record(at: path)
        if bytes.count > 65_536, case .missing = try replica.stage(file, content: nil) {
            try scratch.write(bytes, to: "arriving")
            let source = try Root(at: Array(scratch.path.utf8)).openFile(try RelativePath("arriving"))
            let content = try ContentReader().read(source, status: source.status())
            let list = try #require(content.list)
            #expect(try replica.receive(list: list.encoded(), of: file.digest))
            _ = try replica.stage(file, content: nil)
            var start = 0
            for chunk in list.chunks {
                let end = start + Int(chunk.size)
                _ = try replica.receive(chunk: Array(bytes[start..<end]), digest: chunk.digest, of: file.digest)
                start = end
            }
        }
        let staged = try self.staged(file, bytes.count > 65_536 ? nil : bytes)
        try replica.flush()
        let placement = try replica.place(.file(file), staged: staged, at: path, expecting: record.fingerprint)
        guard case .placed(let fingerprint, let out) = placement else { throw BenchError(description: placement.name) }
        try save(name, .file(file), fingerprint)
        if let out { try retire(out) }
    }

    /// What another replica's deletion does.
    func vanish(_ name: String) throws {
        let path = try path(name)
        guard let expected = try replica.record(at: path).fingerprint else { return }
        let out = try #require(try replica.remove(path, expecting: expected).out)
        try save(name, .tombstone, nil)
        try retire(out)
    }

    /// A child of another test's, between its fork and its exec, may hold open what it never heard of.
    private func retire(_ out: Removed) throws {
        try eventually("it to become history") { try replica.retire(out) }
    }

    /// Lets history get as small as it will.
    func tendAll() {
        while replica.tend() || replica.packing > 0 { usleep(200) }
        _ = replica.rest()
    }

    func view() throws -> FolderView {
        try FolderView(at: Array("\(scratch.path)/\(folder)".utf8))
    }

    /// The bytes of a version that another process says is kept.
    func bytes(_ version: KeptVersion, in view: FolderView) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try view.read(version) {
            bytes += $0; return true
        }
        return bytes
    }

    /// What files in the history folder take, in bytes.
    func spaceOfHistory() throws -> UInt64 {
        try replica.state.history.names().reduce(0) { sum, name in
            sum + ((try? replica.state.kept(String(decoding: name, as: UTF8.self)).status().allocated) ?? 0)
        }
    }
}

/// An edit of a file, such as programs make.
private enum Edit: CaseIterable {
    case insert
    case cut
    case append
    case overwrite
    case rewrite
    case shrink
    case back
    case delete

    /// Makes a version of the one before; nil where it is gone. `all` is what was there before.
    func apply(_ bytes: [UInt8]?, _ all: [[UInt8]], _ random: inout some RandomNumberGenerator) -> [UInt8]? {
        let seed = random.next()
        guard var bytes, !bytes.isEmpty else {
            return randomBytes(Int.random(in: 1...300_000, using: &random), seed: seed)
        }
        let start = Int.random(in: 0..<bytes.count, using: &random)
        let count = Int.random(in: 1...40_000, using: &random)
        let end = min(bytes.count, start + count)
        switch self {
        case .insert: bytes.insert(contentsOf: randomBytes(count, seed: seed), at: start)
        case .cut where bytes.count > end - start: bytes.removeSubrange(start..<end)
        case .cut, .append: bytes += randomBytes(count, seed: seed)
        case .overwrite: bytes.replaceSubrange(start..<end, with: randomBytes(end - start, seed: seed))
        case .rewrite: bytes = randomBytes(200_000, seed: seed)
        case .shrink: bytes = randomBytes(count / 8 + 1, seed: seed)
        case .back: bytes = all.randomElement(using: &random) ?? bytes
        case .delete: return nil
        }
        return bytes
    }
}

@Suite struct HistoryTests {
    /// Whether what is listed as kept is what is in `expected`, all of it bit for bit.
    private func check(_ bench: Bench, _ expected: [Digest: [UInt8]], atLeast count: Int = 0) throws {
        let view = try bench.view()
        let kept = try view.kept(within: nil).filter { $0.entry.file != nil }
        #expect(kept.count >= count)
        for version in kept {
            let digest = try #require(version.entry.file?.digest)
            let isWhole = try bench.bytes(version, in: view) == expected[digest]
            #expect(isWhole, "\(version.path) at \(version.origin.revision)")
        }
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `Whatever is listed as kept can be had bit for bit, after any chain of edits`(seed: UInt64) throws {
        var settings = ReplicaSettings()
        // Small enough that the oldest go.
        settings.historySize = 1_500_000
        let bench = try Bench(settings: settings)
        var random = SeededRandom(seed: seed)
        var expected: [Digest: [UInt8]] = [:]
        var present: [String: [UInt8]] = [:]
        var all: [[UInt8]] = []
        for step in 0..<60 {
            let name = ["f", "g"].randomElement(using: &random) ?? "f"
            // Mostly edits that leave most of it as it is.
            let edit =
                Bool.random(using: &random) ? Edit.insert : Edit.allCases.randomElement(using: &random) ?? .append
            let next = edit.apply(present[name], all, &random)
            if let next {
                try bench.arrive(next, at: name)
                expected[try Bench.file(next).digest] = next
                all.append(next)
            } else {
                try bench.vanish(name)
            }
            present[name] = next
            // A person edits the tree at any time: history must not need what is there.
            if Int.random(in: 0..<6, using: &random) == 0, let bytes = present[name] {
                let edited = Edit.overwrite.apply(bytes, all, &random) ?? []
                try bench.write(edited, to: name)
                try bench.adopt(name)
                expected[try Bench.file(edited).digest] = edited
                present[name] = edited
            }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: _ = bench.replica.tend()
            case 1: bench.tendAll()
            case 2 where step % 10 == 0: try bench.reopen()
            default: break
            }
            if step % 5 == 4 { try check(bench, expected) }
        }
        bench.shell("rm -f f g")
        bench.tendAll()
        try check(bench, expected, atLeast: 3)
        #expect(try bench.replica.index.historySize() <= settings.historySize)
    }

    @Test func `Of a large file that changes a little, each version costs what changed`() throws {
        let bench = try Bench()
        var bytes = randomBytes(4 << 20, seed: 1)
        var versions: [Digest: [UInt8]] = [:]
        for seed in 2...21 as ClosedRange<UInt64> {
            try bench.arrive(bytes, at: "log")
            versions[try Bench.file(bytes).digest] = bytes
            bytes += randomBytes(1000, seed: seed)
        }
        try bench.arrive(bytes, at: "log")
        bench.tendAll()
        try check(bench, versions, atLeast: 20)
        // The newest is whole; each of the others has its last chunk or two.
        try eventually("the whole files to go") { try bench.spaceOfHistory() < 4 << 20 + 20 * 160 << 10 }
        #expect(try bench.replica.index.historySize() < 4 << 20 + 20 * 200 << 10)
        let forms = try bench.replica.index.oldestHistory(limit: 30).map(\.form)
        #expect(forms == Array(repeating: .pack, count: 19) + [.file])
    }

    @Test func `Many small versions take no files`() throws {
        let bench = try Bench()
        var versions: [Digest: [UInt8]] = [:]
        for number in 0..<300 {
            let bytes = Array("version \(number)".utf8)
            versions[Digest(of: bytes)] = bytes
            try bench.arrive(bytes, at: "f")
        }
        bench.tendAll()
        try eventually("the files to go") { try bench.replica.state.history.names().isEmpty }
        try check(bench, versions, atLeast: 299)
        // As content for others, too.
        let old = try Bench.file("version 7")
        #expect(try bench.replica.knows(old.digest))
        #expect(try bench.replica.stage(old, content: nil).name == "ready")
    }

    @Test func `A version that is kept as a pack is content for others, too`() throws {
        let bench = try Bench()
        let first = randomBytes(1 << 20, seed: 1)
        try bench.arrive(first, at: "f")
        for seed in 2...3 as ClosedRange<UInt64> {
            try bench.arrive(Array(first[..<300_000]) + randomBytes(500, seed: seed) + first[300_000...], at: "f")
        }
        bench.tendAll()
        bench.shell("rm f")
        let file = try Bench.file(first)
        #expect(try bench.replica.index.history(withDigest: file.digest).map(\.form) == [.pack])
        for chunk in try bench.chunkList(file.digest).chunks {
            #expect(Digest(of: try bench.chunk(chunk.digest, of: file.digest)) == chunk.digest)
        }
        let staged = try bench.staged(file, nil)
        #expect(try bench.scratch.read("\(bench.folder)/.nosocks/staging/\(staged.name)") == first)
    }

    @Test func `What is too old goes first, in the order in which it came, also when the clock was set back`() throws {
        var settings = ReplicaSettings()
        settings.historyDays = 2
        let bench = try Bench(settings: settings)
        var now: Int64 = 10 * 86_400
        bench.replica.index.clock = { now }
        for (number, day) in [10, 12, 9, 13, 13].enumerated() as EnumeratedSequence<[Int64]> {
            now = day * 86_400
            try bench.arrive(Array("version \(number)".utf8), at: "f")
        }
        bench.tendAll()
        func days(at time: Int64) throws -> [Int64] {
            now = time
            bench.replica.nextPruning = 0
            _ = bench.replica.tend()
            return try bench.replica.index.oldestHistory(limit: 9).map { $0.seconds / 86_400 }
        }
        // The one of day 9 is too old, but came after one that is not: what came before may need it.
        #expect(try days(at: 13 * 86_400 + 120) == [12, 9, 13, 13])
        #expect(try days(at: 14 * 86_400 + 120) == [13, 13])
    }

    @Test(arguments: 0..<3)
    func `A crash at any point of packing loses no version and leaves no rest`(point: Int) throws {
        let bench = try Bench()
        let first = randomBytes(1 << 20, seed: 1)
        let second = first + randomBytes(1000, seed: 2)
        let third = second + randomBytes(1000, seed: 3)
        for bytes in [first, second, third] { try bench.arrive(bytes, at: "f") }
        let names = try bench.replica.index.oldestHistory(limit: 9).map(\.name)
        switch point {
        // In the middle of writing the pack.
        case 0: bench.shell("printf nskpack1 > .nosocks/history/\(names[0]).pack")
        // After the pack was written, before its row.
        case 1:
            try eventually("the pack") {
                _ = bench.replica.tend()
                return try bench.replica.state.history.names().contains(Array("\(names[0]).pack".utf8))
            }
        // After the row, before the whole file went.
        default:
            bench.shell("cp .nosocks/history/\(names[0]) kept")
            bench.tendAll()
            try eventually("the whole file to go") {
                try bench.replica.state.history.names().contains(Array(names[0].utf8)) == false
            }
            bench.shell("mv kept .nosocks/history/\(names[0])")
        }
        try bench.reopen()
        let versions = [try Bench.file(first).digest: first, try Bench.file(second).digest: second]
        try check(bench, versions, atLeast: 2)
        bench.tendAll()
        try check(bench, versions, atLeast: 2)
        try eventually("two files") {
            Set(try bench.replica.state.history.names()) == [Array("\(names[0]).pack".utf8), Array(names[1].utf8)]
        }
    }

    @Test func `What has another name becomes history as a copy, which nothing changes that is written by that`() throws
    {
        let bench = try Bench()
        let first = randomBytes(1 << 20, seed: 1)
        try bench.arrive(first, at: "f")
        let second = first + randomBytes(1000, seed: 2)
        try bench.arrive(second, at: "f")
        bench.shell("ln f ../link")
        try bench.adopt("f")
        try bench.arrive(second + [1], at: "f")
        bench.tendAll()
        bench.shell("printf x >> ../link")
        try check(bench, [try Bench.file(first).digest: first, try Bench.file(second).digest: second], atLeast: 2)
        #expect(try bench.replica.index.oldestHistory(limit: 1).map(\.form) == [.pack])
    }
}

@Suite struct ReviewTests {
    @Test func `What is still held open is done with when it was closed`() throws {
        let bench = try Bench()
        try bench.arrive(Array("one".utf8), at: "f")
        let writer = try bench.replica.root.place(of: path("f")).openForWriting()
        let expected = try #require(try bench.replica.record(at: path("f")).fingerprint)
        let out = try #require(try bench.replica.remove(path("f"), expecting: expected).out)
        #expect(try !bench.replica.retire(out))
        withExtendedLifetime(writer) {}
    }
}

/// Waits until something holds that another thread brings about.
func eventually(_ what: String, _ holds: () throws -> Bool) throws {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .seconds(20))
    while try !holds() {
        guard clock.now < end else { throw BenchError(description: "waited in vain for \(what)") }
        usleep(1000)
    }
}
