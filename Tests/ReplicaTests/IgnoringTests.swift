import Disk
import Ignore
import Index
import Testing
import Tree

@testable import Replica

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct IgnoringTests {
    private func bench(_ rules: String, _ setUp: String = "true", ignore: [String] = []) throws -> Bench {
        let scratch = try Scratch()
        scratch.shell("mkdir r && cd r && { \(setUp)\n}")
        if !rules.isEmpty { try scratch.write(rules, to: "r/.nosocksignore") }
        var settings = ReplicaSettings()
        settings.ignore = ignore.map { Array($0.utf8) }
        return try Bench(scratch, settings: settings)
    }

    private func dirty(_ bench: Bench, inside directory: String? = nil, isThorough: Bool = false) throws -> [String] {
        let scan = bench.replica.scan(inside: try directory.map { try path($0) }, isThorough: isThorough)
        var all: [String] = []
        while true {
            let found = try scan.step(limit: 3)
            all += found.dirty.map { "\($0.path)" }
            if found.isDone { return all }
        }
    }

    @Test func `What is ignored is looked at by nobody, from the very first look`() throws {
        let bench = try bench(
            "*.log\nbuild/\n",
            "mkdir -p build d; touch a.log build/x d/a.log d/f; printf '!a.log\\n' > d/.nosocksignore",
            ignore: ["*.tmp"])
        bench.shell("touch a.tmp")
        for name in ["a.log", "build", "build/x", "a.tmp", "none.log", "build/none"] {
            #expect(try bench.look(name) == .ignored, "\(name)")
        }
        #expect(try bench.look("none") == .absent)
        for name in ["d", "d/a.log", "d/f", ".nosocksignore", "d/.nosocksignore"] { _ = try bench.present(name) }
        // What is not there is what it was.
        try bench.save("gone", .directory(Entry.Directory(mode: Mode(rawValue: 0o755))), nil)
        try bench.write("gone/\n", to: ".nosocksignore")
        bench.replica.readRules(among: [Dirty(path: try path(".nosocksignore"), rereading: true)])
        #expect(try bench.look("gone") == .ignored)
    }

    @Test func `Rules that the replica itself puts in place or takes away count for what comes next`() throws {
        let bench = try bench("", "touch a.log")
        #expect(try dirty(bench) == ["a.log"])
        let rules = try #require(try bench.place("*.log\n", at: ".nosocksignore", expecting: nil).fingerprint)
        #expect(try bench.look("a.log") == .ignored)
        #expect(bench.replica.takeChangedRules().directories == [nil])
        let other = try #require(try bench.place("*.txt\n", at: ".nosocksignore", expecting: rules).fingerprint)
        _ = try bench.present("a.log")
        _ = try bench.place("*.log\n", at: ".nosocksignore", expecting: other)
        #expect(try bench.look("a.log") == .ignored)
        let last = try bench.present(".nosocksignore").fingerprint
        #expect(try bench.replica.remove(path(".nosocksignore"), expecting: last).name == "removed")
        _ = try bench.present("a.log")
    }

    @Test func `A scan passes over what is ignored, and names once what was known of it`() throws {
        let bench = try bench("", "mkdir -p d/e; touch a.log b.log d/e/c.log d/f z; mkfifo p.log")
        for name in ["a.log", "b.log", "d", "d/e", "d/e/c.log", "d/f", "z"] { try bench.adopt(name) }
        #expect(try dirty(bench).isEmpty)
        bench.shell("printf '*.log\\nd/e\\n' > .nosocksignore; rm b.log; printf x > a.log")
        bench.replica.readRules(among: [Dirty(path: try path(".nosocksignore"), rereading: true)])
        #expect(try dirty(bench) == [".nosocksignore", "a.log", "b.log", "d/e", "d/e/c.log"])
        for name in ["a.log", "b.log", "d/e", "d/e/c.log"] {
            #expect(try bench.look(name) == .ignored)
            var record = try bench.replica.record(at: path(name))
            record.fingerprint = .outOfSight
            try bench.replica.save([record], cursor: nil, durably: false)
        }
        #expect(try dirty(bench) == [".nosocksignore"])
        #expect(try dirty(bench, inside: "d/e") == ["d/e"])
        #expect(try bench.replica.children(of: path("d")) == [path("d/f")])
        // As they go, everything is of interest again, gone or not.
        bench.shell("rm .nosocksignore")
        #expect(try dirty(bench).isEmpty)
        #expect(bench.replica.takeChangedRules().directories == [nil])
        #expect(try dirty(bench, isThorough: true) == ["a.log", "d/e", "d/e/c.log", "b.log"])
    }

    @Test func `A thorough scan names what the hub has changed, here or not`() throws {
        let bench = try bench("", "touch a")
        let (entry, fingerprint) = try bench.adopt("a")
        var record = try bench.replica.record(at: path("a"))
        record.remote = Version(revision: Revision(rawValue: 9), entry: .tombstone)
        let coming = Record(path: try path("b"), remote: Version(revision: Revision(rawValue: 10), entry: entry))
        try bench.replica.save([record, coming], cursor: nil, durably: false)
        #expect(try bench.replica.record(at: path("a")).fingerprint == fingerprint)
        #expect(try dirty(bench).isEmpty)
        #expect(try dirty(bench, isThorough: true) == ["a", "b"])
    }

    @Test func `A directory that is gone keeps its rules for what was in it, and another one of its name does not`()
        throws
    {
        let bench = try bench("*.log\n", "mkdir d; printf '!a.log\\n' > d/.nosocksignore")
        _ = try dirty(bench)
        bench.shell("rm -r d")
        bench.replica.readRules(among: [Dirty(path: try path("d/.nosocksignore"), rereading: false)])
        #expect(try bench.look("d/a.log") == .absent)
        #expect(try bench.look("d/b.log") == .ignored)
        bench.shell("mkdir d; touch d/a.log")
        _ = try dirty(bench, inside: "d")
        #expect(try bench.look("d/a.log") == .ignored)
    }

    @Test func `Rules that somebody is writing wait for their end`() throws {
        let bench = try bench("*.log\n", "touch a.log")
        _ = try dirty(bench)
        let rules = try path(".nosocksignore")
        let writer = open("\(bench.scratch.path)/r/.nosocksignore", O_WRONLY | O_TRUNC)
        try #require(writer >= 0)
        bench.replica.readRules(among: [Dirty(path: rules, rereading: true)])
        #expect(try bench.look("a.log") == .ignored)
        close(writer)
        bench.replica.readRules(among: [Dirty(path: rules, rereading: true)])
        _ = try bench.present("a.log")
    }

    @Test func `Rules that are too large count as they were, or leave out everything beside them`() throws {
        let bench = try bench("*.log\n", "mkdir d; touch a.log b d/f; head -c 2000000 /dev/zero > d/.nosocksignore")
        #expect(try dirty(bench) == [".nosocksignore", "b", "d", "d/.nosocksignore"])
        let told = bench.replica.takeChangedRules()
        #expect(told.problems.contains { "\($0.path)" == "d/.nosocksignore" && $0.problem.reason == .rulesUnknown })
        #expect(try bench.look("d/f") == .ignored)
        bench.shell("head -c 2000000 /dev/zero > .nosocksignore")
        bench.replica.readRules(among: [Dirty(path: try path(".nosocksignore"), rereading: true)])
        #expect(try bench.look("a.log") == .ignored)
        _ = try bench.present("b")
    }

    @Test(arguments: ["ln -s rules .nosocksignore", "mkdir .nosocksignore", "mkfifo .nosocksignore"])
    func `What is no file holds no rules`(setUp: String) throws {
        let bench = try bench("", "printf '*\\n' > rules; touch f; \(setUp)")
        _ = try bench.present("f")
    }

    @Test func `Content is never taken from what is ignored`() throws {
        let bench = try bench("", "printf secret > a.key")
        let (entry, _) = try bench.adopt("a.key")
        guard case .file(let file) = entry else { throw BenchError(description: "\(entry)") }
        try bench.write("*.key\n", to: ".nosocksignore")
        // Nor from what is still at hand of it.
        try bench.reopen()
        #expect(try bench.replica.content(of: file, at: path("a.key")) == nil)
        #expect(try bench.replica.stage(file, content: nil).name == "1 chunks")
        bench.shell("rm .nosocksignore")
        try bench.reopen()
        #expect(try bench.replica.content(of: file, at: path("a.key")) == Array("secret".utf8))
    }

    @Test func `The patterns that a process is given are known to whoever asks, and gone with the next one`() throws {
        let bench = try bench("", "touch x.o", ignore: ["#x", "*.o"])
        let lookup = try #require(try IgnoredLookup(at: Array("\(bench.scratch.path)/r".utf8)))
        let rule = try #require(lookup.rule(for: try path("x.o"), isDirectory: false))
        #expect(rule.source == .command && rule.line == 2)
        #expect(lookup.rule(for: try path("#x"), isDirectory: false)?.line == 1)
        let plain = try Bench(bench.scratch, folder: "s")
        #expect(
            try IgnoredLookup(at: Array("\(plain.scratch.path)/s".utf8))?.rule(for: path("x.o"), isDirectory: false)
                == nil)
        if try IgnoredLookup(at: Array(bench.scratch.path.utf8)) != nil { Issue.record("a replica that is none") }
    }
}
