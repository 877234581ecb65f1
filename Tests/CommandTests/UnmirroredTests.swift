import Testing

extension Commands {
    @Suite("What is not mirrored")
    struct Unmirrored {
        @Test("a fifo is told of once, and everything else goes on")
        func fifo() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try one.folder.makeFifo("fifo")
                try one.folder.write("text", to: "file")
                try await one.program.hears("problem", path: "fifo")
                try await settle(hub, one)
                #expect(!hub.folder.exists("fifo"))
                // Once more, in a scan and while it runs.
                try one.folder.write("more", to: "file")
                try await settle(hub, one)
                #expect(try one.program.errors.split(separator: "\n").count { $0.contains("fifo") } == 1)
                #expect(try await one.stop() == 0)
                try await one.join()
                #expect(one.folder.exists("fifo"))
            }
        }

        @Test("a fifo does not keep its directory from being deleted elsewhere, nor is it lost")
        func fifoInDirectory() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.makeDirectory("d")
                try hub.folder.write("text", to: "d/file")
                try await settle(hub, one)
                try one.folder.makeFifo("d/fifo")
                try await one.program.hears("problem", path: "d/fifo")
                try hub.folder.removeTree("d")
                try await eventually("the file to go") { !one.folder.exists("d/file") }
                #expect(one.folder.exists("d/fifo"))
            }
        }

        @Test(
            "an unreadable file is reported and deleted nowhere, and follows once it can be read",
            .enabled("nothing is unreadable here", Unprivileged.isPossible))
        func unreadable() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub, prefix: Unprivileged.prefix)
                try hub.folder.write("secret", to: "file")
                try hub.folder.makeDirectory("d")
                try hub.folder.write("inside", to: "d/inside")
                try await hub.wait()
                try await one.join()
                try one.folder.setMode(0, of: "d")
                try one.folder.write("changed", to: "file")
                try one.folder.setMode(0, of: "file")
                try await one.program.hears("problem", path: "file")
                try hub.folder.write("goes on", to: "other")
                try await one.program.hears("created", path: "other")
                #expect(hub.folder.exists("d/inside"))
                #expect(hub.folder.exists("file"))

                // A scan of the whole folder knows no more.
                try one.kill()
                try await one.start().hears("problem", path: "file")
                try hub.folder.write("goes on", to: "another")
                try await one.program.hears("created", path: "another")
                #expect(hub.folder.exists("d/inside"))
                #expect(hub.folder.exists("file"))

                try one.folder.setMode(0o755, of: "d")
                try one.folder.setMode(0o644, of: "file")
                try await settle(hub, one)
                #expect(try hub.folder.text("file") == "changed")
                #expect(try hub.folder.text("d/inside") == "inside")
            }
        }

        @Test(
            "--once ends with 3 where something can't be read, and names it",
            .enabled("nothing is unreadable here", Unprivileged.isPossible), arguments: ["file", "directory"])
        func onceWithProblems(kind: String) async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                try hub.folder.write("text", to: "other")
                try await hub.listen()
                let copy = bench.folder.folder("copy")
                try copy.makeDirectory()
                if kind == "file" { try copy.write("secret", to: "closed") } else { try copy.makeDirectory("closed") }
                try copy.setMode(0, of: "closed")
                let program = try bench.start(
                    Unprivileged.prefix + [Binary.nosocks, "join", "--once", "--quiet", hub.url, copy.text])
                #expect(try await program.ending() == 3)
                #expect(program.errors.contains("closed: it cannot be read"))
                #expect(try copy.text("other") == "text")
            }
        }
    }
}
