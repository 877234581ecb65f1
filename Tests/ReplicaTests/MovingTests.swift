import Disk
import Testing
import Tree

@testable import Replica

/// Files that are renamed instead of copied and removed.
@Suite struct MovingTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
        bench.shell("mkdir d e")
        try bench.write("one", to: "d/f")
    }

    private func move(expecting expected: Fingerprint) throws -> Fingerprint? {
        try bench.replica.move(path("d/f"), to: path("e/g"), expecting: expected)
    }

    @Test func `A file that is moved is the same file, and is known to be`() throws {
        let (_, old) = try bench.adopt("d/f")
        let new = try #require(try move(expecting: old))
        #expect(new.inode == old.inode)
        #expect(try bench.present("e/g").fingerprint == new)
        #expect(try bench.text("e/g") == "one")
        #expect(bench.shell("test ! -e d/f") == 0)
        #expect(try bench.replica.removed().isEmpty)
    }

    @Test func `What is not what was expected stays`() throws {
        let (_, old) = try bench.adopt("d/f")
        try bench.write("edit", to: "d/f")
        #expect(try move(expecting: old) == nil)
        #expect(try bench.text("d/f") == "edit")
        bench.shell("rm d/f")
        #expect(try move(expecting: old) == nil)
        #expect(bench.shell("test ! -e e/g") == 0)
    }

    @Test func `What has the name keeps it`() throws {
        let (_, old) = try bench.adopt("d/f")
        try bench.write("another", to: "e/g")
        #expect(try move(expecting: old) == nil)
        #expect(try bench.text("d/f") == "one")
        #expect(try bench.text("e/g") == "another")
    }

    @Test func `An edit in the last moment goes back to where it was`() throws {
        let (_, old) = try bench.adopt("d/f")
        bench.replica.hooks.beforeRemoval = { [unowned bench] _ in bench.shell("printf edit > d/f") }
        #expect(try move(expecting: old) == nil)
        #expect(try bench.text("d/f") == "edit")
        #expect(bench.shell("test ! -e e/g") == 0)
    }

    @Test func `A file with another name is not moved`() throws {
        bench.shell("ln d/f other")
        let (_, old) = try bench.adopt("d/f")
        #expect(try move(expecting: old) == nil)
        #expect(try bench.text("d/f") == "one")
    }

    @Test func `Nothing is moved out of the folder, or through a symlink`() throws {
        let (_, old) = try bench.adopt("d/f")
        bench.shell("mkdir ../outside; rmdir e; ln -s ../outside e")
        #expect(try move(expecting: old) == nil)
        #expect(bench.shell("test ! -e ../outside/g") == 0)
        #expect(try bench.text("d/f") == "one")
    }

    @Test func `What came with its directory has a former name, what was renamed by itself has none`() throws {
        let (_, old) = try bench.adopt("d/f")
        bench.shell("mv d e/d")
        #expect(try bench.replica.formerName(of: path("e/d/f"), old) == path("d/f"))
        bench.shell("mkdir d; cp e/d/f d/f")
        #expect(try bench.replica.formerName(of: path("e/d/f"), old) == nil)
        bench.shell("rm -r d; mv e/d/f e/g")
        #expect(try bench.replica.formerName(of: path("e/g"), bench.present("e/g").fingerprint) == nil)
    }

    @Test func `That a file left with its directory is no news of its new name`() throws {
        let (entry, old) = try bench.adopt("d/f")
        bench.shell("mv d e/d")
        #expect(try bench.present("e/d/f").entry == entry)
        #expect(try bench.look("d/f") == .absent)
        try bench.save("d/f", .tombstone, nil)
        try bench.save("e/d/f", entry, old)
        #expect(try bench.replica.otherNames().isEmpty)
    }

    @Test func `Of a file that left with its directory the names elsewhere are looked at`() throws {
        bench.shell("ln d/f other")
        let (entry, old) = try bench.adopt("d/f")
        try bench.adopt("other")
        bench.shell("mv d e/d; rm e/d/f")
        #expect(try bench.look("d/f") == .absent)
        try bench.save("d/f", .tombstone, nil)
        #expect(try bench.replica.otherNames().map(\.path) == [path("other")])
        bench.shell("ln other e/d/f")
        try bench.save("d/f", entry, old)
        _ = try bench.present("e/d/f")
        #expect(try bench.look("d/f") == .absent)
        #expect(try bench.replica.otherNames().map(\.path).contains(path("other")))
    }

    @Test func `A directory that is made while a batch goes on is found in it`() throws {
        try bench.replica.batch { () throws(StoreFailure) in
            #expect((try? bench.look("n/f")) == .absent)
            try? bench.write("in the way", to: "n.txt")
            bench.shell("mkdir n; mv n.txt n/f")
            #expect((try? bench.present("n"))?.entry.isDirectory == true)
            #expect((try? bench.present("n/f")) != nil)
        }
    }

    @Test func `That a directory is missing is believed only under the root that was opened`() throws {
        try bench.adopt("d/f")
        bench.shell("rm -r d; cd ..; mv r gone; mkdir r")
        #expect(throws: StoreFailure.self) { try bench.look("d/f") }
    }

    @Test func `What is large has a former name however it was renamed`() throws {
        var settings = ReplicaSettings()
        settings.readAheadSize = 3
        let bench = try Bench(settings: settings)
        try bench.write("large", to: "f")
        try bench.adopt("f")
        bench.shell("mv f g")
        #expect(try bench.replica.formerName(of: path("g"), bench.present("g").fingerprint) == path("f"))
    }
}
