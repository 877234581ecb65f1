import Disk
import TestSupport
import Testing
import Tree

@testable import Replica

@Suite("A copy that is made ahead")
struct CopyAheadTests {
    private let bench: Bench
    private let other: Bench
    /// What `f` is here, as both have agreed.
    private let bytes: [UInt8]
    private let digest: Digest
    private let fingerprint: Fingerprint

    init() throws {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        try self.init(randomBytes(1 << 20, seed: 1) + zeros + randomBytes(1 << 20, seed: 2))
    }

    private init(_ bytes: [UInt8], _ scratch: Scratch? = nil) throws {
        self.bytes = bytes
        bench = try Bench(scratch)
        other = try Bench()
        try bench.write(bytes, to: "f")
        let (entry, found) = try bench.adopt("f")
        digest = try #require(entry.largeFile?.digest)
        fingerprint = found
    }

    private func finishedCopy() throws -> CopyAhead {
        #expect(bench.replica.expect(digest))
        let copy = try #require(bench.replica.copyAhead)
        #expect(copy.finish())
        return copy
    }

    private func place(_ file: Entry.File, _ staged: Staged, at name: String = "g") throws {
        _ = try bench.replica.place(.file(file), staged: staged, at: path(name), expecting: nil)
    }

    @Test func `What an edit left where it was need not be there any more when the edit comes`() throws {
        _ = try finishedCopy()
        bench.shell("rm f")
        var edited = bytes
        edited[500_000] ^= 1
        let (file, staged, sent) = try bench.transfer(edited + [1, 2, 3], from: other)
        // That of the edit, the last, the one that ends where the zeros begin, and theirs.
        #expect(sent <= 5)
        try place(file, staged)
        #expect(try bench.scratch.read("r/g") == edited + [1, 2, 3])
        #expect(try bench.stagingNames.isEmpty)
    }

    @Test func `A file becomes shorter, and zero where it was not`() throws {
        _ = try finishedCopy()
        var edited = bytes.dropLast(200_000)
        for index in 300_000..<700_000 { edited[index] = 0 }
        let (file, staged, sent) = try bench.transfer(Array(edited), from: other)
        #expect(sent < 10)
        try place(file, staged)
        #expect(try bench.scratch.read("r/g") == Array(edited))
    }

    @Test func `Zeros stay holes`() throws {
        _ = try finishedCopy()
        let (file, staged, _) = try bench.transfer(bytes + [1], from: other)
        try place(file, staged)
        #expect(try bench.scratch.read("r/g") == bytes + [1])
        #expect(bench.shell("test $(stat -c %b g) -lt 5000") == 0)
    }

    @Test func `Where all has moved, it is copied to where it belongs`() throws {
        _ = try finishedCopy()
        let (file, staged, sent) = try bench.transfer([7] + bytes, from: other)
        #expect(sent <= 3)
        try place(file, staged)
        #expect(try bench.scratch.read("r/g") == [7] + bytes)
        // It may still serve the next, until it is said to be over.
        _ = bench.replica.rest()
        #expect(try bench.stagingNames.count == 1)
        #expect(bench.replica.expect(nil))
        _ = bench.replica.rest()
        #expect(try bench.stagingNames.isEmpty)
    }

    @Test func `Nothing is taken from a file that was touched meanwhile`() throws {
        let source = UntouchedFile(
            descriptor: try bench.replica.root.openFile(path("f")), fingerprint: fingerprint)
        bench.shell("printf bad | dd of=f bs=1 seek=900000 conv=notrunc 2>/dev/null")
        let copy = try CopyAhead(
            of: digest, source, holding: bench.chunkList(digest), at: bench.replica.state.staged("u-copy"))
        bench.replica.copyAhead = copy
        #expect(!copy.finish())
        var edited = bytes
        edited[500_000] ^= 1
        let (file, staged, _) = try bench.transfer(edited, from: other)
        try place(file, staged)
        #expect(try bench.scratch.read("r/g") == edited)
        #expect(bench.replica.copyAhead == nil)
    }

    @Test func `A transfer that was begun before is gone on with instead`() throws {
        let edited = bytes + [1]
        try other.write(edited, to: "source")
        let file = try #require(try other.adopt("source").entry.largeFile)
        bench.shell("rm f")
        _ = try bench.replica.receive(list: other.list(file.digest), of: file.digest)
        guard case .missing(false, let chunks) = try bench.replica.stage(file, content: nil) else { return }
        for chunk in chunks.dropLast(3) {
            let bytes = try other.chunk(chunk.digest, of: file.digest)
            _ = try bench.replica.receive(chunk: bytes, digest: chunk.digest, of: file.digest)
        }
        try bench.reopen()
        try bench.write(bytes, to: "f")
        try bench.adopt("f")
        _ = try finishedCopy()
        bench.shell("rm f")
        guard case .missing(false, let rest) = try bench.replica.stage(file, content: nil) else {
            Issue.record("nothing is missing")
            return
        }
        #expect(rest == chunks.suffix(3))
        #expect(try bench.stagingNames == ["p-\(file.digest.hex())"])
    }

    @Test func `Content that is not here, or not as it was, is not expected to become another`() throws {
        #expect(!bench.replica.expect(Digest(of: [1])))
        bench.shell("touch f")
        #expect(!bench.replica.expect(digest))
        #expect(try bench.stagingNames.isEmpty)
    }

    @Test(.enabled(if: isSuperuser, "mounting needs the superuser"))
    func `It takes no room that something else needs`() throws {
        let scratch = try Scratch()
        try #require(scratch.shell("mkdir r; mount -t tmpfs -o size=32m none r") == 0)
        defer { scratch.shell("umount -l r") }
        let tests = try CopyAheadTests(randomBytes(8 << 20, seed: 3), scratch)
        let (bench, other) = (tests.bench, tests.other)
        #expect(bench.replica.expect(tests.digest))
        #expect(bench.replica.copyAhead?.finish() == true)
        bench.shell("head -c 10M /dev/zero > filler")
        let (file, staged, _) = try bench.transfer(randomBytes(8 << 20, seed: 4), from: other)
        #expect(bench.replica.copyAhead == nil)
        try tests.place(file, staged)
        // There is as little room now as there was with the copy.
        #expect(bench.replica.expect(tests.digest))
        #expect(bench.replica.copyAhead == nil)
    }

    @Test func `A file is known again by where it begins to be cut`() throws {
        let sizes = try bench.chunkList(digest).chunks.prefix(10).map { Int($0.size) }
        bench.shell("touch f")
        let touched = try bench.replica.root.openFile(path("f")).status().fingerprint
        func likeness(_ cuts: [Int]) throws -> Digest? {
            try bench.replica.likeness(of: path("f"), touched, cuts: cuts)
        }
        #expect(try likeness(sizes) == digest)
        // An edit that moved one end, and one that made one chunk of two.
        #expect(try likeness([sizes[0] + 100, sizes[1] - 100] + sizes.dropFirst(2)) == digest)
        #expect(try likeness([sizes[0] + sizes[1]] + sizes.dropFirst(2)) == digest)
        #expect(try likeness([sizes[0] + 1] + sizes.dropFirst()) == nil)
        #expect(try bench.replica.likeness(of: path("g"), touched, cuts: sizes) == nil)
        #expect(try bench.replica.likeness(of: path("f"), fingerprint, cuts: sizes) == nil)
    }
}
