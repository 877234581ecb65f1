import COldRenames
import Disk
import Testing
import Tree

@testable import Replica

/// Does something on a thread for which file systems have neither exchange nor exclusive renames.
func onOldFileSystem(_ body: () throws -> Void) throws {
    nonisolated(unsafe) var failure: (any Error)?
    try withoutActuallyEscaping(body) { body in
        nonisolated(unsafe) let body = body
        try Thread {
            guard cold_renames_begin() == 0 else {
                failure = BenchError(description: "no seccomp")
                return
            }
            do { try body() } catch { failure = error }
        }.join()
    }
    if let failure { throw failure }
}

@Suite(.enabled(if: isLinux)) struct OldFileSystemTests {
    @Test func `What is renamed has its new name, and nothing of it is left elsewhere`() throws {
        let bench = try Bench()
        try bench.write("text", to: "f")
        let (_, expected) = try bench.adopt("f")
        try onOldFileSystem {
            let renaming = try bench.replica.rename(path("f"), to: path("g"), expecting: expected)
            #expect(renaming == .renamed)
        }
        #expect(try bench.text("g") == "text")
        #expect(bench.shell("test ! -e f") == 0)
        #expect(try bench.stagingNames.isEmpty)
        #expect(try bench.replica.removed().isEmpty)
    }

    @Test func `What finds its new name taken is as it was, to the change time`() throws {
        let bench = try Bench()
        try bench.write("text", to: "f")
        try bench.write("other", to: "g")
        let (_, expected) = try bench.adopt("f")
        try onOldFileSystem {
            let renaming = try bench.replica.rename(path("f"), to: path("g"), expecting: expected)
            #expect(renaming == .occupied)
        }
        #expect(try bench.present("f").fingerprint == expected)
        #expect(try bench.text("g") == "other")
        #expect(try bench.replica.removed().isEmpty)
    }

    @Test func `A program that still writes to what was renamed is heard until it ends`() throws {
        let bench = try Bench()
        try bench.write("one ", to: "f")
        let (_, expected) = try bench.adopt("f")
        try onOldFileSystem {
            var writer: Descriptor? = try bench.replica.root.place(of: path("f")).openForWriting()
            let renaming = try bench.replica.rename(path("f"), to: path("g"), expecting: expected)
            #expect(renaming == .renamed)
            try bench.adopt("g")
            try writer?.write(Array("two".utf8), at: 4)
            let out = try #require(bench.replica.removed().first)
            let review = try bench.replica.review(out).name
            #expect(review == "settled")
            let others = try bench.replica.otherNames().map { "\($0.path)" }
            #expect(others.contains("g"))
            let isEarly = try bench.replica.retire(out)
            #expect(!isEarly)
            writer = nil
            let isDone = try bench.replica.retire(out)
            #expect(isDone)
        }
        #expect(try bench.text("g") == "one two")
        #expect(try bench.stagingNames.isEmpty)
    }
}

#if os(Linux)
private let isLinux = true
#else
private let isLinux = false
#endif
