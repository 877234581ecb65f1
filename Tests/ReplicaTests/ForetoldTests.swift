import Disk
import Index
import Testing
import Tree

@testable import Replica

/// Removals that are written down together with the records that ask for them.
@Suite struct ForetoldTests {
    private let bench: Bench
    private let old: Fingerprint

    init() throws {
        bench = try Bench()
        try bench.write("one", to: "f")
        old = try bench.adopt("f").fingerprint
    }

    /// The hub has something else at `f` now.
    private func announce(_ entry: Entry) throws {
        var record = try bench.replica.record(at: path("f"))
        record.heard(Version(revision: record.remote.revision.next, entry: entry), from: "other")
        try bench.replica.announce([record], cursor: bench.replica.cursor)
    }

    /// The batch is over.
    private func save() throws {
        try bench.replica.save([bench.replica.record(at: path("f"))], cursor: nil, durably: false)
    }

    private var removed: [Removed] { get throws { try bench.replica.removed() } }

    @Test func `What goes is found under the name that was foretold`() throws {
        try announce(.tombstone)
        let foretold = try removed
        #expect(foretold.count == 1)
        guard case .removed(let out?) = try bench.replica.remove(path("f"), expecting: old) else {
            Issue.record("not removed")
            return
        }
        #expect(foretold == [out])
        try save()
        #expect(try removed == [out])
        #expect(try bench.text(".nosocks/staging/\(out.item.token)") == "one")
    }

    @Test func `What is replaced is found under the name that was foretold`() throws {
        let new = try Bench.file("new")
        try announce(.file(new))
        let foretold = try removed
        let staged = try bench.staged(new, Array("new".utf8))
        let placement = try bench.replica.place(.file(new), staged: staged, at: path("f"), expecting: old)
        #expect(placement.name == "placed")
        #expect(placement.out == foretold.first)
        try save()
        #expect(try removed == foretold)
        #expect(try bench.text("f") == "new")
        #expect(try bench.text(".nosocks/staging/\(foretold[0].item.token)") == "one")
        try bench.reopen()
        #expect(try removed.map(\.item) == foretold.map(\.item))
    }

    @Test func `What is not taken out after all is struck off`() throws {
        try announce(.tombstone)
        try save()
        #expect(try removed.isEmpty)
        #expect(try bench.text("f") == "one")
        guard case .removed(let out?) = try bench.replica.remove(path("f"), expecting: old) else {
            Issue.record("not removed")
            return
        }
        #expect(try removed == [out])
    }

    @Test func `A process that ends before it leaves nothing to do`() throws {
        try announce(.tombstone)
        try bench.reopen()
        #expect(try removed.isEmpty)
        #expect(try bench.text("f") == "one")
    }

    @Test func `Who opens the folder next need not read through what this process wrote`() throws {
        #expect(bench.shell("test -s .nosocks/index.sqlite-wal") == 0)
        bench.replica.close()
        #expect(bench.shell("test -s .nosocks/index.sqlite-wal") != 0)
    }

    @Test func `What was to go in stays ready where the exchange fails`() throws {
        let new = try Bench.file("new")
        try announce(.file(new))
        let staged = try bench.staged(new, Array("new".utf8))
        bench.replica.hooks.beforeExchange = { [unowned bench] _ in bench.shell("rm f") }
        #expect(
            try bench.replica.place(.file(new), staged: staged, at: path("f"), expecting: old).name == "changed")
        bench.replica.hooks.beforeExchange = nil
        #expect(try bench.replica.place(.file(new), staged: staged, at: path("f"), expecting: nil).name == "placed")
        #expect(try bench.text("f") == "new")
        #expect(try removed.isEmpty)
    }
}
