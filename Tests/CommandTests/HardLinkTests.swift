import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    /// A file that has two names here is two files elsewhere.
    @Suite("Hard links")
    struct HardLinks {
        /// What somebody does to a file `a` that has another name, `d/b`, and what that holds afterwards.
        struct Deed: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let expected: String
            let act: @Sendable (Folder) throws -> Void

            init(
                _ name: String, leaves expected: String = "0123456789",
                _ act: @escaping @Sendable (Folder) throws -> Void
            ) {
                testDescription = name
                self.expected = expected
                self.act = act
            }
        }

        static let deeds = [
            Deed("an append", leaves: "0123456789 and more") { try $0.append(" and more", to: "a") },
            Deed("an append by the other name", leaves: "0123456789 and more") { folder in
                try folder.append(" and more", to: "d/b")
            },
            Deed("a mapping", leaves: "01map56789") { try $0.overwriteMapped("map", at: 2, of: "a") },
            Deed("an edit with the old time put back", leaves: "0000456789") { folder in
                let time = try folder.item("a").mtime
                try folder.overwrite("0000", at: 0, of: "a")
                try folder.setTime(seconds: time[0], nanoseconds: time[1], of: "a")
            },
            Deed("a mode") { try $0.setMode(0o600, of: "a") },
            Deed("a time") { try $0.setTime(seconds: 1_000_000_000, nanoseconds: 5, of: "a") },
            Deed("a third name, and an append by it at once", leaves: "0123456789 and more") { folder in
                try folder.hardLink("c", to: "d/b")
                try folder.append(" and more", to: "c")
            },
            Deed("an append by a name that goes at once", leaves: "0123456789 and more") { folder in
                try folder.append(" and more", to: "a")
                try folder.remove("a")
            },
            Deed("an append by a name that another file takes at once", leaves: "0123456789 and more") { folder in
                try folder.append(" and more", to: "a")
                try folder.write("another", to: "new")
                try folder.rename("new", to: "a")
            },
            Deed("a move, and an append by the new name", leaves: "0123456789 and more") { folder in
                try folder.rename("a", to: "d/c")
                try folder.append(" and more", to: "d/c")
            },
            Deed("a deletion") { try $0.remove("a") },
        ]

        /// A hub and a peer that are the same, and in one of them, `own`, two names of one file.
        private func linked(
            _ bench: Bench, atHub: Bool
        ) async throws -> (own: Replica, other: Replica) {
            let hub = try await bench.hub()
            let one = try await bench.peer("one", of: hub)
            let (own, other) = atHub ? (hub, one) : (one, hub)
            try own.folder.write("0123456789", to: "a")
            try own.folder.makeDirectory("d")
            try own.folder.hardLink("d/b", to: "a")
            try await settle(hub, one)
            try await wait(bench, one)
            #expect(try own.folder.status("a").st_nlink == 2)
            #expect(try other.folder.status("a").st_nlink == 1)
            return (own, other)
        }

        private func wait(_ bench: Bench, _ replica: Replica) async throws {
            #expect(try await bench.run(Binary.nosocks, "wait", "--all", replica.path).ended == 0)
        }

        /// Waits until nothing that came out of the tree may still be somebody's edit.
        private func review(_ replica: Replica) async throws {
            try await eventually("history of \(replica.name)") {
                try replica.folder.children(of: ".nosocks/staging").isEmpty
            }
        }

        private func copies(_ replica: Replica) throws -> [Name] {
            try replica.folder.items().keys.filter { "\($0)".contains("conflict") }
        }

        @Test("What is done by one name of a file arrives at all of them", arguments: deeds, [true, false])
        func deed(deed: Deed, atHub: Bool) async throws {
            try await Bench.run { bench in
                let (own, other) = try await linked(bench, atHub: atHub)
                try deed.act(own.folder)
                try await wait(bench, own)
                #expect(try own.folder.text("d/b") == deed.expected)
                #expect(try other.folder.text("d/b") == deed.expected)
                #expect(try own.folder.differences(from: other.folder) == [])
                #expect(try copies(own) == [])
            }
        }

        @Test(
            "What others do to one name leaves the other one alone, whatever is written there later",
            arguments: [true, false])
        func fromOthers(atHub: Bool) async throws {
            try await Bench.run { bench in
                let (own, other) = try await linked(bench, atHub: atHub)
                try other.folder.write("of the other", to: "a")
                try await wait(bench, other)
                #expect(try own.folder.text("a") == "of the other")
                #expect(try own.folder.text("d/b") == "0123456789")
                // While what came out is still kept for the case that somebody writes to it.
                try own.folder.append(" and more", to: "d/b")
                try await wait(bench, own)
                try await review(own)
                #expect(try own.folder.differences(from: other.folder) == [])
                #expect(try copies(own) == [])
                #expect(try other.folder.text("d/b") == "0123456789 and more")
            }
        }

        @Test(
            "History holds what others removed, though the file lives on by its other name", arguments: [true, false])
        func history(atHub: Bool) async throws {
            try await Bench.run { bench in
                let (own, other) = try await linked(bench, atHub: atHub)
                try other.folder.remove("a")
                try await wait(bench, other)
                try await review(own)
                #expect(try own.folder.status("d/b").st_nlink == 1)
                try own.folder.append(" and more", to: "d/b")
                try await wait(bench, own)
                let kept = try await bench.run(Binary.nosocks, "restore", "--to", "-", "\(own.folder.text)/a")
                #expect(kept.output == "0123456789", "\(kept.errors)")
            }
        }

        @Test("A mode that others give to one name is not the other's", arguments: [true, false])
        func modeFromOthers(atHub: Bool) async throws {
            try await Bench.run { bench in
                let (own, other) = try await linked(bench, atHub: atHub)
                try bench.folder.write("outside", to: "outside")
                try own.folder.hardLink("e", to: "../outside")
                try await settle(own, other)
                try other.folder.setMode(0o600, of: "a")
                try other.folder.setTime(seconds: 1_000_000_000, nanoseconds: 0, of: "e")
                let before = try bench.folder.item("outside")
                try await wait(bench, other)
                try await review(own)
                #expect(try own.folder.item("a").mode == 0o600)
                #expect(try own.folder.item("d/b").mode == 0o644)
                #expect(try bench.folder.item("outside") == before)
                #expect(try own.folder.differences(from: other.folder) == [])
                #expect(try copies(own) == [])
            }
        }

        @Test("A large file that others replace is not lost by what is written to its other name")
        func large() async throws {
            try await Bench.run { bench in
                let (own, other) = try await linked(bench, atHub: true)
                try own.folder.writeRandom(3_000_000, to: "a")
                try await settle(own, other)
                let old = try own.folder.read("a")
                #expect(try other.folder.read("d/b") == old)
                try other.folder.overwrite("of the other", at: 100, of: "a")
                try await settle(own, other)
                try await review(own)
                try own.folder.overwrite("by the other name", at: 100, of: "d/b")
                try await settle(own, other)
                #expect(try copies(own) == [])
                let kept = bench.folder.folder("kept").text
                #expect(
                    try await bench.run(Binary.nosocks, "restore", "--to", kept, "\(own.folder.text)/a").ended == 0)
                #expect(try bench.folder.read("kept") == old)
            }
        }
    }
}
