import Synchronization
import Testing
import Tree

@testable import Disk

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What a replica would believe of a folder, had it nothing but the watcher's word.
private final class Believer: Sendable {
    struct State {
        var files: Set<RelativePath> = []
        var events: [Dirty] = []
        var rescans = 0
    }

    let root: Root
    let state = Mutex(State())
    let changed = Semaphore()
    fileprivate let watcherBox = Mutex<Watcher?>(nil)

    init(_ scratch: Scratch) throws {
        root = try scratch.root()
        let watcher = try Watcher(root) { [weak self] in self?.hear($0) }
        watcherBox.withLock { $0 = watcher }
        try watcher.start()
        rescan()
    }

    deinit {
        watcherBox.withLock(\.self)?.stop()
    }

    private func hear(_ signal: Watcher.Signal) {
        switch signal {
        case .dirty(let all):
            for dirty in all {
                // As a replica does, which compares such a part with its index.
                let inside = dirty.isSubtree ? walk(inside: dirty.path) : nil
                let isThere = (try? root.status(of: dirty.path)) != nil
                state.withLock { state in
                    state.events.append(dirty)
                    if let inside { state.files = state.files.filter { !$0.isInside(dirty.path) }.union(inside) }
                    if isThere { state.files.insert(dirty.path) } else { state.files.remove(dirty.path) }
                }
            }
        case .rescan:
            state.withLock { $0.rescans += 1 }
            rescan()
        case .barrier, .rootMoved: break
        }
        changed.signal()
    }

    private func rescan() {
        guard let watcher = watcherBox.withLock(\.self) else { return }
        watcher.beginningOfWalk()
        let files = walk(inside: nil)
        watcher.endOfWalk()
        state.withLock { $0.files = files }
    }

    func truth() -> Set<RelativePath> { all(Walk(root)) }

    private func walk(inside directory: RelativePath?) -> Set<RelativePath> {
        let watcher = watcherBox.withLock(\.self)
        return all(Walk(root, inside: directory) { watcher?.watch($0, $1) })
    }

    private func all(_ walk: consuming Walk) -> Set<RelativePath> {
        var found: Set<RelativePath> = []
        while let item = walk.next() { if case .found(let path, _) = item { found.insert(path) } }
        return found
    }

    /// Waits until what is believed is true.
    func settle(_ condition: (borrowing State) -> Bool = { _ in true }) -> Bool {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            let truth = truth()
            if state.withLock({ $0.files == truth && condition($0) }) { return true }
            let waker = try? Thread { [changed] in
                usleep(200_000)
                changed.signal()
            }
            changed.wait()
            waker?.join()
        }
        let truth = truth()
        let believed = state.withLock(\.files)
        Issue.record("missing \(truth.subtracting(believed)), left over \(believed.subtracting(truth))")
        return false
    }

    func saw(_ name: String) -> [Dirty] {
        state.withLock { state in state.events.filter { "\($0.path)" == name } }
    }
}

@Suite(.serialized) struct WatcherTests {
    @Test(arguments: [
        "mkdir -p a/b/c && touch a/b/c/f",
        "for i in 1 2 3 4 5 6 7 8 9; do mkdir -p d$i/e/f/g && echo x > d$i/e/f/g/h; done",
        "mkdir -p src/x/y; for i in 1 2 3 4 5 6 7 8; do echo $i > src/x/y/$i; done; cp -r src copy; mv src moved; mv moved/x x",
        "for i in 1 2 3 4 5 6 7 8; do mkdir -p t/u; echo $i > t/u/f; rm -rf t; done; mkdir -p t/u; echo end > t/u/f",
        "mkdir -p one/two; echo 1 > one/two/f; mv one three; echo 2 > three/two/g; mkdir three/two/h; echo 3 > three/two/h/i",
        "mkdir -p /tmp/nosocks-elsewhere-$$/k; mv /tmp/nosocks-elsewhere-$$ in; echo 1 > in/k/l; mv in /tmp/nosocks-elsewhere-$$; rm -rf /tmp/nosocks-elsewhere-$$; touch last",
        "mkdir a b; touch a/x b/y; mv a t; mv b a; mv t b; touch a/z b/z; ln -s a l; rm l; ln -s b l",
    ])
    func `What the watcher says makes a true picture`(script: String) throws {
        let scratch = try Scratch()
        let believer = try Believer(scratch)
        #expect(scratch.shell(script) == 0)
        #expect(believer.settle())
    }

    @Test(arguments: [
        ("mkdir d; touch d/old", "mv d e; mkdir d; touch d/new"),
        ("mkdir d; touch d/old", "mv d e; touch d"),
        ("mkdir d; touch d/old", "rm -r d; ln -s e d"),
        ("mkdir d e; touch d/old e/other", "mv d f; mv e d; touch d/new f/new"),
        ("mkdir d e; touch d/old e/other", "mv d f; mv e d; mv f e; touch d/new e/new"),
        ("mkdir -p d/d/d; touch d/d/d/old", "mv d/d e; rmdir d; mv e d; touch d/new d/d/new"),
    ])
    func `What takes the name of a directory does not hide that its content went`(before: String, after: String) throws
    {
        let scratch = try Scratch()
        scratch.shell(before)
        let believer = try Believer(scratch)
        #expect(scratch.shell(after) == 0)
        #expect(believer.settle())
        scratch.shell("for d in d e f; do [ ! -d $d ] || touch $d/late; done")
        #expect(believer.settle())
    }

    @Test func `Watches follow a directory that was renamed`() throws {
        let scratch = try Scratch()
        scratch.shell("mkdir -p a/b")
        let believer = try Believer(scratch)
        scratch.shell("mv a z")
        #expect(believer.settle())
        scratch.shell("echo 1 > z/b/new")
        #expect(believer.settle { state in state.events.contains { "\($0.path)" == "z/b/new" } })
        #expect(believer.saw("a/b/new").isEmpty)
    }

    @Test func `A saved file is said to be read again, a renamed one is not`() throws {
        let scratch = try Scratch()
        let believer = try Believer(scratch)
        scratch.shell("echo 1 > f")
        #expect(believer.settle { state in state.events.contains { "\($0.path)" == "f" && $0.rereading } })
        scratch.shell("mv f g")
        #expect(believer.settle { state in state.events.contains { "\($0.path)" == "g" } })
        #expect(believer.saw("g").allSatisfy { !$0.rereading })
    }

    @Test func `What this process placed in a directory before it was watched, and that went before, is told`() throws {
        let scratch = try Scratch()
        scratch.shell("touch gone kept")
        let believer = try Believer(scratch)
        let watcher = try #require(believer.watcher)
        // Nothing is settled before all of it has happened.
        try watcher.state.withLock { _ in
            scratch.shell("mkdir -p d/e; mv gone kept d/e")
            for name in ["d/e/gone", "d/e/kept"] {
                let place = try path(name)
                watcher.placed(place, try watcher.root.status(of: place).fingerprint, isExchange: false)
            }
            scratch.shell("rm d/e/gone; touch last")
        }
        believer.state.withLock { if let kept = try? path("d/e/kept") { $0.files.insert(kept) } }
        #expect(believer.settle { state in state.events.contains { "\($0.path)" == "d/e/gone" } })
        #expect(believer.saw("d/e/kept").isEmpty)
    }

    @Test func `Of a file that this process renamed nothing is told, of what others did then all`() throws {
        let scratch = try Scratch()
        scratch.shell("mkdir d e; touch d/own d/edited d/other")
        let believer = try Believer(scratch)
        let watcher = try #require(believer.watcher)
        // Nothing is settled before the renames are known to be this process's.
        try watcher.state.withLock { _ in
            scratch.shell("mv d/own e/own; mv d/edited e/edited; mv d/other e/other")
            for name in ["own", "edited"] {
                let moved = try path("e/\(name)")
                watcher.moved(try path("d/\(name)"), to: moved, try watcher.root.status(of: moved).fingerprint)
            }
            scratch.shell("echo 1 > e/edited; touch last")
        }
        believer.state.withLock { $0.files.subtract([try? path("d/own"), try? path("d/edited")].compactMap(\.self)) }
        believer.state.withLock { if let own = try? path("e/own") { $0.files.insert(own) } }
        #expect(believer.settle { state in state.events.contains { "\($0.path)" == "d/other" } })
        #expect(believer.saw("d/own").isEmpty && believer.saw("e/own").isEmpty)
        #expect(!believer.saw("e/edited").isEmpty && !believer.saw("e/other").isEmpty)
    }

    @Test func `An overflow asks for a rescan, and the watcher goes on`() throws {
        let scratch = try Scratch()
        let believer = try Believer(scratch)
        scratch.shell("mkdir d")
        #expect(believer.settle())
        // As the kernel says it, because filling its queue takes luck.
        let watcher = try #require(believer.watcher)
        watcher.inbox.put([RawEvent(watch: -1, kind: .overflow, name: [])])
        #expect(believer.settle { $0.rescans == 1 })
        scratch.shell("echo 1 > d/f")
        #expect(believer.settle { state in state.events.contains { "\($0.path)" == "d/f" } })
    }

    @Test func `A storm of a thousand files ends in the truth`() throws {
        let scratch = try Scratch()
        let believer = try Believer(scratch)
        scratch.shell(
            """
            for i in 1 2 3 4 5 6 7 8 9 10; do mkdir -p s/$i; for j in 1 2 3 4 5 6 7 8 9 10; do
            for k in 1 2 3 4 5 6 7 8 9 10; do echo x > s/$i/$j-$k; done; done; done
            cp -r s t; rm -rf s; mv t s; cp -r s u; rm -rf s/1 u/2; mv u/3 s/1
            """)
        #expect(believer.settle())
    }
}

extension Believer {
    var watcher: Watcher? { watcherBox.withLock(\.self) }
}
