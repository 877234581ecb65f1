import Synchronization
import Testing
import Tree

@testable import Disk

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct RootTests {
    static let resolutions: [Root.Resolution] = [.kernel, .componentwise]

    @Test(arguments: resolutions)
    func `A symlink above a path is a missing directory, wherever it leads`(_ resolution: Root.Resolution) throws {
        let outside = try Scratch()
        try outside.write([1], to: "secret")
        let scratch = try Scratch()
        scratch.shell(
            "mkdir inside; touch inside/f; ln -s inside near; ln -s \(outside.path) far; ln -s far/secret leaf")
        let root = try scratch.root(resolution)
        #expect(try root.status(of: path("inside/f")).kind == .file)
        for name in ["near/f", "far/secret", "far/new"] {
            #expect { try root.place(of: path(name)) } throws: { ($0 as? DiskError)?.isMissing == true }
            #expect { try root.openFile(path(name)) } throws: { ($0 as? DiskError)?.isMissing == true }
        }
        #expect(throws: DiskError.self) { try root.openFile(path("leaf")) }
        #expect(throws: DiskError.self) { try root.openDirectory(path("near")) }
        #expect(try root.status(of: path("leaf")).kind == .symlink)
    }

    @Test(arguments: resolutions)
    func `A directory that turns into a symlink while it is used leads nowhere`(_ resolution: Root.Resolution) throws {
        let outside = try Scratch()
        outside.shell("mkdir -p d/e; printf canary > d/e/f")
        let scratch = try Scratch()
        scratch.shell("mkdir -p d/e; ln -s \(outside.path)/d link; touch d/e/f")
        let root = try scratch.root(resolution)
        let before = try outside.root().status(of: path("d/e")).mtime
        let isDone = Mutex(false)
        let folder = scratch.path
        let flipper = try Thread { @Sendable in
            // The directory and the link trade places, as fast as it goes.
            let place = try? Root(at: Array(folder.utf8))
            guard let place else { return }
            let d = Place(directory: place.descriptor, name: Array("d".utf8))
            let link = Place(directory: place.descriptor, name: Array("link".utf8))
            while !isDone.withLock(\.self) { try? d.rename(to: link, .exchange) }
        }
        var made = 0
        for number in 0..<20_000 {
            guard let place = try? root.place(of: path("d/e/new\(number)")) else { continue }
            _ = try? place.createFile()
            try? place.removeFile()
            try? Place(directory: place.directory, name: Array("f".utf8)).removeFile()
            made += 1
        }
        isDone.withLock { $0 = true }
        flipper.join()
        #expect(made > 0)
        #expect(try outside.root().openDirectory(path("d/e")).names() == [Array("f".utf8)])
        #expect(try outside.root().status(of: path("d/e")).mtime == before)
    }

    @Test(arguments: resolutions)
    func `The longest path of any bytes can be reached`(_ resolution: Root.Resolution) throws {
        let scratch = try Scratch()
        let root = try scratch.root(resolution)
        let component = [UInt8](repeating: 0xff, count: 254) + [10]
        var current = root.descriptor
        var bytes: [UInt8] = []
        for _ in 0..<15 {
            let place = Place(directory: current, name: component)
            try place.makeDirectory(mode: Mode(rawValue: 0o755))
            current = try place.openDirectory()
            bytes += component + [UInt8(ascii: "/")]
        }
        bytes += [UInt8](repeating: 0xfe, count: 255)
        let longest = try RelativePath(bytes)
        #expect(longest.bytes.count == 4095)
        _ = try root.place(of: longest).createFile()
        #expect(try root.status(of: longest).kind == .file)
        #expect(try root.openFile(longest).status().size == 0)
    }

    @Test(.enabled(if: isSuperuser, "mounting needs the superuser"), arguments: resolutions)
    func `A mount below the root is not entered`(_ resolution: Root.Resolution) throws {
        let scratch = try Scratch()
        let mounted = scratch.shell("mkdir m && mount -t tmpfs none m && touch m/f")
        try #require(mounted == 0)
        defer { scratch.shell("umount m") }
        let root = try scratch.root(resolution)
        #expect { try root.openFile(path("m/f")) } throws: { ($0 as? DiskError)?.problem.reason == .mount }
        #expect { try root.openDirectory(path("m")) } throws: { ($0 as? DiskError)?.problem.reason == .mount }
    }

    @Test func `A root that was moved, deleted or replaced is noticed`() throws {
        let scratch = try Scratch()
        scratch.shell("mkdir r")
        let root = try Root(at: Array("\(scratch.path)/r".utf8))
        #expect(root.isInPlace)
        scratch.shell("mv r s")
        #expect(!root.isInPlace)
        scratch.shell("mkdir r")
        #expect(!root.isInPlace)
        scratch.shell("rmdir r; mv s r")
        #expect(root.isInPlace)
    }

    @Test func `A second holder is told who the first is`() throws {
        let scratch = try Scratch()
        let place = Place(directory: try scratch.root().descriptor, name: Array("lock".utf8))
        var first: FolderLock? = try FolderLock(at: place, role: "hub")
        #expect(throws: FolderLock.Failure.held(by: "\(getpid()) hub")) { try FolderLock(at: place, role: "peer") }
        withExtendedLifetime(first) {}
        first = nil
        _ = try FolderLock(at: place, role: "peer")
    }

    @Test func `Special files are not waited for`() throws {
        let scratch = try Scratch()
        scratch.shell("mkfifo p")
        let file = try scratch.root().openFile(path("p"))
        #expect(try file.status().kind == .special)
    }

    @Test func `Whether somebody still writes is known`() throws {
        let scratch = try Scratch()
        try scratch.write([1], to: "f")
        let file = try scratch.root().openFile(path("f"))
        #expect(file.hasNoWriter != false)
        let writer = try scratch.root().place(of: path("f")).openForWriting()
        #expect(file.hasNoWriter != true)
        withExtendedLifetime(writer) {}
    }
}
