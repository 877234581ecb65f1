import Testing

extension Commands {
    @Suite("Peers that only receive, or only send")
    struct Directions {
        @Test("what is edited at a peer that only receives stays there, beside all that the hub has")
        func receiveOnly() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("1", to: "agreed")
                try hub.folder.write("1", to: "edited")
                try hub.folder.makeDirectory("d")
                try hub.folder.write("1", to: "d/f")
                let one = try await bench.peer("one", of: hub, ["--receive-only"])
                try await settle(hub, one)
                try one.folder.write("ours", to: "edited")
                try one.folder.write("ours", to: "made here")
                try one.folder.write("ours", to: "d/made here")
                try one.folder.remove("agreed")
                // It tells what it will not send, one by one, as something that is not on the hub.
                let waiting = try await bench.run([Binary.nosocks, "wait", one.path])
                #expect(waiting.ended == 3)
                for name in ["edited", "made here", "d/made here", "agreed"] {
                    #expect(waiting.errors.contains("\(name): it stays here, since join was told --receive-only"))
                }
                // What the hub has anew comes all the same.
                try hub.folder.write("theirs", to: "edited")
                try hub.folder.removeTree("d")
                try hub.folder.write("theirs", to: "last")
                let copy = try #require(try await one.program.hears("conflict").copy)
                try await one.program.hears("created", path: "last")
                try await one.program.hears("deleted", path: "d/f")
                #expect(try one.folder.text("edited") == "theirs")
                #expect(try one.folder.text(Name(stringLiteral: copy)) == "ours")
                #expect(try one.folder.text("d/made here") == "ours")
                #expect(try one.folder.text("made here") == "ours")
                try await hub.holds(["agreed", "edited", "last"])
                let status = try await bench.run([Binary.nosocks, "status", one.path])
                #expect(status.output.contains("receive-only"))
                #expect(status.output.contains("with changes that stay here"))
                // Joined the other way, nothing of it was lost.
                #expect(try await one.stop() == 0)
                let both = try await bench.peer("one", of: hub)
                try await settle(hub, both)
                #expect(try hub.folder.text("d/made here") == "ours")
                #expect(try hub.folder.text(Name(stringLiteral: copy)) == "ours")
                #expect(!hub.folder.exists("agreed"))
            }
        }

        @Test("a peer that only receives is in sync, once, whatever was edited in it")
        func receiveOnce() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("1", to: "f")
                let words = ["join", "--once", "--receive-only", hub.url, "copy"]
                #expect(try await bench.run([Binary.nosocks] + words).ended == 0)
                let copy = bench.folder.folder("copy")
                try copy.write("2", to: "f")
                try copy.write("2", to: "g")
                #expect(try await bench.run([Binary.nosocks] + words).ended == 0)
                #expect(try copy.text("f") == "2")
                try await hub.holds(["f"])
                #expect(try hub.folder.text("f") == "1")
            }
        }

        @Test("nothing changes on the disk of a peer that only sends, and what both changed is left as it is")
        func sendOnly() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub, ["--send-only"])
                for name: Name in ["sent", "edited by both", "deleted here", "deleted there", "edited there"] {
                    try one.folder.write("1", to: name)
                }
                try one.folder.makeDirectory("d")
                try one.folder.write("1", to: "d/f")
                try await settle(hub, one)
                try await one.wait()
                let two = try await bench.peer("two", of: hub)
                try two.folder.write("theirs", to: "made there")
                try two.folder.write("theirs", to: "edited by both")
                try two.folder.write("theirs", to: "edited there")
                try two.folder.remove("deleted there")
                try two.folder.removeTree("d")
                try await two.wait(all: true)
                let before = try one.folder.items().keys.sorted()
                #expect(try one.folder.text("edited there") == "1")
                #expect(
                    before == ["d", "d/f", "deleted here", "deleted there", "edited by both", "edited there", "sent"])
                try one.folder.write("ours", to: "edited by both")
                try one.folder.write("ours", to: "sent")
                try one.folder.write("ours", to: "d/g")
                try one.folder.remove("deleted here")
                try await one.program.hears("problem", path: "edited by both")
                try await hub.holds(["d", "d/g", "edited by both", "edited there", "made there", "sent"])
                try await eventually("the hub to have it") { try hub.folder.text("sent") == "ours" }
                #expect(try hub.folder.text("edited by both") == "theirs")
                #expect(try one.folder.text("edited by both") == "ours")
                #expect(try one.folder.text("d/f") == "1")
                let status = try await bench.run([Binary.nosocks, "status", one.path])
                #expect(status.ended == 3)
                #expect(status.output.contains("send-only"))
                // Joined both ways, both versions are kept.
                #expect(try await one.stop() == 0)
                let both = try await bench.peer("one", of: hub)
                try await settle(hub, two, both)
                let texts = try hub.folder.children().filter { "\($0)".hasPrefix("edited by both") }
                    .map { try hub.folder.text($0) }
                #expect(texts.sorted() == ["ours", "theirs"])
                #expect(try both.folder.text("edited there") == "theirs")
            }
        }

        @Test("a peer that only sends ends once it has sent, and says what it could not")
        func sendOnce() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.makeDirectory("theirs")
                try hub.folder.write("1", to: "theirs/f")
                try hub.folder.write("theirs", to: "both")
                let source = bench.folder.folder("source")
                try source.makeDirectory()
                try source.write("2", to: "ours")
                let words = [Binary.nosocks, "join", "--once", "--send-only", hub.url, "source"]
                #expect(try await bench.run(words).ended == 0)
                #expect(try source.children().filter { $0 != ".nosocks" } == ["ours"])
                try await hub.holds(["both", "ours", "theirs", "theirs/f"])
                // Where the hub has a directory or another file, it stays.
                try source.write("2", to: "theirs")
                try source.write("2", to: "both")
                let second = try await bench.run(words)
                #expect(second.ended == 3)
                #expect(second.errors.contains("both: it changed here and at the hub"))
                #expect(try hub.folder.text("both") == "theirs")
                #expect(try hub.folder.text("theirs/f") == "1")
                #expect(try source.text("theirs") == "2")
            }
        }
    }
}
