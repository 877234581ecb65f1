import Testing

extension Commands {
    @Suite("What the system allows a process")
    struct Limits {
        /// Runs a program under limits of the shell's (`ulimit`).
        private static func limited(_ limit: String) -> [String] {
            ["/bin/sh", "-c", "ulimit \(limit) && exec \"$0\" \"$@\""]
        }

        @Test(
            "a file larger than it may write (ulimit -f) is told of, and all else goes on", arguments: ["hub", "one"])
        func fileSize(limited: String) async throws {
            try await Bench.run { bench in
                // In blocks of 512 bytes.
                let prefix = Self.limited("-f 2048")
                let hub = try Replica(at: bench, name: "hub", prefix: limited == "hub" ? prefix : [])
                try await hub.listen()
                let one = try Replica(at: bench, name: "one", hub: hub, prefix: limited == "one" ? prefix : [])
                try await one.join()
                let (from, to) = limited == "hub" ? (one, hub) : (hub, one)
                try from.folder.writeRandom(3 << 20, to: "large")
                let teller = limited == "hub" ? from : to
                try await teller.program.hears("problem", path: "large")
                try from.folder.write("small", to: "small")
                try await eventually("the small file") { (try? to.folder.text("small")) == "small" }
                try to.folder.write("back", to: "back")
                try await eventually("the way back") { (try? from.folder.text("back")) == "back" }
                #expect(!to.folder.exists("large"))
                #expect(try from.folder.item("large").size == 3 << 20)
                #expect(try !teller.program.errors.contains("TiB"))
            }
        }

        @Test("64 descriptors (ulimit -n) are enough, and who takes them away only delays")
        func descriptors() async throws {
            try await Bench.run { bench in
                let prefix = Self.limited("-n 64")
                let hub = try Replica(at: bench, name: "hub", prefix: prefix)
                try await hub.listen()
                let one = try Replica(at: bench, name: "one", hub: hub, prefix: prefix)
                try await one.join()
                try await bench.shell(
                    "for d in $(seq 40); do mkdir -p $d/a/b/c; for f in 1 2 3 4 5; do echo $d > $d/a/b/c/$f; done; done",
                    in: one.folder)
                try await settle(hub, one)

                var strangers: [Stranger] = []
                for _ in 0..<100 { strangers.append(try await Stranger.connect(port: hub.port)) }
                try hub.folder.writeRandom(300_000, to: "by-hub")
                try one.folder.writeRandom(300_000, to: "by-one")
                try await bench.shell("for d in $(seq 20); do rm -r $d; done", in: one.folder)
                // They are let go of after ten seconds in which they say nothing, or here.
                try await Task.sleep(for: .milliseconds(500))
                for stranger in strangers { stranger.close() }
                try await settle(hub, one)
                #expect(try hub.folder.items().count == 20 * 9 + 2)
            }
        }

        @Test(
            "a folder on a file system that is read-only is refused, and named",
            .enabled("file systems can't be mounted here", Mounting.isPossible))
        func readOnly() async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("place")
                try bench.folder.write("text", to: "place/file")
                let script = "mount --bind place place && mount -o remount,bind,ro place && exec \"$0\" \"$@\""
                for words in [["hub", "--listen", "127.0.0.1:0"], ["join", "ws://127.0.0.1:1"]] {
                    let program = try bench.start(
                        ["unshare", "-rm", "sh", "-c", script, Binary.nosocks] + words + ["place"])
                    #expect(try await program.ending() == 1)
                    #expect(program.errors.contains("place"), "\(program.errors)")
                    #expect(program.errors.contains("ead-only file system"), "\(program.errors)")
                }
                #expect(try bench.folder.children(of: "place") == ["file"])
            }
        }
    }
}
