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

    @Test func `What is kept when a command begins stays until it ends, whatever form it gets meanwhile`() throws {
        let bench = try Bench()
        let texts = ["one", "two", "three", "four"]
        for text in texts { try bench.arrive(Array(text.utf8), at: "f") }
        let space = try bench.spaceOfHistory()
        #expect(space > 0)
        var view: FolderView? = try bench.view()
        // Rows take the place of the files, and are durable: they could go.
        for _ in 0..<10 { _ = bench.replica.tend() }
        _ = bench.replica.rest()
        #expect(try bench.replica.index.oldestHistory(limit: 4).map(\.form) == [.row, .row, .row])
        try eventually("the files to be spared") { bench.replica.historyWorker.sparedCount == 3 }
        if let view {
            let kept = try view.kept(within: path("f"))
            #expect(try kept.map { String(decoding: try bench.bytes($0, in: view), as: UTF8.self) } == texts.dropLast())
        }
        view = nil
        try eventually("the files to go") { try bench.spaceOfHistory() == 0 }
        bench.tendAll()
        #expect(try bench.view().kept(within: path("f")).count == 3)
    }

    @Test func `What is on its way out of the tree is found, wherever it has come to meanwhile`() throws {
        let bench = try Bench()
        for text in ["one", "two"] { try bench.arrive(Array(text.utf8), at: "f") }
        #expect(try bench.view().restore(#require(try bench.view().kept(within: path("f")).last)) == .replaced)
        // What is in the tree by now came from the first view; what it replaced was handed over.
        let handed = try bench.view()
        #expect(bench.replica.rest())
        let staged = try bench.view()
        for view in [handed, staged] { try expectTwo(bench, view) }
        for item in try bench.replica.removed() { try eventually("history") { try bench.replica.retire(item) } }
        for view in [handed, staged, try bench.view()] { try expectTwo(bench, view) }
    }

    private func expectTwo(_ bench: Bench, _ view: FolderView) throws {
        let kept = try view.kept(within: path("f"))
        #expect(try kept.map { String(decoding: try bench.bytes($0, in: view), as: UTF8.self) } == ["one", "two"])
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
                try bench.replica.removed().map { $0.item.expected.file?.digest }
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
