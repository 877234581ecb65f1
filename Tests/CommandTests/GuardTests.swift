import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    /// Mass deletions wait for somebody to say that they are meant.
    @Suite("Mass deletions")
    struct Guards {
        private static let many = 1200

        /// A tree of that many files, and as much again of everything else as makes the directories few.
        private func fill(_ folder: Folder) throws {
            for directory in 0..<12 {
                let place = folder.folder(Name(stringLiteral: "d\(directory)"))
                try place.makeDirectory()
                for file in 0..<Self.many / 12 {
                    try place.write("\(directory) \(file)", to: Name(stringLiteral: "f\(file)"))
                }
            }
        }

        private func removeAll(of folder: Folder) throws {
            for directory in 0..<12 { try folder.folder(Name(stringLiteral: "d\(directory)")).removeTree() }
        }

        /// All of it goes between two looks: on a slow machine it would else be small deletions, one after the other.
        private func removeAll(of replica: Replica, in bench: Bench) throws {
            try replica.program.signal(SIGSTOP)
            for directory in 0..<12 {
                try bench.folder.rename(
                    Name(stringLiteral: "\(replica.name)/d\(directory)"),
                    to: Name(stringLiteral: "gone-\(replica.name)-\(directory)"))
            }
            try replica.program.signal(SIGCONT)
        }

        /// Everything in it but the state, two levels deep.
        private func count(_ folder: Folder) throws -> Int {
            try mirrored(folder).reduce(0) { count, name in
                count + 1 + ((try? folder.children(of: name).count) ?? 0)
            }
        }

        private func mirrored(_ folder: Folder) throws -> [Name] {
            try folder.children().filter { $0 != ".nosocks" }
        }

        @discardableResult
        private func ask(_ bench: Bench, _ words: String...) async throws -> Program {
            try await bench.run([Binary.nosocks] + words)
        }

        /// All of it is there again, and nothing is left to be done, without anything else that happens.
        private func hasComeBack(_ replica: Replica, _ whole: Int, in bench: Bench) async throws {
            try await eventually("all to come back") { try count(replica.folder) == whole }
            #expect(try await ask(bench, "wait", "--timeout", "2m", replica.path).ended == 0)
            let start = ContinuousClock.now
            while try await ask(bench, "status", "-q", replica.path).ended != 0 {
                guard ContinuousClock.now - start < Patience.limit else {
                    throw TimedOut(what: "nothing to be left", state: "")
                }
            }
        }

        @Test("A mass deletion at a peer is held, whole, and goes when it is confirmed")
        func heldAndConfirmed() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try fill(hub.folder)
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try await settle(hub, one, two)
                let whole = try count(hub.folder)
                try removeAll(of: one, in: bench)
                try await one.program.hears("held")
                #expect(try count(hub.folder) == whole)
                #expect(try await ask(bench, "status", "-q", one.path).ended == 5)
                // Edits go on meanwhile.
                try one.folder.write("new", to: "new")
                try await eventually("an edit beside what is held") { two.folder.exists("new") }
                #expect(try await ask(bench, "wait", one.path).ended == 5)
                #expect(try await ask(bench, "confirm", one.path).ended == 0)
                try await settle(hub, one, two)
                #expect(try mirrored(hub.folder) == ["new"])
                #expect(try await ask(bench, "wait", "--all", one.path).ended == 0)
                #expect(try await ask(bench, "status", "-q", one.path).ended == 0)
            }
        }

        @Test("A mass deletion that is reverted brings everything back, with no conflict")
        func reverted() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                let whole = try count(hub.folder)
                try removeAll(of: one, in: bench)
                try await one.program.hears("held")
                #expect(try await ask(bench, "revert", one.path).ended == 0)
                try await hasComeBack(one, whole, in: bench)
                // Of what the hub's own disk lost it gets the content back from its peers.
                try removeAll(of: hub, in: bench)
                try await hub.program.hears("held")
                #expect(try count(one.folder) == whole)
                #expect(try await ask(bench, "revert", hub.path).ended == 0)
                try await hasComeBack(hub, whole, in: bench)
                try await settle(hub, one)
            }
        }

        @Test("A mass deletion while no process ran is held at every start until it is confirmed")
        func offline() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                let whole = try count(hub.folder)
                try await one.stop()
                try removeAll(of: one.folder)
                for _ in 0..<2 {
                    let once = try await ask(bench, "join", "--once", hub.url, one.path)
                    #expect(once.ended == 5)
                    #expect(once.errors.contains("held back"))
                    #expect(try count(hub.folder) == whole)
                }
                let meant = try await ask(bench, "join", "--once", "--max-delete", "100%", hub.url, one.path)
                #expect(meant.ended == 0 || meant.ended == 5)
                try await hub.program.hears("held")
                #expect(try await ask(bench, "confirm", hub.path).ended == 0)
                #expect(try await ask(bench, "join", "--once", "--max-delete", "100%", hub.url, one.path).ended == 0)
                try await eventually("an empty hub") { try mirrored(hub.folder).isEmpty }
            }
        }

        @Test("A hub holds what a peer without a guard deletes, until either side confirms it")
        func heldAtHub() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--max-delete", "20"])
                for file in 0..<100 { try hub.folder.write("\(file)", to: Name(stringLiteral: "f\(file)")) }
                let one = try await bench.peer("one", of: hub)
                try await settle(hub, one)
                for file in 0..<50 { try one.folder.remove(Name(stringLiteral: "f\(file)")) }
                try await one.program.hears("held")
                try await hub.program.hears("held")
                #expect(try mirrored(hub.folder).count == 80)
                #expect(try await ask(bench, "confirm", hub.path).ended == 0)
                try await settle(hub, one)
                try await one.stop()
                try await hub.stop()
                // In a new window the next.
                try await hub.listen()
                try await one.join()
                for file in 50..<90 { try one.folder.remove(Name(stringLiteral: "f\(file)")) }
                try await one.program.hears("held")
                #expect(try await ask(bench, "confirm", one.path).ended == 0)
                try await settle(hub, one)
                #expect(try mirrored(hub.folder).count == 10)
            }
        }

        @Test("What is renamed, and what comes back in time, is not held")
        func renamed() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--max-delete", "100"])
                let tree = hub.folder.folder("tree")
                try tree.makeDirectory()
                try fill(tree)
                let one = try await bench.peer("one", of: hub, ["--max-delete", "100"])
                try await settle(hub, one)
                try one.folder.rename("tree", to: "other")
                try await settle(hub, one)
                #expect(try one.program.events.allSatisfy { $0.event != "held" })
                #expect(try hub.program.events.allSatisfy { $0.event != "held" })
            }
        }

        @Test("A limit that is none is wrong usage", arguments: ["", "-1", "101%", "many", "5 %"])
        func usage(limit: String) async throws {
            try await Bench.run { bench in
                let program = try await ask(bench, "hub", "--max-delete=\(limit)", ".")
                #expect(program.ended == 2)
                #expect(!bench.folder.exists(".nosocks"))
            }
        }

        @Test("All of a machine, and all of a home folder, are served only if that is meant")
        func meant() async throws {
            try await Bench.run { bench in
                let home = bench.folder.folder("home")
                try home.makeDirectory()
                // As somebody who could not write there, if this program should fail to ask.
                let nobody = geteuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
                let asked = [nobody, [], []]
                let all = [["hub", "/"], ["hub", home.text], ["join", "ws://127.0.0.1:1", home.text + "/"]]
                for (prefix, words) in zip(asked, all) {
                    let program = try await bench.run(
                        prefix + ["/usr/bin/env", "HOME=\(home.text)", Binary.nosocks] + words)
                    #expect(program.ended == 2)
                    #expect(program.errors.contains("--yes"))
                }
                #expect(try home.children().isEmpty)
                let hub = try bench.start(
                    [
                        "/usr/bin/env", "HOME=\(home.text)", Binary.nosocks, "hub", "--listen", "127.0.0.1:0", "--json",
                        "--yes",
                    ],
                    in: home)
                try await hub.hears("listening")
            }
        }
    }
}
