import Testing

extension Commands {
    /// State that is found beside another tree than its own says nothing of that tree.
    @Suite("Copied state")
    struct CopiedState {
        private func fill(_ folder: Folder) throws {
            for number in 0..<5 { try folder.write("\(number)", to: Name(stringLiteral: "f\(number)")) }
        }

        @Test("a peer's state folder copied into an empty one deletes nothing anywhere")
        func ofPeer() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                try await one.stop()
                try await bench.shell("mkdir two && cp -a one/.nosocks two/", in: bench.folder)
                let two = try Replica(at: bench, name: "two", hub: hub)
                try await two.join()
                #expect(try two.program.errors.contains("copy of another folder"))
                try await one.join()
                try await settle(hub, one, two)
                #expect(hub.folder.exists("f4"))
                // Two replicas from then on.
                try one.folder.write("one", to: "one")
                try two.folder.write("two", to: "two")
                try await eventually("both sides' work") { hub.folder.exists("one") && hub.folder.exists("two") }
                try await settle(hub, one, two)
            }
        }

        @Test("a hub's state folder copied into an empty one begins a history of its own, and its peers lose nothing")
        func ofHub() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                try await hub.stop()
                try await bench.shell("mkdir other && cp -a hub/.nosocks other/", in: bench.folder)
                let other = try Replica(at: bench, name: "other")
                try await other.listen()
                try await one.stop()
                let again = try Replica(at: bench, name: "one", hub: other)
                try await again.join()
                try await settle(other, again)
                #expect(other.folder.exists("f4"))
            }
        }

        @Test("a hub whose state was deleted takes everybody's in, deletes nothing, and copies nothing twice")
        func hubWithoutState() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try fill(hub.folder)
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try await settle(hub, one, two)
                try hub.kill()
                try await bench.shell(
                    "rm -r hub/.nosocks hub/f1; echo two > two/f2; echo new > one/new", in: bench.folder)
                try await hub.listen()
                try await settle(hub, one, two)
                for name: Name in ["f0", "f1", "f2", "f3", "f4", "new"] { #expect(hub.folder.exists(name), "\(name)") }
                let texts = try hub.folder.items().keys.map { try hub.folder.text($0) }
                #expect(texts.contains("two\n"))
                // What was the same everywhere is no conflict.
                #expect(try hub.folder.items().count <= 7)
                for replica in [one, two] {
                    #expect(try !replica.program.events.contains { $0.event == "deleted" })
                }
            }
        }

        /// A hub that does not run, set back to a backup that lacks eleven changes, and two peers that have them.
        private func setBack(_ bench: Bench) async throws -> (hub: Replica, one: Replica, two: Replica) {
            let hub = try await bench.hub()
            try fill(hub.folder)
            let one = try await bench.peer("one", of: hub)
            let two = try await bench.peer("two", of: hub)
            try await settle(hub, one, two)
            #expect(try await hub.stop() == 0)
            try await bench.shell("cp -a hub backup", in: bench.folder)
            try await hub.listen()
            for number in 0..<10 { try one.folder.write("new \(number)", to: Name(stringLiteral: "new\(number)")) }
            try one.folder.write("newer", to: "f1")
            try await settle(hub, one, two)
            #expect(try await hub.stop() == 0)
            // The same folder and state folder, so that nothing but what is in them tells of it.
            try await bench.shell("rsync -a --delete backup/ hub/", in: bench.folder)
            #expect(!hub.folder.exists("new0"))
            return (hub, one, two)
        }

        @Test(
            "a hub that was set back to a backup of its folder gets what is newer from its peers, and deletes nothing")
        func hubSetBack() async throws {
            try await Bench.run { bench in
                let (hub, one, two) = try await setBack(bench)
                try await hub.listen()
                try await settle(hub, one, two)
                for number in 0..<10 { #expect(hub.folder.exists(Name(stringLiteral: "new\(number)"))) }
                let texts = try hub.folder.items().keys.map { try hub.folder.text($0) }
                #expect(texts.contains("newer"))
                for replica in [one, two] {
                    #expect(try !replica.program.events.contains { $0.event == "deleted" })
                }
            }
        }

        @Test("a hub that was set back and has gone on before its peers come back is noticed, and nothing is lost")
        func hubSetBackAndGoneOn() async throws {
            try await Bench.run { bench in
                let (hub, one, two) = try await setBack(bench)
                for replica in [one, two] { #expect(try await replica.stop() == 0) }
                try await hub.listen()
                // As many changes as were lost, so that no number tells of it.
                let three = try await bench.peer("three", of: hub)
                for number in 0..<10 {
                    try three.folder.write("other \(number)", to: Name(stringLiteral: "other\(number)"))
                }
                try three.folder.write("elsewhere", to: "f2")
                try await settle(hub, three)
                for replica in [one, two] { try await replica.join() }
                try await settle(hub, one, two, three)
                for number in 0..<10 {
                    for name in ["new\(number)", "other\(number)"] {
                        #expect(hub.folder.exists(Name(stringLiteral: name)), "\(name)")
                    }
                }
                let texts = try hub.folder.items().keys.map { try hub.folder.text($0) }
                for text in ["newer", "elsewhere"] { #expect(texts.contains(text), "\(text)") }
                for replica in [one, two, three] {
                    #expect(try !replica.program.events.contains { $0.event == "deleted" })
                }
            }
        }

        @Test("a hub's folder that joins another hub is a union with it, and deletes nothing")
        func hubJoins() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try fill(hub.folder)
                try hub.folder.write("gone", to: "gone")
                let other = try Replica(at: bench, name: "other")
                try other.folder.write("other", to: "f1")
                try other.folder.write("other", to: "gone")
                try await other.listen()
                let first = try await bench.peer("first", of: hub)
                try await settle(hub, first)
                try hub.folder.remove("gone")
                try await settle(hub, first)
                #expect(try await hub.stop() == 0)
                #expect(try await first.stop() == 0)
                let joining = try bench.nosocks(["join", "--once", other.url, hub.folder.text, "--name", "hub"])
                #expect(try await joining.ending() == 0)
                #expect(try hub.folder.differences(from: other.folder) == [])
                #expect(try other.folder.text("gone") == "other")
                let texts = try other.folder.items().keys.map { try other.folder.text($0) }
                #expect(texts.sorted() == ["0", "1", "2", "3", "4", "other", "other"])
            }
        }

        @Test("a folder that is renamed keeps its state")
        func renamed() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                try await one.stop()
                try await bench.shell("mv one two && rm two/f1", in: bench.folder)
                let two = try Replica(at: bench, name: "two", hub: hub)
                try await two.join()
                try await eventually("the deletion at the hub") { !hub.folder.exists("f1") }
                #expect(try !two.program.errors.contains("copy of another folder"))
            }
        }
    }
}
