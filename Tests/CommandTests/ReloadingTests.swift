import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("Settings that are read again")
    struct Reloading {
        /// Writes a replica's settings, and waits until its process says that it has taken them over.
        private func set(_ text: String, _ replica: Replica) async throws {
            try await eventually("the first look at everything", state: { "" }) { try looks(replica) > 0 }
            let before = try looks(replica)
            try replica.folder.write(text, to: ".nosocks/config.toml")
            try replica.program.signal(SIGHUP)
            try await eventually("another look at everything", state: { (try? replica.program.errors) ?? "" }) {
                try looks(replica) > before
            }
        }

        private func looks(_ replica: Replica) throws -> Int {
            try replica.program.errors.split(separator: "\n").count { $0.contains("looked at") }
        }

        @Test("patterns come and go while hub and peer run, and nosocks ignored knows of them")
        func patterns() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try await set("ignore = [\"*.o\", \"build/\"]\n", one)
                try one.folder.write("object", to: "a.o")
                try one.folder.write("text", to: "a.c")
                try await one.wait()
                #expect(hub.folder.exists("a.c") && !hub.folder.exists("a.o"))
                let said = try await bench.run(Binary.nosocks, "ignored", "\(one.path)/a.o")
                #expect(said.ended == 0 && said.output.contains("*.o"), "\(said.output)")
                try await set("", one)
                try await one.wait()
                #expect(hub.folder.exists("a.o"))
                // A hub's count for what is on its own disk.
                try await set("ignore = \"*.tmp\"\n", hub)
                try hub.folder.write("text", to: "b.tmp")
                try await pass("after", from: hub, to: one)
                #expect(!one.folder.exists("b.tmp"))
            }
        }

        /// Large versions in its history.
        private func kept(_ replica: Replica) throws -> Int {
            try replica.folder.folder(".nosocks/history").items().values.count { $0.kind == .file && $0.size > 50_000 }
        }

        @Test("how many deletions go through, and how much history is kept")
        func limits() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub, ["--history-days", "7"])
                // What it had made itself, it may take back.
                for number in 0..<5 { try hub.folder.write("\(number)", to: "f\(number)") }
                try await hub.wait(all: true)
                try await set("max-delete = 2\n", one)
                for number in 0..<5 { try one.folder.remove("f\(number)") }
                try await one.program.hears("held")
                let confirmed = try await bench.run(Binary.nosocks, "confirm", one.path)
                #expect(confirmed.ended == 0)
                try await one.wait()
                try one.folder.writeRandom(200_000, to: "large")
                try await one.wait(all: true)
                try one.folder.write("small", to: "large")
                try await one.wait(all: true)
                try await eventually("history", state: { "" }) { try kept(hub) > 0 }
                try await set("history-size = 0\n", hub)
                try await eventually("the history to go", state: { "" }) { try kept(hub) == 0 }
            }
        }

        @Test("how much is said changes, and what can't change while it runs is named in one line")
        func talk() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try await set("listen = \"127.0.0.1:1\"\nmax-peers = 3\nignore = \"*.o\"\n", hub)
                let warnings = try hub.program.errors.split(separator: "\n").filter { $0.contains(" warning ") }
                #expect(warnings.count == 1)
                #expect(warnings.first?.contains("--max-peers: what the settings say of it now counts from") == true)
            }
        }

        @Test("how fast it goes, on the connections that there are", arguments: ["hub", "one"])
        func rate(name: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let limited = name == "hub" ? hub : one
                func pass(_ file: Name, mebibytes: Int = 5) async throws -> Duration {
                    try await ContinuousClock().measure {
                        try hub.folder.writeRandom(mebibytes << 20, to: file)
                        try await one.program.hears("created", path: file.description)
                    }
                }
                _ = try await pass("before", mebibytes: 40)
                try await set("limit-rate = \"1M\"\n", limited)
                // Less what goes before it is paid for; and what went before there was a rate is not.
                let slow = try await pass("slow")
                #expect(slow > .seconds(2) && slow < .seconds(25))
                try await set("", limited)
                #expect(try await pass("fast") < .seconds(2))
                #expect(try !limited.program.errors.contains("from the next start on"))
                #expect(try !one.program.events.contains { $0.event == "disconnected" })
            }
        }

        @Test("how much of the disk stays free", .enabled("file systems can't be mounted here", Mounting.isPossible))
        func free() async throws {
            try await Bench.run { bench in
                let disk = try await SmallDisk(bench, mebibytes: 24)
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub, disk: disk)
                try await one.join()
                try await set("min-free = \"20M\"\n", one)
                try hub.folder.writeRandom(6 << 20, to: "large")
                try await one.program.hears("problem", path: "large")
                #expect(!one.folder.exists("large"))
                try await set("", one)
                try await settle(hub, one)
                #expect(one.folder.exists("large"))
            }
        }

        @Test("which web pages may use a hub")
        func origins() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                let page = ["-H", "Origin: https://page.example"]
                #expect(try await curl.ask("/files/", page).status == 403)
                try await set("allow-origin = \"https://page.example\"\n", hub)
                #expect(try await curl.ask("/files/", page).status == 200)
                try await set("", hub)
                #expect(try await curl.ask("/files/", page).status == 403)
            }
        }

        @Test("a quiet process talks when it is told to")
        func quiet() async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("served")
                try bench.folder.makeDirectory("served/.nosocks")
                try bench.folder.setMode(0o700, of: "served/.nosocks")
                try bench.folder.write("quiet = true\n", to: "served/.nosocks/config.toml")
                let hub = try bench.nosocks(["hub", "--listen", "127.0.0.1:0", "--json", "served"])
                let url = try #require(try await hub.hears("listening").url)
                try await bench.run(Binary.nosocks, "join", "--once", url, "one")
                try await hub.hears("peer-left")
                #expect(hub.errors == "")
                try bench.folder.write("quiet = no\n", to: "served/.nosocks/config.toml")
                hub.signal(SIGHUP)
                try await eventually("an error", state: { hub.errors }) { hub.errors.contains("stay in force") }
                try bench.folder.write("quiet = false\nmax-peers = 2\n", to: "served/.nosocks/config.toml")
                hub.signal(SIGHUP)
                try await eventually("a warning", state: { hub.errors }) { hub.errors.contains("--max-peers") }
                try await bench.run(Binary.nosocks, "join", "--once", url, "two")
                try await hub.hears("peer-left", count: 2)
                #expect(hub.errors.contains(" joined") && hub.errors.contains(" left"))
            }
        }

        @Test("wrong settings change nothing, and are named in one line")
        func mistakes() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try await set("ignore = \"*.o\"\n", one)
                for (text, fault) in [
                    ("ignore = \"*.x\n", "config.toml:1: the text does not end in this line"),
                    ("ignor = \"*.x\"\n", "config.toml:1: there is no setting \"ignor\""),
                    ("max-delete = \"many\"\n", "--max-delete"), ("poll = 0\n", "--poll 0.0: a number of seconds"),
                ] {
                    let before = try one.program.errors.utf8.count
                    try await set(text, one)
                    let said = try one.program.errors.utf8.dropFirst(before).split(separator: UInt8(ascii: "\n"))
                        .map { String(decoding: $0, as: UTF8.self) }.filter { $0.contains(" error ") }
                    #expect(said.count == 1 && said[0].contains(fault), "\(said)")
                    #expect(said.first?.contains("the settings from before stay in force") == true)
                }
                try one.folder.write("object", to: "a.o")
                try await pass("after", from: one, to: hub)
                #expect(!hub.folder.exists("a.o"))
                #expect(try one.program.ended == nil)
            }
        }
    }
}
