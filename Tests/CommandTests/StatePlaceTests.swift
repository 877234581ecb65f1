import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("State elsewhere")
    struct StatePlaces {
        @Test("a replica's state may be beside it, and whoever asks afterwards finds it there")
        func elsewhere() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--state", "\(bench.folder.path)/hub.state"])
                let one = try await bench.peer("one", of: hub, ["--state", "one.state"])
                try hub.folder.write("1", to: "f")
                try await settle(hub, one)
                try one.folder.write("2", to: "f")
                try await one.wait(all: true)
                let state = bench.folder.folder("one.state")
                #expect(state.exists("index.sqlite"))
                #expect(try state.status().st_mode & 0o777 == 0o700)
                #expect(try one.folder.text(".nosocks") == "state: \(state.path)\n")
                #expect(try hub.folder.items().keys.sorted() == ["f"])
                for command in ["status", "log", "doctor", "conflicts"] {
                    let program = try await bench.run(Binary.nosocks, command, one.path)
                    #expect(program.ended == 0, "\(command): \(program.errors)")
                }
                let restored = try await bench.run(
                    [Binary.nosocks, "restore", "f", "--revision", "1", "--to", "-"], in: hub.folder)
                #expect(restored.output == "1")
                // Settings come from there, and the option is needed no more; said once more it changes nothing.
                try state.write("poll = \"often\"\n", to: "config.toml")
                let refused = try await bench.run(Binary.nosocks, "join", hub.url, one.path)
                #expect(refused.ended == 2)
                try state.remove("config.toml")
                #expect(try await one.stop() == 0)
                for state in [[], ["--state", "one.state"]] {
                    let again = try await bench.run([Binary.nosocks, "join", "--once"] + state + [hub.url, one.path])
                    #expect(again.ended == 0)
                }
                let held = try await bench.run(Binary.nosocks, "hub", "--listen", "127.0.0.1:0", hub.path)
                #expect(held.ended == 10)
            }
        }

        @Test("a state that can't be there is refused before anything is made in the folder")
        func refused() async throws {
            try await Bench.run { bench in
                let folder = bench.folder.folder("folder")
                try folder.makeDirectory()
                func begin(_ state: String, in folder: Folder) async throws -> Program {
                    try await bench.run([
                        Binary.nosocks, "hub", "--listen", "127.0.0.1:0", "--state", state, folder.text,
                    ])
                }
                #expect(try await begin("folder/state", in: folder).ended == 1)
                #expect(try await begin("/proc/self", in: folder).ended == 1)
                #expect(try await begin("not/there", in: folder).ended == 1)
                #expect(try folder.children() == [])
                // A replica keeps the state that it has.
                let hub = try await bench.hub()
                #expect(try await hub.stop() == 0)
                let moved = try await begin("elsewhere", in: hub.folder)
                #expect(moved.ended == 1)
                #expect(moved.errors.contains("its state is at \(hub.folder.path)/.nosocks already"))
            }
        }

        @Test("where the state has gone, nothing counts as deleted")
        func gone() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("1", to: "f")
                let one = try await bench.peer("one", of: hub, ["--state", "one.state"])
                try await settle(hub, one)
                try bench.folder.rename("one.state", to: "moved")
                try one.folder.remove("f")
                #expect(try await one.program.ending() == 5)
                #expect(try hub.folder.text("f") == "1")
            }
        }
    }
}
