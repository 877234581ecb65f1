import Disk
import Index
import Testing
import Tree

@testable import Replica

@Suite struct RemovingTests {
    @Test func `What is deleted becomes history, and is found by its digest`() throws {
        let bench = try Bench()
        try bench.write("content", to: "f")
        guard case (.file(let file), let expected) = try bench.adopt("f") else { return }
        let removal = try bench.replica.remove(path("f"), expecting: expected)
        #expect(removal.name == "removed")
        #expect(bench.shell("test ! -e f") == 0)
        let out = try #require(removal.out)
        #expect(try bench.replica.removed() == [out])
        #expect(try bench.replica.review(out).name == "settled")
        try bench.replica.retire(out)
        #expect(try bench.replica.removed().isEmpty)
        try bench.save("f", .tombstone, nil)
        try bench.reopen()
        #expect(try bench.replica.knows(file.digest))
        #expect(try bench.replica.stage(file, content: nil).name == "ready")
    }

    @Test func `What is not what was expected stays`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, expected) = try bench.adopt("f")
        try bench.write("edit", to: "f")
        #expect(try bench.replica.remove(path("f"), expecting: expected).name == "changed")
        bench.shell("rm f")
        #expect(try bench.replica.remove(path("f"), expecting: expected).name == "changed")
        #expect(try bench.replica.remove(path("d/f"), expecting: expected).name == "changed")
    }

    @Test func `An edit in the last moment goes back to where it was`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, expected) = try bench.adopt("f")
        bench.replica.hooks.beforeRemoval = { [unowned bench] _ in bench.shell("printf edit > f") }
        #expect(try bench.replica.remove(path("f"), expecting: expected).name == "changed")
        #expect(try bench.text("f") == "edit")
        #expect(try bench.replica.removed().isEmpty)
    }

    @Test func `An edit that cannot go back is kept`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, expected) = try bench.adopt("f")
        bench.replica.hooks.beforeRemoval = { [unowned bench] _ in bench.shell("printf edit > f") }
        bench.replica.hooks.afterRemoval = { [unowned bench] _ in bench.shell("printf another > f") }
        let removal = try bench.replica.remove(path("f"), expecting: expected)
        #expect(removal.name == "displaced")
        #expect(try bench.text("f") == "another")
        let edit = try #require(removal.out)
        #expect(try bench.replica.review(edit).name == "edited")
        #expect(try !bench.replica.restore(edit, at: path("f")))
        #expect(try bench.replica.restore(edit, at: path("g")))
        #expect(try bench.text("g") == "edit")
    }

    @Test func `A directory goes only when it is empty`() throws {
        let bench = try Bench()
        bench.shell("mkdir d; touch d/f")
        let (_, expected) = try bench.adopt("d")
        #expect(try bench.replica.remove(path("d"), expecting: expected).name == "notEmpty")
        bench.shell("rm d/f")
        #expect(try bench.replica.remove(path("d"), expecting: expected).name == "removed")
        #expect(bench.shell("test ! -e d") == 0)
    }

    @Test func `A program that still writes to what came out is heard`() throws {
        let bench = try Bench()
        try bench.write("one ", to: "f")
        let (_, expected) = try bench.adopt("f")
        let writer = try bench.replica.root.place(of: path("f")).openForWriting()
        let placement = try bench.place("new", at: "f", expecting: expected)
        #expect(placement.name == "placed")
        let out = try #require(placement.out)
        #expect(try bench.replica.review(out).name == "settled")
        // It is still open, so it is not history yet.
        try bench.replica.retire(out)
        #expect(try bench.replica.removed() == [out])
        try writer.write(Array("two".utf8), at: 4)
        #expect(try bench.replica.review(out).name == "edited")
        #expect(try bench.replica.restore(out, at: path("f.conflict")))
        #expect(try bench.text("f.conflict") == "one two")
    }

    @Test func `What came out and was edited so that it can't be read is not history`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, expected) = try bench.adopt("f")
        let writer = try bench.replica.root.place(of: path("f")).openForWriting()
        let out = try #require(try bench.replica.remove(path("f"), expecting: expected).out)
        try writer.truncate(to: ChunkingParameters.largestFile + 1)
        try writer.write(Array("two".utf8), at: 0)
        #expect(try bench.replica.review(out).name == "unreadable")
        #expect(try !bench.replica.retire(out))
        #expect(try bench.replica.removed() == [out])
    }

    @Test func `History has an end`() throws {
        var settings = ReplicaSettings()
        settings.historySize = 2 * (4096 + 256)
        let bench = try Bench(settings: settings)
        for number in 10..<20 {
            try bench.write("content \(number)", to: "f")
            let (_, expected) = try bench.adopt("f")
            let out = try #require(try bench.replica.remove(path("f"), expecting: expected).out)
            try bench.replica.retire(out)
        }
        #expect(try bench.replica.index.historySize() <= settings.historySize)
        let kept = try bench.replica.index.oldestHistory(limit: 20)
        let last = (18..<20).map { Digest(of: Array("content \($0)".utf8)) }
        #expect(kept.map { $0.entry.file?.digest } == last)
    }
}

@Suite struct RecoveryTests {
    private func item(_ bench: Bench, _ token: String, _ expected: Fingerprint, _ entry: Entry) throws -> RemovedItem {
        RemovedItem(token: token, path: try path("f"), fingerprint: expected, expected: entry, seconds: 1)
    }

    @Test func `A crash before the exchange leaves the old, and no rest`() throws {
        let bench = try Bench()
        try bench.write("old", to: "f")
        let (entry, expected) = try bench.adopt("f")
        let staged = try bench.staged(Bench.file("new"), Array("new".utf8))
        try bench.reopen { try $0.willRemove([item(bench, staged.name, expected, entry)], durably: false) }
        #expect(try bench.replica.removed().isEmpty)
        #expect(try bench.stagingNames.isEmpty)
        #expect(try bench.text("f") == "old")
    }

    @Test func `A crash after the exchange leaves the new, and the old is found`() throws {
        let bench = try Bench()
        try bench.write("old", to: "f")
        let (entry, expected) = try bench.adopt("f")
        let staged = try bench.staged(Bench.file("new"), Array("new".utf8))
        try bench.reopen {
            try $0.willRemove([item(bench, staged.name, expected, entry)], durably: false)
            let there = bench.replica.state.staged(staged.name)
            try there.rename(to: bench.replica.root.place(of: path("f")), .exchange)
        }
        #expect(try bench.text("f") == "new")
        let out = try #require(try bench.replica.removed().first)
        #expect(try bench.replica.review(out).name == "settled")
        try bench.replica.retire(out)
        #expect(try bench.replica.knows(Digest(of: Array("old".utf8))))
    }

    @Test func `An edit that came out before a crash is found`() throws {
        let bench = try Bench()
        try bench.write("old", to: "f")
        let (entry, expected) = try bench.adopt("f")
        let staged = try bench.staged(Bench.file("new"), Array("new".utf8))
        try bench.reopen {
            try $0.willRemove([item(bench, staged.name, expected, entry)], durably: false)
            bench.shell("printf edit > f")
            let there = bench.replica.state.staged(staged.name)
            try there.rename(to: bench.replica.root.place(of: path("f")), .exchange)
        }
        let out = try #require(try bench.replica.removed().first)
        #expect(try bench.replica.review(out).name == "edited")
    }

    @Test func `What came out before a crash and is just being written anew stays`() throws {
        let bench = try Bench()
        try bench.write("old", to: "f")
        let (_, expected) = try bench.adopt("f")
        let writer = try bench.replica.root.place(of: path("f")).openForWriting()
        let out = try #require(try bench.replica.remove(path("f"), expecting: expected).out)
        // Since then there is an empty file of this name, and the program has got as far as truncating its own.
        try bench.write("", to: "f")
        try bench.adopt("f")
        try writer.truncate(to: 0)
        try bench.reopen()
        try writer.write(Array("new".utf8), at: 0)
        #expect(try bench.replica.removed() == [out])
        #expect(try bench.replica.review(out).name == "edited")
        #expect(try bench.replica.restore(out, at: path("g")))
        #expect(try bench.text("g") == "new")
    }

    @Test func `What no row tells of stays while a program writes to it`() throws {
        let bench = try Bench()
        try bench.write("known", to: "f")
        try bench.adopt("f")
        bench.shell("printf known > .nosocks/staging/s-lost")
        do {
            let writer = try bench.replica.state.staged("s-lost").openForWriting()
            try bench.reopen()
            try writer.write(Array("other".utf8), at: 0)
        }
        #expect(try bench.stagingNames == ["s-lost"])
        try bench.reopen()
        #expect(bench.shell("test \"$(cat .nosocks/history/*)\" = other") == 0)
    }

    @Test func `A crash before a removal leaves nothing to do`() throws {
        let bench = try Bench()
        try bench.write("old", to: "f")
        let (entry, expected) = try bench.adopt("f")
        try bench.reopen { try $0.willRemove([item(bench, "s-1", expected, entry)], durably: false) }
        #expect(try bench.replica.removed().isEmpty)
        #expect(try bench.text("f") == "old")
    }

    @Test func `A crash while something became history makes it history`() throws {
        let bench = try Bench()
        try bench.write("old", to: "f")
        let (entry, expected) = try bench.adopt("f")
        let out = try #require(try bench.replica.remove(path("f"), expecting: expected).out)
        try bench.reopen { _ in bench.shell("mv .nosocks/staging/\(out.item.token) .nosocks/history/") }
        #expect(try bench.replica.removed().isEmpty)
        #expect(try bench.replica.index.history(withDigest: Digest(of: Array("old".utf8))).map(\.entry) == [entry])
    }

    @Test func `Staged content that nobody named goes, unless nobody else has it`() throws {
        let bench = try Bench()
        try bench.write("known", to: "f")
        try bench.adopt("f")
        _ = try bench.staged(Bench.file("known"), nil)
        try bench.reopen { _ in bench.shell("printf lost > .nosocks/staging/s-lost; mkdir .nosocks/staging/s-d") }
        #expect(try bench.stagingNames.isEmpty)
        #expect(bench.shell("test \"$(cat .nosocks/history/*)\" = lost") == 0)
    }
}
