import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("Rules that change")
    struct ChangingRules {
        @Test("what is ignored from now on is deleted nowhere, and what becomes of it stays where it is")
        func newlyIgnored() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try hub.folder.makeDirectory("build")
                for name in ["a.log", "b.log", "build/out"] as [Name] { try hub.folder.write("first", to: name) }
                try await settle(hub, one, two)
                try one.folder.write("*.log\nbuild/\n", to: ".nosocksignore")
                try await settle(hub, one, two)
                try hub.folder.removeTree("build")
                try one.folder.remove("a.log")
                try two.folder.write("second", to: "b.log")
                try await pass("from-hub", from: hub, to: one, two)
                try await pass("from-one", from: one, to: hub, two)
                try await pass("from-two", from: two, to: one, hub)
                #expect(!hub.folder.exists("build"))
                #expect(try one.folder.text("build/out") == "first")
                #expect(try two.folder.text("build/out") == "first")
                #expect(try hub.folder.text("a.log") == "first")
                #expect(!one.folder.exists("a.log"))
                #expect(try two.folder.text("a.log") == "first")
                #expect(try hub.folder.text("b.log") == "first")
                #expect(try two.folder.text("b.log") == "second")

                // Where nobody looked, nothing was deleted: it comes back as the rules go.
                try two.folder.remove(".nosocksignore")
                try await settle(hub, one, two)
                try await one.holds(["a.log", "b.log", "build", "build/out", "from-hub", "from-one", "from-two"])
                #expect(try hub.folder.text("b.log") == "second")
                #expect(try one.folder.text("a.log") == "first")
            }
        }

        @Test("an edit of what was ignored goes along with the rules that go")
        func editGoesWithRules() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.write("first", to: "b.log")
                try await settle(hub, one)
                try one.folder.write("*.log\n", to: ".nosocksignore")
                try await settle(hub, one)
                #expect(try await one.stop() == 0)
                try one.folder.remove(".nosocksignore")
                try one.folder.write("second", to: "b.log")
                try await one.join()
                try await settle(hub, one)
                #expect(try hub.folder.text("b.log") == "second")
            }
        }

        @Test(
            "what is ignored no longer is merged: what is on one side alone is on both, and what differs is kept twice")
        func newlyUnignored() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.write("*.log\n", to: ".nosocksignore")
                try hub.folder.write("agreed", to: "agreed.log.txt")
                try await settle(hub, one)
                try hub.folder.write("hub's", to: "hub.log")
                try one.folder.write("one's", to: "one.log")
                try hub.folder.write("the same", to: "same.log")
                try one.folder.write("the same", to: "same.log")
                try hub.folder.write("hub's", to: "both.log")
                try one.folder.write("one's", to: "both.log")
                try await pass("from-hub", from: hub, to: one)
                try await pass("from-one", from: one, to: hub)
                #expect(!one.folder.exists("hub.log") && !hub.folder.exists("one.log"))

                try hub.folder.write("*.tmp\n", to: ".nosocksignore")
                try await one.program.hears("conflict", path: "both.log")
                try await settle(hub, one)
                #expect(try one.folder.text("hub.log") == "hub's")
                #expect(try hub.folder.text("one.log") == "one's")
                #expect(try one.folder.text("both.log") == "hub's")
                let copies = try hub.folder.children().filter { "\($0)".hasPrefix("both.conflict-one-") }
                #expect(copies.count == 1)
                #expect(try hub.folder.text(copies[0]) == "one's")
                #expect(try hub.folder.children().filter { "\($0)".contains("conflict") }.count == 1)
            }
        }

        @Test("what was deleted elsewhere while it was ignored here is merged as well: it comes back")
        func deletedWhileIgnored() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("agreed", to: "a.log")
                try await hub.program.hears("created", path: "a.log")
                let join = ["join", "--once", hub.url, "copy"]
                #expect(try await bench.nosocks(join).ending() == 0)
                #expect(try await bench.nosocks(join + ["--ignore", "*.log"]).ending() == 0)
                try hub.folder.remove("a.log")
                try await hub.program.hears("deleted", path: "a.log")
                #expect(try await bench.nosocks(join + ["--ignore", "*.log"]).ending() == 0)
                #expect(try await bench.nosocks(join).ending() == 0)
                #expect(try bench.folder.text("copy/a.log") == "agreed")
                try await eventually("what had been kept out of it") { try hub.folder.text("a.log") == "agreed" }
            }
        }

        @Test("an edit made while it was ignored is no conflict afterwards")
        func editedWhileIgnored() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.write("first", to: "a.log")
                try await settle(hub, one)
                try hub.folder.write("*.log\n", to: ".nosocksignore")
                try await settle(hub, one)
                try one.folder.write("second", to: "a.log")
                try await pass("from-one", from: one, to: hub)
                #expect(try hub.folder.text("a.log") == "first")
                try hub.folder.remove(".nosocksignore")
                try await settle(hub, one)
                #expect(try hub.folder.text("a.log") == "second")
                #expect(try hub.folder.children().filter { "\($0)".contains("conflict") }.isEmpty)
            }
        }

        @Test(
            "rules that can't be read any more stay in force, and where none are known nothing is mirrored",
            .enabled("nothing is unreadable here", Unprivileged.isPossible))
        func unreadableRules() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub, prefix: Unprivileged.prefix)
                try one.folder.write("*.key\n", to: ".nosocksignore")
                try await one.join()
                try await eventually("the rules") { hub.folder.exists(".nosocksignore") }
                try one.folder.setMode(0, of: ".nosocksignore")
                try await one.program.hears("problem", path: ".nosocksignore")
                try one.folder.write("secret", to: "a.key")
                try await pass("from-one", from: one, to: hub)
                #expect(!hub.folder.exists("a.key"))

                try one.kill()
                try one.folder.write("text", to: "while-down")
                try await one.start().hears("in-sync")
                try hub.folder.write("text", to: "other")
                try one.folder.write("text", to: "more")
                try await one.program.hears("problem", path: ".nosocksignore")
                #expect(!hub.folder.exists("a.key") && !hub.folder.exists("while-down"))

                try one.folder.setMode(0o644, of: ".nosocksignore")
                try await eventually("the rest") {
                    hub.folder.exists("while-down") && hub.folder.exists("more") && one.folder.exists("other")
                }
                #expect(!hub.folder.exists("a.key"))
            }
        }

        @Test("SIGHUP reads the rules again, and looks at everything")
        func hangUp() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.write("*.log\n", to: ".nosocksignore")
                try await settle(hub, one)
                for replica in [hub, one] {
                    // When the process began, and when rules came.
                    try await looks(replica, times: 2)
                    try replica.program.signal(SIGHUP)
                    try await looks(replica, times: 3)
                }
                try hub.folder.write("text", to: "a.log")
                try await pass("from-hub", from: hub, to: one)
                try await pass("from-one", from: one, to: hub)
                #expect(!one.folder.exists("a.log"))
            }
        }

        /// Waits until everything has been looked at so often.
        private func looks(_ replica: Replica, times: Int) async throws {
            let program = try replica.program
            try await eventually("another look at everything", state: { program.errors }) {
                program.errors.split(separator: "\n").count { $0.contains("looked at") } == times
            }
        }
    }
}
