import Disk
import Testing
import Tree

@testable import Replica

@Suite struct PlacingTests {
    @Test func `A new name is given only where there is none`() throws {
        let bench = try Bench()
        let placement = try bench.place("new", at: "f", expecting: nil)
        #expect(placement.name == "placed")
        #expect(try bench.text("f") == "new")
        // What was placed is known by its fingerprint alone.
        #expect(try bench.present("f").fingerprint == placement.fingerprint)
        #expect(try bench.place("other", at: "f", expecting: nil).name == "changed")
        #expect(try bench.place("x", at: "d/f", expecting: nil).name == "noParent")
        #expect(try bench.place("x", at: "f/f", expecting: nil).name == "noParent")
        #expect(try bench.text("f") == "new")
    }

    @Test func `What is replaced is what was expected, or nothing is done`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, old) = try bench.adopt("f")
        try bench.write("edit", to: "f")
        #expect(try bench.place("new", at: "f", expecting: old).name == "changed")
        #expect(try bench.text("f") == "edit")
        let (_, now) = try bench.adopt("f")
        let placement = try bench.place("new", at: "f", expecting: now)
        #expect(placement.name == "placed")
        #expect(try bench.text("f") == "new")
        #expect(try bench.present("f").fingerprint == placement.fingerprint)
        bench.shell("rm f")
        #expect(try bench.place("newer", at: "f", expecting: placement.fingerprint).name == "changed")
    }

    @Test(arguments: ["printf edit > f", "printf edit > g; mv g f", "printf edit >> f", "rm f; printf edit > f"])
    func `An edit in the last moment comes out, and is kept as one`(script: String) throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, expected) = try bench.adopt("f")
        bench.replica.hooks.beforeExchange = { [unowned bench] _ in bench.shell(script) }
        let placement = try bench.place("new", at: "f", expecting: expected)
        #expect(placement.name == "displaced")
        #expect(try bench.text("f") == "new")
        let edit = try #require(placement.out)
        guard case .edited(.file(let file), let from) = try bench.replica.review(edit) else {
            Issue.record("no edit")
            return
        }
        #expect([Digest(of: Array("edit".utf8)), Digest(of: Array("oneedit".utf8))].contains(file.digest))
        #expect("\(from)" == "f")
        #expect(try bench.replica.restore(edit, at: path("f.conflict")))
        #expect(try bench.text("f.conflict").hasSuffix("edit"))
        #expect(try bench.replica.removed().isEmpty)
    }

    @Test func `A name that vanishes in the last moment leaves everything as it was`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, expected) = try bench.adopt("f")
        bench.replica.hooks.beforeExchange = { [unowned bench] _ in bench.shell("rm f") }
        #expect(try bench.place("new", at: "f", expecting: expected).name == "changed")
        #expect(try bench.replica.removed().isEmpty)
        #expect(bench.shell("test ! -e f") == 0)
    }

    @Test func `What is written to the new file at once is not taken for what was placed`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        let (_, expected) = try bench.adopt("f")
        bench.replica.hooks.afterExchange = { [unowned bench] _ in bench.shell("printf edit > f") }
        let placement = try bench.place("new", at: "f", expecting: expected)
        #expect(try bench.present("f").fingerprint != placement.fingerprint)
    }

    static let kinds = ["file", "directory", "symlink"]

    @Test(arguments: kinds, kinds)
    func `Every kind takes the place of every other`(old: String, new: String) throws {
        let bench = try Bench()
        let make = ["file": "printf old > p", "directory": "mkdir p", "symlink": "ln -s old p"]
        bench.shell(try #require(make[old]))
        let (_, expected) = try bench.adopt("p")
        let placement: Placement<Removed>
        switch new {
        case "file": placement = try bench.place("new", at: "p", expecting: expected)
        case "directory":
            let entry = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o711)))
            placement = try bench.replica.place(entry, staged: nil, at: path("p"), expecting: expected)
        default:
            let entry = Entry.symlink(Entry.Symlink(target: Array("new".utf8)))
            placement = try bench.replica.place(entry, staged: nil, at: path("p"), expecting: expected)
        }
        #expect(placement.name == "placed")
        let test = [
            "file": "test \"$(cat p)\" = new", "directory": "test -d p -a $(stat -c %a p) = 711",
            "symlink": "test \"$(readlink p)\" = new",
        ]
        #expect(bench.shell(try #require(test[new])) == 0)
        #expect(try bench.present("p").fingerprint == placement.fingerprint)
        #expect((placement.out == nil) == (old == "directory"))
        if let out = placement.out { #expect(try bench.replica.review(out).name == "settled") }
        #expect(try bench.stagingNames.count == (old == "directory" ? 0 : 1))
    }

    @Test func `A directory that is not empty is never replaced`() throws {
        let bench = try Bench()
        bench.shell("mkdir d; touch d/f")
        let (_, expected) = try bench.adopt("d")
        #expect(try bench.place("new", at: "d", expecting: expected).name == "notEmpty")
        #expect(bench.shell("test -f d/f") == 0)
    }

    @Test func `Another hard link keeps its content`() throws {
        let bench = try Bench()
        try bench.scratch.write("shared", to: "outside")
        bench.shell("ln ../outside f")
        let (_, expected) = try bench.adopt("f")
        #expect(try bench.place("new", at: "f", expecting: expected).name == "placed")
        #expect(try bench.scratch.text("outside") == "shared")
    }

    @Test func `Names are bytes, and twins of one look are two`() throws {
        let bench = try Bench()
        let names: [[UInt8]] = [
            [10], [0xff, 0xfe], Array("caf\u{e9}".utf8), Array("cafe\u{301}".utf8),
            [UInt8](repeating: 0x61, count: 255),
        ]
        for (number, name) in names.enumerated() {
            let text = Array("\(number)".utf8)
            let file = try Bench.file(text)
            let path = try RelativePath(name)
            let placement = try bench.replica.place(
                .file(file), staged: bench.staged(file, text), at: path, expecting: nil)
            let record = Record(path: path)
            let seen = try bench.replica.look(at: path, record: record, rereading: false)
            #expect(seen == .present(.file(file), try #require(placement.fingerprint)))
        }
    }

    @Test func `Mode and mtime are set on what is expected, and the rest stays`() throws {
        let bench = try Bench()
        try bench.write("one", to: "f")
        bench.shell("mkdir d; touch d/x")
        guard case (.file(var file), let expected) = try bench.adopt("f") else { return }
        file.mode = Mode(rawValue: 0o400)
        let first = try bench.replica.setMetadata(.file(file), at: path("f"), expecting: expected)
        #expect(try bench.present("f").fingerprint == first.fingerprint)
        file.mtime = Timestamp(seconds: 1, nanoseconds: 2)
        let second = try bench.replica.setMetadata(.file(file), at: path("f"), expecting: #require(first.fingerprint))
        #expect(try bench.present("f") == (.file(file), try #require(second.fingerprint)))
        bench.shell("printf edit > f")
        let late = try bench.replica.setMetadata(.file(file), at: path("f"), expecting: #require(second.fingerprint))
        #expect(late.name == "changed")
        let (_, directory) = try bench.adopt("d")
        let mode = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o700)))
        let third = try bench.replica.place(mode, staged: nil, at: path("d"), expecting: directory)
        #expect(try bench.present("d").fingerprint == third.fingerprint)
    }

    @Test func `A rename takes the expected to a free name`() throws {
        let bench = try Bench()
        bench.shell("mkdir d e; printf 1 > d/f; printf 2 > e/taken")
        let (_, expected) = try bench.adopt("d/f")
        #expect(try bench.replica.rename(path("d/f"), to: path("e/taken"), expecting: expected) == .occupied)
        #expect(try bench.replica.rename(path("d/f"), to: path("none/f"), expecting: expected) == .changed)
        #expect(try bench.replica.rename(path("d/f"), to: path("e/f"), expecting: expected) == .renamed)
        #expect(try bench.text("e/f") == "1")
        #expect(try bench.replica.rename(path("d/f"), to: path("e/g"), expecting: expected) == .changed)
    }
}
