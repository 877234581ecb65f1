import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("What is ignored")
    struct Ignoring {
        @Test("it travels neither way, and the rules do")
        func never() async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                try hub.folder.write("*.log\n/build/\n", to: ".nosocksignore")
                try hub.folder.write("hub's", to: "a.log")
                try await hub.listen()
                let one = try Replica(at: bench, name: "one", hub: hub)
                try one.folder.write("one's", to: "b.log")
                try one.folder.makeDirectory("build")
                try one.folder.write("one's", to: "build/out")
                try await one.join()
                #expect(one.folder.exists(".nosocksignore"))
                for (replica, name) in [(hub, "c.log"), (one, "d.log")] as [(Replica, Name)] {
                    try replica.folder.makeDirectory("\(name).d")
                    try replica.folder.write("text", to: "\(name).d/\(name)")
                    try replica.folder.write("text", to: "\(name).d/kept")
                }
                try await pass("from-hub", from: hub, to: one)
                try await pass("from-one", from: one, to: hub)
                try await hub.holds([
                    ".nosocksignore", "a.log", "c.log.d", "c.log.d/c.log", "c.log.d/kept", "d.log.d", "d.log.d/kept",
                    "from-hub", "from-one",
                ])
                try await one.holds([
                    ".nosocksignore", "b.log", "build", "build/out", "c.log.d", "c.log.d/kept", "d.log.d",
                    "d.log.d/d.log", "d.log.d/kept", "from-hub", "from-one",
                ])

                // Nor after another start.
                try hub.kill()
                try one.kill()
                try one.folder.remove("b.log")
                try await hub.listen()
                try await one.join()
                try await pass("again-from-hub", from: hub, to: one)
                try await pass("again-from-one", from: one, to: hub)
                #expect(try hub.folder.items().keys.filter { "\($0)".hasSuffix(".log") }.count == 2)
                #expect(try one.folder.items().keys.filter { "\($0)".hasSuffix(".log") }.count == 1)
            }
        }

        @Test("rule files in folders count for what is below them, and what they take back travels")
        func nested() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.write("*.log\n!keep.log\n", to: ".nosocksignore")
                try await settle(hub, one)
                for directory in ["d", "e", "d/deep"] as [Name] { try one.folder.makeDirectory(directory) }
                try one.folder.write("!*.log\n/x\n", to: "d/.nosocksignore")
                try await eventually("the nested rules") { hub.folder.exists("d/.nosocksignore") }
                for name in ["d/a.log", "d/x", "d/deep/x", "d/deep/a.log", "e/a.log", "e/x", "e/keep.log"] as [Name] {
                    try one.folder.write("text", to: name)
                }
                try await pass("from-one", from: one, to: hub)
                try await hub.holds([
                    ".nosocksignore", "d", "d/.nosocksignore", "d/a.log", "d/deep", "d/deep/a.log", "d/deep/x", "e",
                    "e/keep.log", "e/x", "from-one",
                ])

                // A folder takes its rules along, and leaves none behind.
                try one.folder.rename("d", to: "moved")
                try await eventually("the folder's new name") {
                    hub.folder.exists("moved/a.log") && !hub.folder.exists("d")
                }
                try one.folder.makeDirectory("d")
                try one.folder.write("text", to: "d/x")
                try one.folder.write("text", to: "d/b.log")
                try await pass("moved-from-one", from: one, to: hub)
                try await eventually("what is in the new folder") { hub.folder.exists("d/x") }
                #expect(!hub.folder.exists("d/b.log"))
                #expect(!hub.folder.exists("moved/x") && one.folder.exists("moved/x"))
            }
        }

        @Test("a folder with rules of its own that appears as a whole travels without what they mean")
        func appearing() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let aside = bench.folder.folder("aside")
                try aside.makeDirectory()
                try aside.makeDirectory("modules")
                try aside.write("text", to: "modules/big")
                try aside.write("text", to: "main")
                try aside.write("modules\n", to: ".nosocksignore")
                try bench.folder.rename("aside", to: "one/project")
                try await eventually("the project") { hub.folder.exists("project/main") }
                try await pass("from-one", from: one, to: hub)
                #expect(!hub.folder.exists("project/modules"))
                #expect(try one.folder.text("project/modules/big") == "text")
            }
        }

        @Test("a folder deleted elsewhere stays with what is ignored in it, and says so once")
        func deletedAround() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.write("*.log\n", to: ".nosocksignore")
                try hub.folder.makeDirectory("d")
                try hub.folder.write("text", to: "d/file")
                try await settle(hub, one)
                try one.folder.write("precious", to: "d/a.log")
                try hub.folder.removeTree("d")
                try await one.program.hears("problem", path: "d")
                try await eventually("the file to go") { !one.folder.exists("d/file") }
                #expect(try one.folder.text("d/a.log") == "precious")
                try await pass("from-hub", from: hub, to: one)
                #expect(!hub.folder.exists("d"))
                #expect(try one.program.errors.split(separator: "\n").count { $0.contains("still holds") } == 1)

                // It goes when it can.
                try one.folder.remove("d/a.log")
                try await eventually("the folder to go") { !one.folder.exists("d") }
            }
        }

        @Test(
            "a folder deleted with its rules does not come back where something ignored is in it",
            arguments: [true, false])
        func deletedWithRules(byHub: Bool) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try hub.folder.makeDirectory("project")
                try hub.folder.makeDirectory("project/src")
                try hub.folder.write("modules\n*.o\n", to: "project/.nosocksignore")
                try hub.folder.write("text", to: "project/src/main")
                try await settle(hub, one, two)
                for (index, replica) in [hub, one, two].enumerated() {
                    try replica.folder.makeDirectory("project/modules")
                    try replica.folder.write("\(index)", to: "project/modules/big")
                    try replica.folder.write("\(index)", to: "project/src/main.o")
                }
                let (deleter, other) = byHub ? (hub, one) : (one, hub)
                try deleter.folder.removeTree("project")
                let rest: [Name] = [
                    "project", "project/.nosocksignore", "project/modules", "project/modules/big", "project/src",
                    "project/src/main.o",
                ]
                try await deleter.holds([])
                try await other.holds(rest)
                try await two.holds(rest)
                try await pass("mark", from: deleter, to: other, two)
                try await pass("mark-of-two", from: two, to: hub, one)
                try await deleter.holds(["mark", "mark-of-two"])
                try await other.holds(rest + ["mark", "mark-of-two"])

                // Nor after another start; and it goes when it can.
                try two.kill()
                try await two.join()
                try await pass("again", from: two, to: hub, one)
                #expect(!deleter.folder.exists("project"))
                try two.folder.removeTree("project/modules")
                try two.folder.remove("project/src/main.o")
                try await eventually("the folder to go") { !two.folder.exists("project") }
            }
        }

        @Test("a peer that never had what the hub ignores and has no longer says so, and is in sync but for that")
        func gone() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--ignore", "*.old"])
                try await hub.stop()
                let before = try Replica(at: bench, name: "hub", options: ["--listen", "127.0.0.1:\(hub.port)"])
                try before.folder.write("old", to: "a.old")
                try before.folder.write("text", to: "b")
                try await before.listen()
                try await before.program.hears("created", path: "a.old")
                try await before.stop()
                try before.folder.remove("a.old")
                try await hub.listen()
                let once = try await bench.run(Binary.nosocks, "join", "--once", hub.url, "copy")
                #expect(once.ended == 3)
                #expect(once.errors.contains("a.old: the hub has its content no longer"))
                #expect(try bench.folder.text("copy/b") == "text")
            }
        }

        @Test("an ignored tree of 2,000 files costs no watches, from the start and once it is ignored")
        func watches() async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                try hub.folder.makeDirectory("modules")
                for number in 0..<200 {
                    try hub.folder.makeDirectory("modules/\(number)")
                    for file in 0..<10 { try hub.folder.write("text", to: "modules/\(number)/\(file)") }
                }
                try hub.folder.makeDirectory("src")
                try hub.folder.write("modules\n", to: ".nosocksignore")
                try await hub.listen()
                try await hub.program.hears("in-sync")
                #expect(try watchCount(hub) == 2)

                try hub.folder.write("", to: ".nosocksignore")
                try await eventually("watches of all that is there", state: { "\((try? watchCount(hub)) ?? -1)" }) {
                    try watchCount(hub) == 203
                }
                try hub.folder.write("modules/\n", to: ".nosocksignore")
                try await eventually("the watches to go", state: { "\((try? watchCount(hub)) ?? -1)" }) {
                    try watchCount(hub) == 2
                }
                try hub.folder.makeDirectory("src/modules")
                try hub.folder.makeDirectory("src/main")
                try await hub.program.hears("created", path: "src/main")
                #expect(try watchCount(hub) == 3)
            }
        }

        private func watchCount(_ replica: Replica) throws -> Int {
            let process = Folder(path: "/proc/\(try replica.program.id)")
            return try process.children(of: "fdinfo").map { name in
                // What /proc has says nothing of its size.
                let lines = (try? String(decoding: process.stream("fdinfo/\(name)"), as: UTF8.self)) ?? ""
                return lines.split(separator: "\n").count { $0.hasPrefix("inotify wd:") }
            }.reduce(0, +)
        }

        @Test("--ignore counts for the replica that it was given to")
        func option() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--ignore", "*.o", "--ignore", "/hub-only"])
                let one = try await bench.peer("one", of: hub, ["--ignore=!keep.o"])
                try hub.folder.write("hub's", to: "a.o")
                try one.folder.write("one's", to: "b.o")
                try one.folder.write("one's", to: "hub-only")
                try await one.program.hears("problem", path: "b.o")
                try await one.program.hears("problem", path: "hub-only")
                try await pass("from-hub", from: hub, to: one)
                #expect(!one.folder.exists("a.o") && !hub.folder.exists("b.o") && !hub.folder.exists("hub-only"))

                // A hub without its rules takes what it refused.
                try await hub.stop()
                let open = try Replica(at: bench, name: "hub", options: ["--listen", "127.0.0.1:\(hub.port)"])
                try await open.listen()
                try await settle(open, one)
                #expect(try open.folder.items().keys.sorted() == ["a.o", "b.o", "from-hub", "hub-only"])
            }
        }

        @Test("nosocks ignored names the rule, as git check-ignore -v does")
        func command() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--ignore", "*.o"])
                try hub.folder.write("# comment\n\n*.log\n!keep.log\nbuild/\n", to: ".nosocksignore")
                try hub.folder.makeDirectory("d")
                try hub.folder.write("/x\n", to: "d/.nosocksignore")
                try hub.folder.makeDirectory("build")
                let asked = ["a.log", "d/keep.log", "d/x", "x", "build/deep/thing", "build", "b.o", "d/../a.log"]
                for isRunning in [true, false] {
                    if !isRunning { try await hub.stop() }
                    let program = try bench.nosocks(["ignored"] + asked, in: hub.folder)
                    #expect(try await program.ending() == 0)
                    let lines = program.output.split(separator: "\n").map(String.init)
                    #expect(
                        lines == [
                            ".nosocksignore:3:*.log\ta.log", "d/.nosocksignore:1:/x\td/x",
                            ".nosocksignore:5:build/\tbuild/deep/thing", ".nosocksignore:5:build/\tbuild",
                            "--ignore:1:*.o\tb.o", ".nosocksignore:3:*.log\td/../a.log",
                        ])
                }
                // From elsewhere, what is not there, and in JSON.
                let path = "\(hub.folder.text)/d/no/such/a.log"
                let json = try await bench.run(Binary.nosocks, "ignored", "--json", path)
                #expect(
                    json.output == #"{"line":3,"path":"\#(path)","pattern":"*.log","source":".nosocksignore"}"# + "\n")
                #expect(try await bench.run(Binary.nosocks, "ignored", "x", "d", in: hub.folder).ended == 1)
                #expect(try await bench.run(Binary.nosocks, "ignored", in: hub.folder).ended == 2)
                #expect(try await bench.run(Binary.nosocks, "ignored", "/proc/version").ended == 2)
                #expect(try await bench.run(Binary.nosocks, "ignored", ".", in: hub.folder).ended == 2)
            }
        }
    }
}

extension Folder {
    /// What a file says whose size says nothing.
    fileprivate func stream(_ name: Name) throws -> [UInt8] {
        let descriptor = with(name) { open($0, O_RDONLY | O_CLOEXEC) }
        try SystemError.check(descriptor, "open", name)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = systemRead(descriptor, &buffer, buffer.count)
            guard try SystemError.check(count, "read", name) > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }
}

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
