import Disk
import Testing
import Tree

@testable import Replica

@Suite struct OpeningTests {
    private func open(_ path: String) throws { _ = try FolderReplica(at: Array(path.utf8), role: "peer") }

    @Test func `A folder that is none, or is inside a replica, is refused`() throws {
        let scratch = try Scratch()
        scratch.shell("touch file; mkdir -p r/sub")
        #expect(throws: OpenFailure.missing) { try open("\(scratch.path)/none") }
        #expect(throws: OpenFailure.notDirectory) { try open("\(scratch.path)/file") }
        try open("\(scratch.path)/r")
        #expect(throws: OpenFailure.inside(replicaAt: "\(scratch.path)/r")) { try open("\(scratch.path)/r/sub") }
    }

    @Test func `A second process is told who has the folder`() throws {
        let bench = try Bench()
        #expect { try open("\(bench.scratch.path)/r") } throws: { error in
            guard case .held(let holder)? = error as? OpenFailure else { return false }
            return holder.hasSuffix(" test")
        }
    }

    @Test func `A replica is the same one at its next opening, and its state is private`() throws {
        let bench = try Bench()
        let id = bench.replica.id
        try bench.reopen()
        #expect(bench.replica.id == id)
        #expect(bench.shell("test $(stat -c %a .nosocks) = 700") == 0)
    }

    @Test func `A symlink is no state folder`() throws {
        let scratch = try Scratch()
        scratch.shell("mkdir r elsewhere; ln -s ../elsewhere r/.nosocks")
        #expect(throws: OpenFailure.self) { try open("\(scratch.path)/r") }
        #expect(scratch.shell("test -z \"$(ls elsewhere)\"") == 0)
    }

    @Test(arguments: ["mv r s", "mv r s; mkdir r", "rm -rf r/.nosocks", "mv r/.nosocks s; mkdir r/.nosocks"])
    func `Nothing is missing from a root that is not the one that was opened`(script: String) throws {
        let bench = try Bench()
        try bench.write("1", to: "f")
        try bench.adopt("f")
        bench.scratch.shell(script + "; rm -f r/f s/f")
        #expect { try bench.look("f") } throws: {
            ($0 as? StoreFailure).map { "\($0)" }?.contains("rootChanged") == true
        }
        #expect(throws: StoreFailure.self) { try bench.replica.check() }
    }
}
