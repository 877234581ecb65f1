import Disk
import Index
import Synchronization
import Testing
import Tree

@testable import Replica

@Suite struct FolderViewTests {
    /// What another thread needs; it alone uses the index meanwhile.
    private final class Writing: @unchecked Sendable {
        let replica: FolderReplica
        let isStopped = Atomic(false)
        var written: UInt64 = 0
        var failure: (any Error)?

        init(_ replica: FolderReplica) {
            self.replica = replica
        }

        func run() {
            do {
                while !isStopped.load(ordering: .relaxed) {
                    written += 1
                    try save(written)
                }
            } catch {
                failure = error
            }
        }

        /// Two records and the cursor, all at once.
        func save(_ number: UInt64) throws {
            let entry = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
            let records = try [2 * number - 1, 2 * number].map { revision in
                let version = Version(revision: Revision(rawValue: revision), entry: entry)
                return Record(path: try path("d\(revision % 4000)"), base: version, remote: version, author: "test")
            }
            let cursor = Cursor(epoch: Epoch(rawValue: 1), revision: Revision(rawValue: 2 * number))
            try replica.index.save(records, cursor: cursor, durably: false)
        }
    }

    /// Whether each path has the version that it had when the newest was written, and none is missing.
    private func check(_ index: Index) throws {
        let newest = try index.newestVersions(within: nil).map(\.origin.revision.rawValue).sorted()
        let last = index.cursor.revision.rawValue
        #expect(newest.elementsEqual(last == 0 ? [] : Array((last - min(last, 4000) + 1)...last)))
    }

    @Test func `What another process sees is one moment, while the replica writes as fast as it can`() throws {
        let bench = try Bench()
        let writing = Writing(bench.replica)
        let thread = try Thread { writing.run() }
        var last: UInt64 = 0
        var moments = 0
        let start = ContinuousClock.now
        // A busy machine gets there later.
        while ContinuousClock.now < start + .seconds(4) || (moments <= 3 && ContinuousClock.now < start + .seconds(120))
        {
            let index = try bench.view().index
            let revision = index.cursor.revision.rawValue
            #expect(revision >= last)
            if revision > last { moments += 1 }
            last = revision
            try check(index)
        }
        writing.isStopped.store(true, ordering: .relaxed)
        thread.join()
        #expect(writing.failure == nil)
        // The log began anew several times meanwhile.
        #expect(moments > 3 && last > 0)
    }

    @Test func `A log that begins anew while it is read is read again`() throws {
        let bench = try Bench()
        let writing = Writing(bench.replica)
        for number in 1...2000 as ClosedRange<UInt64> { try writing.save(number) }
        let state = bench.replica.state.descriptor
        let log = Place(directory: state, name: Array("index.sqlite-wal".utf8))
        func header() throws -> [UInt8] { try log.openForReading().read(32, at: 0) }
        var number: UInt64 = 2000
        let index = try FolderView.index(in: state) {
            guard number == 2000 else { return }
            let before = try header()
            while try number < 2100 || header() == before {
                number += 1
                try writing.save(number)
            }
        }
        #expect(index.cursor.revision.rawValue == 2 * number)
        try check(index)
    }

    @Test func `Looking changes nothing, and needs a replica`() throws {
        let bench = try Bench()
        try bench.arrive(Array("one".utf8), at: "f")
        try bench.arrive(Array("two".utf8), at: "f")
        let list = "find r -printf '%p %i %T@ %C@ %s\\n' | sort"
        bench.scratch.shell("\(list) > before")
        let view = try bench.view()
        #expect(try view.kept(within: nil).count == 1)
        #expect(try !view.log(within: path("f")).isEmpty)
        #expect(bench.scratch.shell("\(list) | cmp - before") == 0)
        #expect(throws: FolderView.Failure.noReplica) { try FolderView(at: Array(bench.scratch.path.utf8)) }
    }

    @Test func `A version that becomes history while somebody looks is not missed`() throws {
        let bench = try Bench()
        try bench.write("old", to: "f")
        let (entry, fingerprint) = try bench.adopt("f")
        guard case .placed(_, let out?) = try bench.place("new", at: "f", expecting: fingerprint) else {
            throw BenchError(description: "nothing came out")
        }
        let view = try bench.view()
        try eventually("it to become history") { try bench.replica.retire(out) }
        let kept = try #require(try view.kept(within: path("f")).last)
        #expect(kept.entry == entry)
        #expect(try bench.bytes(kept, in: view) == Array("old".utf8))
        #expect(try view.restore(kept) == .replaced)
        #expect(try bench.text("f") == "old")
    }

    @Test func `What is handed over is taken over once, wherever the command was interrupted`() throws {
        for point in 0..<3 {
            let bench = try Bench()
            try bench.arrive(Array("old".utf8), at: "f")
            try bench.arrive(Array("new".utf8), at: "f")
            let view = try bench.view()
            let old = try #require(try view.kept(within: path("f")).last)
            switch point {
            // What was to be put in its place was laid down, and nothing more.
            case 0: bench.shell("mkdir .nosocks/aside; printf old > .nosocks/aside/s-1")
            // It was noted what would come out, and it did not.
            case 1:
                let aside = try AsideFolder(in: view.state, making: true)
                let (entry, fingerprint) = try bench.present("f")
                bench.shell("printf old > .nosocks/aside/s-1")
                try aside.note(
                    RemovedItem(token: "s-1", path: path("f"), fingerprint: fingerprint, expected: entry, seconds: 1))
            default: #expect(try view.restore(old) == .replaced)
            }
            let isDone = point == 2
            #expect(try bench.text("f") == (isDone ? "old" : "new"))
            #expect(bench.replica.rest() == (point > 0))
            #expect(bench.shell("test -z \"$(ls .nosocks/aside)\"") == 0)
            #expect(
                try bench.replica.removed().map(\.item.expected.file?.digest)
                    == (isDone ? [Digest(of: Array("new".utf8))] : []))
            #expect(try bench.text("f") == (isDone ? "old" : "new"))
        }
    }

    @Test func `An edit in the last moment before a restore is not lost`() throws {
        let bench = try Bench()
        try bench.arrive(Array("old".utf8), at: "f")
        try bench.arrive(Array("new".utf8), at: "f")
        let view = try bench.view()
        let old = try #require(try view.kept(within: path("f")).last)
        #expect(try view.restore(old) == .replaced)
        // As if what came out had been edited when it was still there.
        bench.shell("for f in .nosocks/aside/*; do case $f in *.note) ;; *) printf edit > $f ;; esac; done")
        #expect(bench.replica.rest())
        let out = try #require(try bench.replica.removed().first)
        #expect(try bench.replica.review(out).name == "edited")
    }
}
