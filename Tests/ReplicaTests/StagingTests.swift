import Disk
import Index
import TestSupport
import Testing
import Tree

@testable import Replica

@Suite struct StagingTests {
    @Test func `Content is staged with its mode and mtime, and nothing else is`() throws {
        let bench = try Bench()
        let file = try Bench.file("hello", mode: 0o640)
        #expect(try bench.replica.stage(file, content: Array("jello".utf8)).name == "mismatch")
        #expect(try bench.replica.stage(file, content: Array("hell".utf8)).name == "mismatch")
        #expect(try bench.replica.stage(file, content: nil).name == "1 chunks")
        #expect(try bench.stagingNames.isEmpty)
        let staged = try bench.staged(file, Array("hello".utf8))
        _ = try bench.replica.place(.file(file), staged: staged, at: path("f"), expecting: nil)
        #expect(try bench.present("f").entry == .file(file))
        #expect(try bench.stagingNames.isEmpty)
    }

    @Test func `An empty file needs no content`() throws {
        let bench = try Bench()
        #expect(try bench.replica.stage(Bench.file(""), content: nil).name == "ready")
    }

    @Test func `Discarded content is gone`() throws {
        let bench = try Bench()
        bench.replica.discard(try bench.staged(Bench.file("x"), Array("x".utf8)))
        #expect(try bench.stagingNames.isEmpty)
    }

    @Test func `A chunk of one arrives by itself`() throws {
        let bench = try Bench()
        let file = try Bench.file("hello")
        #expect(try !bench.replica.receive(chunk: Array("jello".utf8), digest: file.digest, of: file.digest))
        #expect(try bench.replica.receive(chunk: Array("hello".utf8), digest: file.digest, of: file.digest))
        #expect(try bench.replica.stage(file, content: nil).name == "ready")
    }

    @Test func `A copied file needs no content, small or large`() throws {
        let bench = try Bench()
        for bytes in [Array("small".utf8), randomBytes(300_000, seed: 9)] {
            try bench.write(bytes, to: "original")
            guard case .file(var file) = try bench.adopt("original").entry else { return }
            file.mode = Mode(rawValue: 0o600)
            let staged = try bench.staged(file, nil)
            #expect(
                try bench.replica.place(.file(file), staged: staged, at: path("copy"), expecting: nil).name == "placed")
            #expect(try bench.scratch.read("r/copy") == bytes)
            #expect(try bench.present("copy").entry == .file(file))
            bench.shell("rm copy")
        }
    }

    @Test func `What was just taken out of the tree is a source`() throws {
        let bench = try Bench()
        for bytes in [Array("small".utf8), randomBytes(300_000, seed: 9)] {
            try bench.write(bytes, to: "old")
            let (entry, fingerprint) = try bench.adopt("old")
            guard case .file(let file) = entry else { return }
            _ = try bench.replica.remove(path("old"), expecting: fingerprint)
            try bench.save("old", .tombstone, nil)
            bench.replica.recent = RecentContent(limit: 0)
            let staged = try bench.staged(file, nil)
            _ = try bench.replica.place(entry, staged: staged, at: path("new"), expecting: nil)
            #expect(try bench.scratch.read("r/new") == bytes)
            bench.shell("rm new")
        }
    }

    @Test func `What both agreed on is known for good, what is only offered is not`() throws {
        let bench = try Bench()
        try bench.write("text", to: "f")
        let (entry, fingerprint) = try bench.present("f")
        guard case .file(let file) = entry else { return }
        let offered = Record(path: try path("f"), fingerprint: fingerprint, offered: entry)
        try bench.replica.save([offered], cursor: nil, durably: false)
        #expect(try !bench.replica.knows(file.digest))
        try bench.save("f", entry, fingerprint)
        #expect(try bench.replica.knows(file.digest))
        bench.shell("mv f g")
        try bench.save("f", .tombstone, nil)
        #expect(try bench.replica.knows(file.digest))
    }

    @Test func `Chunk lists of versions that are gone do not pile up`() throws {
        var settings = ReplicaSettings()
        settings.spareLists = 8
        let bench = try Bench(settings: settings)
        var last: Digest?
        for version in 0..<100 {
            try bench.write(randomBytes(100_000, seed: UInt64(version)), to: "log")
            guard case .file(let file) = try bench.adopt("log").entry else { return }
            last = file.digest
        }
        #expect(try bench.replica.index.listCount() <= 9)
        #expect(try bench.replica.list(of: #require(last)) != nil)
    }

    @Test func `A file that is not any more what the index says is no source`() throws {
        let bench = try Bench()
        try bench.write(randomBytes(300_000, seed: 9), to: "f")
        guard case .file(let file) = try bench.adopt("f").entry else { return }
        let list = try bench.chunkList(file.digest)
        try bench.write(randomBytes(300_000, seed: 10), to: "f")
        #expect(try bench.replica.stage(file, content: nil).name == "\(list.chunks.count) chunks")
    }

    @Test func `A list comes by its difference, where the other list is known`() throws {
        let other = try Bench()
        var bytes = randomBytes(2 << 20, seed: 12)
        try other.write(bytes, to: "f")
        let former = try #require(try other.adopt("f").entry.largeFile)
        bytes[1 << 20] ^= 1
        try other.write(bytes, to: "f")
        let file = try #require(try other.adopt("f").entry.largeFile)
        let difference = try #require(try other.replica.difference(of: file.digest, from: former.digest))
        let list = try other.list(file.digest)
        #expect(difference.count < list.count / 10)

        let bench = try Bench()
        #expect(try bench.replica.receive(difference: difference, from: former.digest, of: file))
        #expect(try bench.replica.list(of: file.digest) == nil)
        #expect(try bench.replica.receive(list: other.list(former.digest), of: former.digest))
        #expect(try !bench.replica.receive(difference: difference + [0], from: former.digest, of: file))
        #expect(try !bench.replica.receive(difference: difference, from: former.digest, of: former))
        #expect(try bench.replica.list(of: file.digest) == nil)
        #expect(try bench.replica.receive(difference: difference, from: former.digest, of: file))
        #expect(try bench.list(file.digest) == list)
        #expect(try other.replica.difference(of: file.digest, from: Digest(of: [1])) == nil)
    }

    @Test func `A large file comes in chunks, an edited one in those that changed`() throws {
        let bench = try Bench()
        let other = try Bench()
        var bytes = randomBytes(2 << 20, seed: 11)
        let (file, staged, sent) = try bench.transfer(bytes, from: other)
        #expect(sent > 20)
        #expect(try bench.replica.place(.file(file), staged: staged, at: path("f"), expecting: nil).name == "placed")
        #expect(try bench.scratch.read("r/f") == bytes)
        let fingerprint = try bench.adopt("f").fingerprint
        bytes.insert(42, at: 1_000_000)
        let (edited, next, changed) = try bench.transfer(bytes, from: other)
        #expect(changed <= 3)
        let placement = try bench.replica.place(.file(edited), staged: next, at: path("f"), expecting: fingerprint)
        #expect(placement.name == "placed")
        #expect(try bench.scratch.read("r/f") == bytes)
    }

    @Test func `Chunks of an edited file are read only if it was touched`() throws {
        for isTouched in [false, true] {
            let bench = try Bench()
            let other = try Bench()
            var bytes = randomBytes(2 << 20, seed: 21)
            let (file, staged, _) = try bench.transfer(bytes, from: other)
            _ = try bench.replica.place(.file(file), staged: staged, at: path("f"), expecting: nil)
            // Bytes went bad under a fingerprint that says nothing of it: only a read can tell.
            bench.shell("printf bad | dd of=f bs=1 seek=1500000 conv=notrunc 2>/dev/null")
            let fingerprint = try bench.replica.root.openFile(path("f")).status().fingerprint
            try bench.save("f", .file(file), fingerprint)
            if isTouched { bench.shell("touch f") }
            bytes[10] ^= 1
            let (edited, next, sent) = try bench.transfer(bytes, from: other)
            _ = try bench.replica.place(.file(edited), staged: next, at: path("g"), expecting: nil)
            let isWhole = try bench.scratch.read("r/g") == bytes
            #expect(isWhole == isTouched)
            #expect(sent == (isTouched ? 2 : 1))
        }
    }

    @Test func `What moves within a file is copied to where it belongs, and what repeats`() throws {
        let bench = try Bench()
        let other = try Bench()
        let parts = (0..<4).map { randomBytes(400_000, seed: 30 + UInt64($0)) }
        let before = parts[0] + parts[1] + parts[2] + parts[3]
        let (file, staged, _) = try bench.transfer(before, from: other)
        _ = try bench.replica.place(.file(file), staged: staged, at: path("f"), expecting: nil)
        try bench.adopt("f")
        let after = parts[3] + parts[1] + parts[1] + parts[2] + [1, 2, 3] + parts[0]
        let (edited, next, sent) = try bench.transfer(after, from: other)
        #expect(sent <= 20)
        _ = try bench.replica.place(.file(edited), staged: next, at: path("g"), expecting: nil)
        #expect(try bench.scratch.read("r/g") == after)
    }

    @Test func `A chunk that has another size than its list says is refused`() throws {
        let bench = try Bench()
        let bytes = randomBytes(30_000, seed: 5)
        let chunk = Chunk(size: 20_000, digest: Digest(of: bytes))
        let others = (1...2).map { Chunk(size: 30_000, digest: Digest(of: [$0])) }
        let list = ChunkList(fileSize: 80_000, chunks: [chunk] + others)
        #expect(ChunkList(encoded: list.encoded()) == list)
        let file = Entry.File(
            size: 80_000, digest: list.fileDigest, mode: Mode(rawValue: 0o644),
            mtime: Timestamp(seconds: 0, nanoseconds: 0))
        #expect(try bench.replica.receive(list: list.encoded(), of: file.digest))
        #expect(try bench.replica.stage(file, content: nil).name == "3 chunks")
        #expect(try !bench.replica.receive(chunk: bytes, digest: chunk.digest, of: file.digest))
    }

    @Test func `An interrupted transfer goes on with what is right of it`() throws {
        let bench = try Bench()
        let other = try Bench()
        let bytes = randomBytes(2 << 20, seed: 12)
        try other.write(bytes, to: "source")
        guard case .file(let file) = try other.adopt("source").entry else { return }
        _ = try bench.replica.receive(list: other.list(file.digest), of: file.digest)
        guard case .missing(false, let chunks) = try bench.replica.stage(file, content: nil) else { return }
        for chunk in chunks.dropLast(5) {
            let bytes = try other.chunk(chunk.digest, of: file.digest)
            _ = try bench.replica.receive(chunk: bytes, digest: chunk.digest, of: file.digest)
        }
        try bench.reopen()
        // One chunk that was there is damaged meanwhile.
        bench.shell(
            "printf damage | dd of=.nosocks/staging/p-\(file.digest.hex()) bs=1 seek=1000 conv=notrunc 2>/dev/null")
        guard case .missing(false, let rest) = try bench.replica.stage(file, content: nil) else {
            Issue.record("nothing is missing")
            return
        }
        #expect(rest == [chunks[0]] + chunks.suffix(5))
        for chunk in rest {
            let bytes = try other.chunk(chunk.digest, of: file.digest)
            #expect(try !bench.replica.receive(chunk: bytes + [1], digest: chunk.digest, of: file.digest))
            _ = try bench.replica.receive(chunk: bytes, digest: chunk.digest, of: file.digest)
        }
        let staged = try bench.staged(file, nil)
        _ = try bench.replica.place(.file(file), staged: staged, at: path("f"), expecting: nil)
        #expect(try bench.scratch.read("r/f") == bytes)
        #expect(try bench.stagingNames.isEmpty)
    }

    @Test func `A transfer that was overtaken serves the one that took its place, and then goes`() throws {
        let bench = try Bench()
        let other = try Bench()
        var bytes = randomBytes(2 << 20, seed: 13)
        try other.write(bytes, to: "source")
        guard case .file(let old) = try other.adopt("source").entry else { return }
        _ = try bench.replica.receive(list: other.list(old.digest), of: old.digest)
        guard case .missing(false, let chunks) = try bench.replica.stage(old, content: nil) else { return }
        for chunk in chunks.dropLast(5) {
            let bytes = try other.chunk(chunk.digest, of: old.digest)
            _ = try bench.replica.receive(chunk: bytes, digest: chunk.digest, of: old.digest)
        }
        bytes[0] ^= 1
        try other.write(bytes, to: "source")
        guard case .file(let new) = try other.adopt("source").entry else { return }
        bench.replica.abandon(old.digest)
        _ = try bench.replica.receive(list: other.list(new.digest), of: new.digest)
        guard case .missing(false, let rest) = try bench.replica.stage(new, content: nil) else { return }
        #expect(rest.count <= 7 && chunks.count > 20)
        #expect(try bench.stagingNames.count == 2)
        // One that is wanted again after all is not gone.
        bench.replica.abandon(new.digest)
        #expect(try bench.replica.stage(new, content: nil).name == "\(rest.count) chunks")
        _ = bench.replica.rest()
        #expect(try bench.stagingNames == ["p-\(new.digest.hex())"])
    }

    @Test func `Zeros become holes`() throws {
        let bench = try Bench()
        let other = try Bench()
        let bytes = randomBytes(100_000, seed: 1) + [UInt8](repeating: 0, count: 20 << 20) + [1]
        let (file, staged, sent) = try bench.transfer(bytes, from: other)
        #expect(sent < 100)
        _ = try bench.replica.place(.file(file), staged: staged, at: path("f"), expecting: nil)
        #expect(try bench.scratch.read("r/f") == bytes)
        #expect(bench.shell("test $(stat -c %b f) -lt 2000") == 0)
    }

    @Test func `The same content for two paths is sent once`() throws {
        let bench = try Bench()
        let bytes = randomBytes(200_000, seed: 2)
        let (file, staged, _) = try bench.transfer(bytes, from: Bench())
        let again = try bench.staged(file, nil)
        #expect(again != staged)
        _ = try bench.replica.place(.file(file), staged: staged, at: path("a"), expecting: nil)
        _ = try bench.replica.place(.file(file), staged: again, at: path("b"), expecting: nil)
        let third = try bench.staged(file, nil)
        _ = try bench.replica.place(.file(file), staged: third, at: path("c"), expecting: nil)
        #expect(bench.shell("cmp a b && cmp b c") == 0)
    }

    @Test(.enabled(if: isSuperuser, "mounting needs the superuser"))
    func `A full disk stops that file, leaves no rest, and keeps what was there`() throws {
        let scratch = try Scratch()
        try #require(scratch.shell("mkdir r; mount -t tmpfs -o size=7m none r") == 0)
        defer { scratch.shell("umount -l r") }
        let bench = try Bench(scratch)
        try bench.write("old", to: "f")
        try bench.adopt("f")
        let other = try Bench()
        let bytes = randomBytes(4 << 20, seed: 3)
        try other.write(bytes, to: "source")
        let file = try #require(try other.adopt("source").entry.file)
        _ = try bench.replica.receive(list: other.list(file.digest), of: file.digest)
        // There is room for it, until somebody else takes that.
        guard case .missing(false, let chunks) = try bench.replica.stage(file, content: nil) else {
            Issue.record("nothing is missing")
            return
        }
        bench.shell("head -c 7M /dev/zero > filler 2>/dev/null")
        for chunk in chunks {
            let bytes = try other.chunk(chunk.digest, of: file.digest)
            _ = try bench.replica.receive(chunk: bytes, digest: chunk.digest, of: file.digest)
        }
        #expect(try bench.replica.stage(file, content: nil).name == "problem noSpace")
        #expect(try bench.stagingNames.isEmpty)
        bench.shell("truncate -s 4M filler")
        // A child of another test's, between its fork and its exec, still has the removed file open, and with it its space.
        let end = ContinuousClock.now + .seconds(60)
        var outcome = ""
        while outcome != "ready", ContinuousClock.now < end {
            outcome = try bench.replica.stage(Bench.file("small"), content: Array("small".utf8)).name
        }
        #expect(outcome == "ready")
        #expect(try bench.text("f") == "old")
    }
}
