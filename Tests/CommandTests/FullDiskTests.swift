import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("A full disk", .enabled("file systems can't be mounted here", Mounting.isPossible))
    struct FullDisk {
        /// Starts nosocks where `disk` is a file system of 6 MiB that goes away with the process.
        private func start(_ words: [String], _ bench: Bench) async throws -> (program: Program, disk: Folder) {
            let disk = bench.folder.folder("disk")
            if !disk.exists() { try disk.makeDirectory() }
            let script = "mount -t tmpfs -o size=6m none \"$0\" && exec \"$@\""
            let program = try bench.start(
                ["unshare", "-rm", "sh", "-c", script, disk.text, Binary.nosocks] + words + [disk.text])
            // The process sees another file system there than this one does.
            return (program, Folder(path: "/proc/\(program.id)/root\(disk.path)"))
        }

        @Test("what does not fit waits, all else goes on, and what waits follows when there is space")
        func waits() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.writeRandom(3 << 20, to: "first")
                let (program, disk) = try await start(["join", hub.url, "--json", "-v"], bench)
                try await program.hears("in-sync")
                try hub.folder.writeRandom(12 << 20, to: "too-large")
                try await program.hears("problem", path: "too-large")
                try hub.folder.write("small", to: "small")
                try await eventually("the small file") { (try? disk.text("small")) == "small" }
                #expect(!disk.exists("too-large"))
                #expect(program.ended == nil)
                #expect(try hub.folder.item("too-large").size == 12 << 20)

                // From this side too.
                try disk.write("back", to: "back")
                try await eventually("the way back") { hub.folder.exists("back") }
                try hub.folder.write("fits now", to: "too-large")
                try await eventually("it to fit") { (try? disk.text("too-large")) == "fits now" }
                #expect(try disk.differences(from: hub.folder) == [])
            }
        }

        @Test("what arrives leaves some of the disk free, and the rest follows when there is more: history makes room")
        func keepsFree() async throws {
            try await Bench.run { bench in
                let disk = try await SmallDisk(bench, mebibytes: 24)
                let hub = try await bench.hub()
                for number in 0..<100 { try hub.folder.writeRandom(200_000, to: Name(stringLiteral: "f\(number)")) }
                let one = try Replica(at: bench, name: "one", options: ["--min-free", "10M"], hub: hub, disk: disk)
                try await one.start().hears("problem")
                try await one.program.hears("in-sync")
                // The index itself takes some.
                let free = try one.folder.freeSpace()
                #expect(free > 7 << 20 && free < 12 << 20, "\(free) bytes are free")
                for number in 0..<75 { try hub.folder.remove(Name(stringLiteral: "f\(number)")) }
                try await settle(hub, one)
            }
        }

        @Test("what is overtaken before it has come takes no space and is in nobody's way")
        func overtaken() async throws {
            try await Bench.run { bench in
                let disk = try await SmallDisk(bench, mebibytes: 24)
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub, disk: disk)
                try await one.join()
                for round in 0..<20 {
                    try hub.folder.writeRandom(6 << 20, to: "large")
                    if round % 2 == 0 { try hub.folder.remove("large") }
                }
                try hub.folder.writeRandom(6 << 20, to: "last")
                try await settle(hub, one)
                try await eventually("staging to be empty") {
                    try one.folder.children(of: ".nosocks/staging").allSatisfy { !"\($0)".hasPrefix("p-") }
                }
            }
        }

        @Test("where there is no room to put in order what a crash left, the start ends with 9")
        func recovers() async throws {
            try await Bench.run { bench in
                let disk = try await SmallDisk(bench, mebibytes: 16)
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub, disk: disk)
                try hub.folder.write("first", to: "file")
                try await one.join()
                // What somebody may still write to does not become history.
                let held = one.folder.with("file") { open($0, O_WRONLY | O_CLOEXEC) }
                try SystemError.check(held, "open", "file")
                try hub.folder.write("second", to: "file")
                try await eventually("the second version") { (try? one.folder.text("file")) == "second" }
                // The first has come out of the tree, and it is not yet written down that it is history.
                try one.kill()
                close(held)
                let state = one.folder.folder(".nosocks")
                for name in try state.children(of: "staging") {
                    try state.rename("staging/\(name)", to: "history/\(name)")
                }
                try disk.fill(leaving: 0)
                let failing = try one.start()
                #expect(try await failing.ending() == 9, "\(failing.errors)")
                try disk.free()
                try await one.join()
                try await settle(hub, one)
            }
        }

        @Test("--once ends with 9, having done what it could")
        func once() async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                try hub.folder.writeRandom(12 << 20, to: "a-too-large")
                try hub.folder.write("small", to: "small")
                try await hub.listen()
                let (program, _) = try await start(["join", hub.url, "--once", "--json", "-v"], bench)
                #expect(try await program.ending() == 9)
                #expect(program.errors.contains("a-too-large"))
                #expect(program.events.contains { $0.event == "created" && $0.path == "small" })
                #expect(try hub.folder.item("a-too-large").size == 12 << 20)
            }
        }
    }
}
