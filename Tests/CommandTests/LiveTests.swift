import Testing

extension Commands {
    @Suite("A hub and two peers, live")
    struct Live {
        @Test("what any side does reaches the others", arguments: ["hub", "one", "two"])
        func everySide(actor: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                let at = bench.folder.folder(Name(stringLiteral: actor))

                try at.write("first", to: "file")
                try at.makeDirectory("dir")
                try at.makeDirectory("dir/inner")
                try at.write("deep", to: "dir/inner/deep")
                try at.write("stays", to: "dir/stays")
                try await settle(hub, one, two)
                #expect(try two.folder.text("dir/inner/deep") == "deep")

                try at.write("second", to: "file")
                try at.append(", longer", to: "dir/inner/deep")
                try await settle(hub, one, two)
                #expect(try one.folder.text("dir/inner/deep") == "deep, longer")

                try at.rename("file", to: "renamed")
                try at.rename("dir/inner", to: "moved")
                try await settle(hub, one, two)
                #expect(try hub.folder.items().keys.sorted() == ["dir", "dir/stays", "moved", "moved/deep", "renamed"])

                try at.remove("renamed")
                try at.removeTree("moved")
                try at.removeTree("dir")
                try await settle(hub, one, two)
                #expect(try two.folder.items().isEmpty)
            }
        }

        @Test("all three edit at once, and all end up the same")
        func atOnce() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                for round in 0..<20 {
                    for replica in [hub, one, two] {
                        let directory: Name = "\(replica.name)-\(round)"
                        try replica.folder.makeDirectory(directory)
                        for number in 0..<10 {
                            try replica.folder.write("\(round) of \(replica.name)", to: "\(directory)/\(number)")
                        }
                        if round > 3 { try replica.folder.removeTree("\(replica.name)-\(round - 3)") }
                        try replica.folder.write("\(round)", to: "\(replica.name)")
                    }
                }
                try await settle(hub, one, two)
                // Nobody edited what another did: 3 files, the directories 0 and 17 to 19 of each, 10 files in each.
                #expect(try one.folder.items().count == 3 * (1 + 4 + 40))
            }
        }

        @Test("a folder with content and a peer that comes late are the same too")
        func late() async throws {
            try await Bench.run { bench in
                let hub = Self.fill(try Replica(at: bench, name: "hub"))
                try await hub.listen()
                let one = try await bench.peer("one", of: hub)
                #expect(try hub.folder.differences(from: one.folder) == [])
                try one.folder.write("new", to: "d1/new")
                try hub.folder.remove("d2/3")
                let two = try await bench.peer("two", of: hub)
                try await settle(hub, one, two)
                #expect(try two.folder.text("d1/new") == "new")
                #expect(!two.folder.exists("d2/3"))
            }
        }

        private static func fill(_ replica: Replica) -> Replica {
            for directory in 0..<5 {
                try? replica.folder.makeDirectory("d\(directory)")
                for file in 0..<20 { try? replica.folder.write("\(file)", to: "d\(directory)/\(file)") }
            }
            return replica
        }

        @Test(
            "names that trade places in every way arrive so, though size and time tell nothing",
            arguments: ["hub", "one"])
        func permutations(actor: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let at = bench.folder.folder(Name(stringLiteral: actor))
                for number in 0..<4 {
                    try at.write("content \(number)", to: "f\(number)")
                    try at.setTime(seconds: 1_000_000_000, nanoseconds: 0, of: "f\(number)")
                    try at.makeDirectory("d\(number)")
                    try at.write("inside \(number)", to: "d\(number)/in")
                    try at.setTime(seconds: 1_000_000_000, nanoseconds: 0, of: "d\(number)/in")
                }
                try await settle(hub, one)
                var order = [0, 1, 2, 3]
                // Two change places, three and four go round, two pairs change places, and into each other's midst.
                for moves in [[1, 0, 2, 3], [1, 2, 0, 3], [1, 2, 3, 0], [1, 0, 3, 2], [3, 0, 1, 2]] {
                    for kind in ["f", "d"] {
                        for number in 0..<4 { try at.rename("\(kind)\(number)", to: "\(kind)t\(number)") }
                        for number in 0..<4 { try at.rename("\(kind)t\(moves[number])", to: "\(kind)\(number)") }
                    }
                    order = moves.map { order[$0] }
                    try await settle(hub, one)
                    for folder in [hub.folder, one.folder] {
                        #expect(try (0..<4).map { try folder.text("f\($0)") } == order.map { "content \($0)" })
                        #expect(try (0..<4).map { try folder.text("d\($0)/in") } == order.map { "inside \($0)" })
                    }
                }
                // Down into what was below it, and out again.
                try at.rename("d0", to: "t")
                try at.rename("d1", to: "d0")
                try at.rename("t", to: "d0/d1")
                try await settle(hub, one)
                #expect(try hub.folder.items().count == 4 + 8)
                #expect(try hub.folder.text("d0/d1/in") == "inside \(order[0])")
            }
        }

        @Test("what was applied is not sent back: the hub counts what people did, and nothing else")
        func echo() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                for replica in [hub, one, two] {
                    // Whole at once, so that each is one change however slow this machine is.
                    for number in 0..<20 {
                        try bench.folder.write("\(number)", to: "saving")
                        try bench.folder.rename("saving", to: "\(replica.name)/\(replica.name)-\(number)")
                    }
                    try replica.folder.makeDirectory("\(replica.name)-d")
                }
                try await settle(hub, one, two)
                for replica in [hub, one, two] { try replica.folder.remove("\(replica.name)-0") }
                try await settle(hub, one, two)
                // A restart looks at everything anew, and finds nothing.
                #expect(try await one.stop() == 0)
                try await one.join()
                try bench.folder.write("last", to: "saving")
                try bench.folder.rename("saving", to: "one/last")
                try await settle(hub, one, two)
                let last = try await hub.program.hears("created", path: "last")
                #expect(last.revision == 3 * 21 + 3 + 1)
            }
        }

        @Test("a name that goes on and off, and files that change while they are read, settle")
        func restless() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try one.folder.write("", to: "log")
                for round in 0..<300 {
                    try one.folder.append("line \(round)\n", to: "log")
                    try one.folder.write("\(round)", to: "flicker")
                    if round % 3 > 0 { try one.folder.remove("flicker") }
                    if round % 50 == 0 { await Task.yield() }
                }
                try await settle(hub, one)
                #expect(try hub.folder.text("log").split(separator: "\n").count == 300)
                #expect(!hub.folder.exists("flicker"))
            }
        }
    }
}
