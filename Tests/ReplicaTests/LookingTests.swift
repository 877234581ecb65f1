import Disk
import TestSupport
import Testing
import Tree

@testable import Replica

@Suite struct LookingTests {
    @Test func `What is on the disk is an entry`() throws {
        let bench = try Bench()
        bench.shell(
            "mkdir -m 750 d; printf hello > d/f; chmod 4741 d/f; touch -d '1969-12-31 23:59:58.5 UTC' d/f; ln -s d/nowhere l"
        )
        let (file, _) = try bench.present("d/f")
        #expect(
            file
                == .file(
                    Entry.File(
                        size: 5, digest: Digest(of: Array("hello".utf8)), mode: Mode(rawValue: 0o741),
                        mtime: Timestamp(seconds: -2, nanoseconds: 500_000_000))))
        #expect(try bench.present("d").entry == .directory(Entry.Directory(mode: Mode(rawValue: 0o750))))
        #expect(try bench.present("l").entry == .symlink(Entry.Symlink(target: Array("d/nowhere".utf8))))
    }

    @Test func `A name that is missing is absent, below a missing directory or a symlink too`() throws {
        let bench = try Bench()
        bench.shell("mkdir d; touch d/x file; ln -s d l")
        for name in ["none", "none/x", "file/x", "l/x"] { #expect(try bench.look(name) == .absent, "\(name)") }
    }

    @Test func `A name that a killed process left is made durable before it counts as there`() throws {
        let bench = try Bench()
        bench.shell("mkdir d; printf one > d/f; printf two > d/g")
        let (entry, _) = try bench.present("d/f")
        let hubs = Version(revision: Revision(rawValue: 7), entry: entry)
        let named = Record(path: try path("d/f"), remote: hubs, author: "test")
        let other = Record(path: try path("d/g"), remote: hubs, author: "test")
        let gone = Record(
            path: try path("h"), base: hubs, remote: Version(revision: Revision(rawValue: 8), entry: .tombstone))
        _ = try bench.replica.look(at: other.path, record: other, rereading: false)
        #expect(bench.replica.touched.isEmpty)
        _ = try bench.replica.look(at: named.path, record: named, rereading: false)
        _ = try bench.replica.look(at: gone.path, record: gone, rereading: false)
        #expect(bench.replica.touched == [try path("d"), nil])
        try bench.replica.save([named], cursor: nil, durably: true)
        #expect(bench.replica.touched.isEmpty)
    }

    @Test func `What is not mirrored, or cannot be looked at, is unknown and never absent`() throws {
        let bench = try Bench()
        bench.shell("mkfifo p")
        #expect(try bench.look("p") == .unknown(Problem(.special, operation: "stat")))
    }

    @Test(.enabled(if: isSuperuser, "mounting needs the superuser"))
    func `What is mounted below the root is unknown`() throws {
        let bench = try Bench()
        try #require(bench.shell("mkdir m; mount -t tmpfs none m; touch m/f") == 0)
        defer { bench.shell("umount m") }
        for name in ["m", "m/f", "m/gone"] {
            guard case .unknown(let problem) = try bench.look(name) else {
                Issue.record("\(name)")
                continue
            }
            #expect(problem.reason == .mount)
        }
    }

    @Test func `What has the fingerprint of the record is not read, unless asked`() throws {
        let bench = try Bench()
        try bench.write("content", to: "f")
        let (_, fingerprint) = try bench.present("f")
        let told = Entry.file(try Bench.file("another content"))
        try bench.save("f", told, fingerprint)
        #expect(try bench.look("f") == .present(told, fingerprint))
        guard case .present(let read, _) = try bench.look("f", rereading: true) else {
            Issue.record("not present")
            return
        }
        #expect(!read.hasSameContent(as: told))
    }

    @Test func `A directory is the same whatever happens inside of it`() throws {
        let bench = try Bench()
        bench.shell("mkdir d")
        let before = try bench.present("d").fingerprint
        bench.shell("touch d/f")
        #expect(try bench.present("d").fingerprint == before)
        bench.shell("chmod 700 d")
        #expect(try bench.present("d").fingerprint != before)
    }

    @Test func `A restored mtime hides no edit`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        try bench.adopt("f")
        bench.shell("cp -p f ../stamp; printf two > f; touch -r ../stamp f")
        guard case .file(let file) = try bench.present("f").entry else {
            Issue.record("no file")
            return
        }
        #expect(file.digest == Digest(of: Array("two".utf8)))
    }

    @Test func `Large files are known by their chunks, small ones kept to be sent`() throws {
        let bench = try Bench()
        let large = randomBytes(1 << 20, seed: 1)
        try bench.write(large, to: "large")
        try bench.write("small", to: "small")
        guard case .file(let file) = try bench.adopt("large").entry,
            case .file(let small) = try bench.adopt("small").entry
        else {
            Issue.record("no files")
            return
        }
        let list = try bench.chunkList(file.digest)
        var all: [UInt8] = []
        for chunk in list.chunks { all += try bench.chunk(chunk.digest, of: file.digest) }
        #expect(all == large)
        bench.shell("rm small")
        #expect(try bench.replica.content(of: small, at: path("small")) == Array("small".utf8))
        #expect(try bench.replica.knows(file.digest))
        #expect(try !bench.replica.knows(Digest(of: [1])))
    }

    @Test func `A chunk that is no longer there is not given`() throws {
        let bench = try Bench()
        try bench.write(randomBytes(1 << 20, seed: 1), to: "f")
        guard case .file(let file) = try bench.adopt("f").entry else { return }
        let list = try bench.chunkList(file.digest)
        _ = try bench.replica.chunk(list.chunks[0].digest, of: file.digest)
        try bench.write(randomBytes(1 << 20, seed: 2), to: "f")
        #expect(try bench.replica.chunk(list.chunks[0].digest, of: file.digest) == nil)
    }

    @Test func `A chunk of a file that was not touched need not be compared, and of one that was it must be`() throws {
        let bench = try Bench()
        let content = randomBytes(1 << 20, seed: 1)
        try bench.write(content, to: "f")
        guard case .file(let file) = try bench.adopt("f").entry else { return }
        let list = try bench.chunkList(file.digest)
        func read(_ piece: UntouchedPiece) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: piece.size)
            return bytes.withUnsafeMutableBytes { piece.read(into: $0) } ? bytes : nil
        }
        let first = try #require(try bench.replica.untouchedPiece(list.chunks[0].digest, of: file.digest))
        let second = try #require(try bench.replica.untouchedPiece(list.chunks[1].digest, of: file.digest))
        #expect(read(first) == Array(content[..<Int(list.chunks[0].size)]))
        #expect(read(second).map(Digest.init(of:)) == list.chunks[1].digest)
        bench.shell("printf x | dd of=f bs=1 conv=notrunc status=none")
        #expect(read(first) == nil)
        #expect(try bench.replica.untouchedPiece(list.chunks[0].digest, of: file.digest) == nil)
        #expect(try bench.replica.chunk(list.chunks[0].digest, of: file.digest) == nil)
        #expect(try bench.replica.chunk(list.chunks[9].digest, of: file.digest) != nil)
    }

    @Test func `Children are what could be mirrored`() throws {
        let bench = try Bench()
        bench.shell("mkdir -p d/e; touch d/b d/a d/e/x; mkfifo d/p; mkdir d/.nosocks")
        #expect(try bench.replica.children(of: path("d"))?.map { "\($0)" } == ["d/a", "d/b", "d/e"])
        #expect(try bench.replica.children(of: path("d/a")) == nil)
    }
}
