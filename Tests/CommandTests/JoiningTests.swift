import Testing

extension Commands {
    @Suite("join --once, --merge and --replace")
    struct Joining {
        /// A hub and a folder that differ in every way, before the first join.
        private static func strangers(_ bench: Bench) async throws -> (hub: Replica, one: Replica) {
            let hub = try Replica(at: bench, name: "hub")
            let one = try Replica(at: bench, name: "one", hub: hub)
            for (folder, text) in [(hub.folder, "hub"), (one.folder, "one")] {
                try folder.write(text, to: "only-\(Name(stringLiteral: text))")
                try folder.write(text, to: "both.txt")
                try folder.write("same", to: "same")
                try folder.makeDirectory("d")
                try folder.write(text, to: "d/\(Name(stringLiteral: text))")
            }
            try await hub.listen()
            return (hub, one)
        }

        private static func once(_ bench: Bench, _ replica: Replica, _ hub: Replica, _ options: String...)
            async throws -> Program
        {
            let program = try bench.nosocks(
                ["join", "--once"] + options + [hub.url, replica.folder.text, "--name", replica.name])
            try await program.ending()
            return program
        }

        @Test("--once ends with 0 when both are the same, makes the folder, and sends what is new here")
        func once() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "file")
                try await hub.wait()
                let copy = bench.folder.folder("new").folder("copy")
                let program = try bench.nosocks(["join", "--once", "--quiet", hub.url, copy.text])
                #expect(try await program.ending() == 0)
                #expect(program.output + program.errors == "")
                #expect(try copy.differences(from: hub.folder) == [])

                try copy.write("mine", to: "new")
                try copy.remove("file")
                #expect(try await bench.nosocks(["join", "--once", hub.url, copy.text]).ending() == 0)
                #expect(try hub.folder.items().keys.sorted() == ["new"])
                #expect(try copy.differences(from: hub.folder) == [])
            }
        }

        @Test("a union, unless another is asked for: differing files are kept both", arguments: [[], ["--merge"]])
        func merge(options: [String]) async throws {
            try await Bench.run { bench in
                let (hub, one) = try await Self.strangers(bench)
                let program = try bench.nosocks(
                    ["join", hub.url, one.folder.text, "--once", "--name", "one"] + options)
                #expect(try await program.ending() == 0)
                #expect(try hub.folder.differences(from: one.folder) == [])
                let names = try hub.folder.items().keys.sorted().map(\.description)
                #expect(names.count == 8, "\(names)")
                #expect(try hub.folder.text("both.txt") == "hub")
                let copy = try #require(names.first { $0.contains(/^both\.conflict-one-[0-9a-f]{8}\.txt$/) })
                #expect(try hub.folder.text(Name(stringLiteral: copy)) == "one")
            }
        }

        @Test("--replace takes the hub's, deletes nothing there, and keeps in history what was here")
        func replace() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await Self.strangers(bench)
                let before = try hub.folder.items()
                #expect(try await Self.once(bench, one, hub, "--replace").ended == 0)
                #expect(try hub.folder.items() == before)
                #expect(try hub.folder.differences(from: one.folder) == [])
                // What came out of the tree a moment ago is still with what is looked at once more.
                let kept = try await bench.shell(
                    "grep -lrx one .nosocks/history .nosocks/staging | wc -l", in: one.folder)
                #expect(Int(kept.filter(\.isNumber)) == 3)

                // Only the first time: what changes here from now on is an edit like any other.
                try one.folder.write("edit", to: "both.txt")
                #expect(try await Self.once(bench, one, hub, "--replace").ended == 0)
                #expect(try hub.folder.text("both.txt") == "edit")
            }
        }

        @Test("a hub that is not there ends --once with 7")
        func noHub() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.kill()
                let program = try bench.nosocks(["join", "--once", hub.url, "copy"])
                #expect(try await program.ending() == 7)
                #expect(program.errors.contains("refused"))
                #expect(program.output == "")
            }
        }

        @Test("without --once a hub that is not there is waited for, and told of once")
        func waiting() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "file")
                try hub.kill()
                let one = try Replica(at: bench, name: "one", hub: hub)
                try one.start()
                try await eventually("the word") { try one.program.errors.contains("cannot be reached") }
                // It is tried again and again, and several attempts get no further than this.
                try await Door.slam(port: hub.port, times: 3)
                #expect(try one.program.errors.split(separator: "\n").count { $0.contains("reached") } == 1)
                try await hub.listen()
                try await one.program.hears("in-sync")
                try await settle(hub, one)
            }
        }

        @Test(
            "what answers and is no hub ends it with 8, and is named", arguments: Impostor.Kind.allCases, [true, false])
        func impostor(kind: Impostor.Kind, isOnce: Bool) async throws {
            try await Bench.run { bench in
                let impostor = try await Impostor(kind)
                defer { impostor.close() }
                let program = try bench.nosocks(["join", impostor.url, "copy"] + (isOnce ? ["--once"] : []))
                #expect(try await program.ending() == 8)
                #expect(program.errors.contains(impostor.url.dropFirst(5)))
                #expect(program.errors.contains("nosocks.1"))
            }
        }

        @Test("a WebSocket server of another protocol ends it with 8", arguments: [[], ["--once"]])
        func otherProtocol(options: [String]) async throws {
            try await Bench.run { bench in
                let server = try bench.start([Binary.echo, "serve", "0"])
                try await eventually("the echo server") { server.output.hasSuffix("\n") }
                let address = try #require(server.output.split(whereSeparator: \.isWhitespace).last)
                let program = try bench.nosocks(["join", "ws://\(address)", "copy"] + options)
                #expect(try await program.ending() == 8)
            }
        }

        @Test("--name is what others see, and what a conflict copy is called by")
        func name() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", options: ["--name", "Zoë's box"], hub: hub)
                try await one.join()
                #expect(try await hub.program.hears("peer-joined").by == "Zoë's box")
                try one.folder.write("text", to: "file")
                #expect(try await hub.program.hears("created", path: "file").by == "Zoë's box")
                #expect(try await one.stop() == 0)
                try await hub.program.hears("peer-left")
            }
        }
    }
}
