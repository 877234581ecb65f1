import Disk
import Testing
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct WalkTests {
    @Test(arguments: RootTests.resolutions)
    func `A directory comes before what is inside it, and siblings in byte order`(_ resolution: Root.Resolution) throws
    {
        let scratch = try Scratch()
        scratch.shell("mkdir -p a/b a-b; touch a/b/c a/z a-b/x a.txt a0 B; ln -s /etc l; mkfifo p; mkdir .nosocks")
        var walk = Walk(try scratch.root(resolution))
        var names: [String] = []
        while let item = walk.next() {
            if case .found(let path, _) = item { names.append("\(path)") } else { Issue.record("\(item)") }
        }
        #expect(names == ["B", "a", "a/b", "a/b/c", "a/z", "a-b", "a-b/x", "a.txt", "a0", "l", "p"])
    }

    @Test func `Names are bytes`() throws {
        let scratch = try Scratch()
        let root = try scratch.root()
        let names: [[UInt8]] = [
            [10], [0xff, 0xfe], Array("caf\u{e9}".utf8), Array("cafe\u{301}".utf8),
            [UInt8](repeating: 0x61, count: 255),
        ]
        for name in names { _ = try Place(directory: root.descriptor, name: name).createFile() }
        var walk = Walk(root)
        var found: Set<[UInt8]> = []
        while let item = walk.next() { if case .found(let path, _) = item { found.insert(path.bytes) } }
        #expect(found == Set(names))
    }

    @Test func `A deep tree takes no more descriptors than a flat one`() throws {
        let scratch = try Scratch()
        let root = try scratch.root()
        var current = root.descriptor
        for _ in 0..<1200 {
            let place = Place(directory: current, name: [UInt8(ascii: "d")])
            try place.makeDirectory(mode: Mode(rawValue: 0o755))
            current = try place.openDirectory()
        }
        var depth = 0
        var most = 0
        var walk = Walk(root) { _, descriptor in most = max(most, Int(descriptor.raw)) }
        while let item = walk.next() {
            if case .found(let path, _) = item { depth = max(depth, path.depth + 1) }
        }
        #expect(depth == 1200)
        #expect(most < 400)
    }

    @Test func `A nested replica's state is skipped, and said so`() throws {
        let scratch = try Scratch()
        scratch.shell("mkdir -p sub/.nosocks/staging; touch sub/f")
        var walk = Walk(try scratch.root())
        var skipped: [String] = []
        var found: [String] = []
        while let item = walk.next() {
            switch item {
            case .skipped(let directory, let name):
                skipped.append("\(directory.map { "\($0)" } ?? ""):\(RelativePath.printable(name))")
            case .found(let path, _): found.append("\(path)")
            default: Issue.record("\(item)")
            }
        }
        #expect(skipped == ["sub:.nosocks"])
        #expect(found == ["sub", "sub/f"])
    }

    @Test(.enabled(if: isSuperuser, "mounting needs the superuser"))
    func `A mount is unlisted, never empty`() throws {
        let scratch = try Scratch()
        try #require(scratch.shell("mkdir m && mount -t tmpfs none m && touch m/f") == 0)
        defer { scratch.shell("umount m") }
        var walk = Walk(try scratch.root())
        var unlisted: [String] = []
        while let item = walk.next() {
            if case .unlisted(let path?, let problem) = item, problem.reason == .mount { unlisted.append("\(path)") }
        }
        #expect(unlisted == ["m"])
    }

    // The superuser may read everything, so another user has to look.
    @Test(.enabled(if: isSuperuser, "changing the user needs the superuser"))
    func `An unreadable directory is unlisted, never empty`() throws {
        let scratch = try Scratch()
        scratch.shell("chmod 755 .; mkdir d; touch d/f; chmod 700 d")
        let root = try scratch.root()
        let unlisted = try asNobody {
            var walk = Walk(root)
            while let item = walk.next() {
                if case .unlisted(let path?, let problem) = item, problem.reason == .unreadable { return "\(path)" }
            }
            return ""
        }
        #expect(unlisted == "d")
    }
}

/// Runs `body` on a thread whose file system user is nobody (setfsuid is of the thread alone).
func asNobody(_ body: @escaping @Sendable () -> String) throws -> String {
    nonisolated(unsafe) var result = ""
    let thread = try Thread {
        // These two are not in Swift's view of the C library.
        typealias Change = @convention(c) (UInt32) -> Int32
        for name in ["setfsgid", "setfsuid"] {
            guard let symbol = dlsym(nil, name) else { return }
            _ = unsafeBitCast(symbol, to: Change.self)(65534)
        }
        result = body()
    }
    thread.join()
    return result
}
