import Synchronization
import Testing
import Tree

@testable import Disk

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Leaves out what has one of some names.
private final class Names: Exclusion {
    let excluded = Mutex<Set<String>>([])
    let completed = Mutex<[String]>([])

    init(_ names: Set<String>) { excluded.withLock { $0 = names } }

    private func excludes(_ path: RelativePath) -> Bool {
        excluded.withLock { $0.contains(String(decoding: path.name, as: UTF8.self)) }
    }

    func filter(in directory: RelativePath?, holding names: [[UInt8]]) -> ExclusionFilter? {
        excluded.withLock(\.isEmpty) ? nil : { path, _ in self.excludes(path) }
    }

    func excludes(_ path: RelativePath, isDirectory: Bool) -> Bool { excludes(path) }
    func completed(_ path: RelativePath) { completed.withLock { $0.append("\(path)") } }
}

@Suite struct ExclusionTests {
    @Test func `A walk tells of what is left out, and goes into none of it`() throws {
        let scratch = try Scratch()
        scratch.shell("mkdir -p a/x/y b/c x; touch a/x/f a/g b/c/x")
        var listed: [String] = []
        var walk = Walk(try scratch.root(), excluding: Names(["x"])) { directory, _ in
            listed.append(directory.map { "\($0)" } ?? ".")
        }
        var found: [String] = []
        var excluded: [String] = []
        while let item = walk.next() {
            switch item {
            case .found(let path, _): found.append("\(path)")
            case .excluded(let path): excluded.append("\(path)")
            case .unlisted, .unknown, .skipped: Issue.record("\(item)")
            }
        }
        #expect(found == ["a", "a/g", "b", "b/c"])
        #expect(excluded == ["a/x", "b/c/x", "x"])
        #expect(listed == [".", "a", "b", "b/c"])
    }

    @Test func `Nothing is told of what is left out, and it is watched only until it is`() throws {
        let scratch = try Scratch()
        scratch.shell("mkdir -p in/x/y in/k/l x/y out")
        let exclusion = Names(["x"])
        let told = Mutex<[String]>([])
        let changed = Semaphore()
        let root = try scratch.root()
        let watcher = try Watcher(root, excluding: exclusion) { signal in
            guard case .dirty(let all) = signal else { return }
            told.withLock { $0 += all.map { "\($0.path)" } }
            changed.signal()
        }
        try watcher.start()
        defer { watcher.stop() }
        var walk = Walk(root, excluding: exclusion) { watcher.watch($0, $1) }
        while walk.next() != nil {}
        let watches = { watcher.state.withLock { $0.tree.count } }
        #expect(watches() == 5)

        scratch.shell("touch in/x/f; mkdir -p new/x/y new/z; touch new/x/g x/f out/x; touch out/rules; touch end")
        while !told.withLock({ $0.contains("end") && $0.contains("new/z") }) { changed.wait() }
        #expect(told.withLock { $0.filter { $0.split(separator: "/").contains("x") } }.isEmpty)
        #expect(exclusion.completed.withLock { $0.contains("out/rules") })
        #expect(watches() == 7)

        exclusion.excluded.withLock { $0 = ["k", "new"] }
        watcher.dropExcluded(inside: try path("in"))
        #expect(watches() == 5)
        watcher.dropExcluded(inside: nil)
        #expect(watches() == 3)
        #expect(watcher.state.withLock { $0.unwatched.isEmpty })
    }
}
