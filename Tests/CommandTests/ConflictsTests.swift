import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Commands {
    @Suite("Conflict copies")
    struct Conflicts {
        /// Two versions of a note, of which the peer's lost; in sync.
        private func conflict(_ bench: Bench) async throws -> (hub: Replica, one: Replica, copy: Name) {
            let hub = try await bench.hub()
            let one = try await bench.peer("one", of: hub)
            try hub.folder.write("first", to: "note.txt")
            try await settle(hub, one)
            try await one.stop()
            try one.folder.write("of one", to: "note.txt")
            try hub.folder.write("of the hub", to: "note.txt")
            try await one.join()
            try await settle(hub, one)
            let copy = try #require(try hub.folder.children().first { "\($0)".hasPrefix("note.conflict-one-") })
            return (hub, one, copy)
        }

        private func run(_ bench: Bench, _ words: String..., status: Int32 = 0) async throws -> String {
            let program = try await bench.run([Binary.nosocks, "conflicts"] + words)
            #expect(program.ended == status, "\(program.errors)")
            return program.output
        }

        private struct Status: Decodable {
            var conflicts: Int
            var inSync: Bool
        }

        private func status(_ bench: Bench, _ folder: Folder, ends: Int32) async throws -> Int {
            let program = try await bench.run([Binary.nosocks, "status", "--json", folder.text])
            #expect(program.ended == ends, "\(program.output)")
            return try JSONDecoder().decode(Status.self, from: Data(program.output.utf8)).conflicts
        }

        @Test("are counted by status, which ends with 4 until the last one is settled; at the hub and at a peer")
        func counted() async throws {
            try await Bench.run { bench in
                let (hub, one, copy) = try await conflict(bench)
                #expect(try await status(bench, hub.folder, ends: 4) == 1)
                #expect(try await status(bench, one.folder, ends: 4) == 1)
                #expect(try await bench.run([Binary.nosocks, "status", hub.path]).output.contains("1 conflict copy"))
                // What is inside of a folder of such a name is none, nor is one that is no file.
                try hub.folder.makeDirectory("d.conflict-one-deadbeef")
                try hub.folder.write("x", to: "d.conflict-one-deadbeef/plain.conflict-")
                try hub.folder.makeDirectory("d")
                try hub.folder.write("x", to: "d/other.conflict-two-deadbeef.txt")
                try await settle(hub, one)
                #expect(try await status(bench, hub.folder, ends: 4) == 2)
                #expect(try await status(bench, one.folder, ends: 4) == 2)
                _ = try await run(bench, "--keep", "theirs", "\(one.folder.text)/\(copy)")
                try one.folder.remove("d/other.conflict-two-deadbeef.txt")
                try await bench.run([Binary.nosocks, "wait", "--all", one.path])
                #expect(try await status(bench, one.folder, ends: 0) == 0)
                #expect(try await status(bench, hub.folder, ends: 0) == 0)
            }
        }

        @Test("are counted where they may not be sent, too, but after what is a problem")
        func countedUnsent() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--read-only"])
                let one = try await bench.peer("one", of: hub)
                try one.folder.write("x", to: "note.conflict-one-deadbeef.txt")
                try await one.program.hears("problem", path: "note.conflict-one-deadbeef.txt")
                #expect(try await status(bench, one.folder, ends: 3) == 1)
                try one.kill()
                let words = ["join", "--once", "--fail-on-conflict", hub.url, one.path]
                #expect(try await bench.nosocks(words).ending() == 6)
            }
        }

        @Test("make hub and join end with 4 where that was asked for, and else with 0")
        func failing() async throws {
            try await Bench.run { bench in
                let (hub, one, copy) = try await conflict(bench)
                #expect(try await one.stop() == 0)
                let join = ["join", "--once", hub.url, one.path]
                #expect(try await bench.nosocks(join).ending() == 0)
                let failed = try await bench.run([Binary.nosocks] + join + ["--fail-on-conflict"])
                #expect(failed.ended == 4)
                #expect(failed.errors.contains("1 conflict copy"))
                #expect(try await hub.stop() == 0)
                let again = try Replica(at: bench, name: "hub", options: ["--fail-on-conflict"])
                try await again.listen()
                #expect(try await again.stop() == 4)
                try await again.listen()
                try again.folder.remove(copy)
                try await bench.run([Binary.nosocks, "wait", again.path])
                #expect(try await again.stop() == 0)
            }
        }

        @Test("are listed with both sides")
        func listed() async throws {
            try await Bench.run { bench in
                let (_, one, copy) = try await conflict(bench)
                // One of which only the copy is left.
                try one.folder.write("", to: "lost.conflict-two-deadbeef")
                let columns = try await run(bench, one.folder.text).split(separator: "\n").map {
                    $0.split(separator: "\t", omittingEmptySubsequences: false)
                }
                #expect(columns.map { $0[0] } == ["lost.conflict-two-deadbeef", "\(copy)"])
                #expect(columns.map { $0[1] } == ["two", "one"])
                #expect(columns.map { $0[4] } == ["lost", "note.txt"])
                #expect(columns.map { $0[5] } == ["-", "10"])
                #expect(try await run(bench, "-0", one.folder.text) == "lost.conflict-two-deadbeef\0\(copy)\0")
                let json = try await run(bench, "--json", one.folder.text)
                #expect(
                    json.contains("\"ours\":{") && json.contains("\"size\":6") && json.contains("\"copy\":\"\(copy)\""))
                _ = try await run(bench, "--keep", "ours", "\(one.folder.text)/nothing", status: 1)
                _ = try await run(bench, "--keep", "mine", "\(one.folder.text)/note.txt", status: 2)
                _ = try await run(bench, "--keep", "ours", one.folder.text, status: 2)
            }
        }

        @Test(
            "are settled by keeping one side or both, and what goes can be had back",
            arguments: ["ours", "theirs", "both"])
        func settled(side: String) async throws {
            try await Bench.run { bench in
                let (hub, one, copy) = try await conflict(bench)
                // On any side: the words mean the same everywhere.
                _ = try await run(bench, "--keep", side, "\(hub.folder.text)/note.txt")
                try await settle(hub, one)
                let names = try one.folder.items().keys.sorted()
                switch side {
                case "ours":
                    #expect(names == ["note.txt"])
                    #expect(try one.folder.text("note.txt") == "of one")
                    try await bench.run(Binary.nosocks, "restore", "\(hub.folder.text)/note.txt")
                    #expect(try hub.folder.text("note.txt") == "of the hub")
                case "theirs":
                    #expect(names == ["note.txt"])
                    #expect(try one.folder.text("note.txt") == "of the hub")
                    try await bench.run(Binary.nosocks, "restore", "\(hub.folder.text)/\(copy)")
                    #expect(try hub.folder.text(copy) == "of one")
                default:
                    #expect(names == ["note-one.txt", "note.txt"])
                    #expect(try one.folder.text("note-one.txt") == "of one")
                }
                try await settle(hub, one)
            }
        }

        @Test("--all settles all of them, but not where a side is more than one")
        func all() async throws {
            try await Bench.run { bench in
                let (hub, one, copy) = try await conflict(bench)
                try one.folder.write("of two", to: "note.conflict-two-deadbeef.txt")
                try one.folder.makeDirectory("d")
                try one.folder.write("x", to: "d/x.conflict-two-deadbeef")
                _ = try await run(bench, "--keep", "ours", "--all", one.folder.text, status: 1)
                #expect(try one.folder.text("d/x") == "x")
                #expect(one.folder.exists(copy))
                _ = try await run(bench, "--keep", "theirs", "--all", one.folder.text)
                #expect(try await run(bench, one.folder.text) == "")
                try await settle(hub, one)
                #expect(try hub.folder.items().keys.sorted() == ["d", "d/x", "note.txt"])
            }
        }
    }
}
