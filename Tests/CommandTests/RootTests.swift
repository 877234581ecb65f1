import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("The folder itself goes away")
    struct Root {
        enum Fate: String, CaseIterable, Sendable {
            case removed
            case renamed
            case replaced
            /// The folder is the same, and what was agreed on is no longer known.
            case stateRemoved

            func meet(_ name: Name, in place: Folder) throws {
                switch self {
                case .removed: try place.removeTree(name)
                case .renamed: try place.rename(name, to: "away")
                case .replaced:
                    try place.rename(name, to: "away")
                    try place.makeDirectory(name)
                case .stateRemoved:
                    try place.removeTree("\(name)/.nosocks")
                    try place.removeTree("\(name)/d0")
                }
            }
        }

        @Test("it stops with 5, and deletes nothing anywhere", arguments: Fate.allCases, ["hub", "one"])
        func vanishes(fate: Fate, whose: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                for directory in 0..<5 {
                    try hub.folder.makeDirectory("d\(directory)")
                    for file in 0..<20 { try hub.folder.write("\(file)", to: "d\(directory)/\(file)") }
                }
                try await settle(hub, one)
                let two = try await bench.peer("two", of: hub)
                let before = try two.folder.items()
                let (gone, other) = whose == "hub" ? (hub, one) : (one, hub)
                // It happens between two looks: a process that sees files go one by one can't know what comes next.
                try gone.program.signal(SIGSTOP)
                try fate.meet("\(gone.name)", in: bench.folder)
                try gone.program.signal(SIGCONT)
                #expect(try await gone.program.ending() == 5)
                #expect(try gone.program.errors.contains("deleted nothing"))
                // Whatever it may have sent would have arrived before this does.
                if whose == "one" {
                    try other.folder.write("mark", to: "mark")
                    try await eventually("the mark") { two.folder.exists("mark") }
                    try other.folder.remove("mark")
                    try await eventually("no mark") { !two.folder.exists("mark") }
                } else {
                    try await other.program.hears("disconnected")
                }
                #expect(try two.folder.items() == before)
                #expect(try other.folder.items() == before)
            }
        }

        @Test(
            "the file system that it is on is unmounted: it stops with 5, and deletes nothing anywhere",
            .enabled("file systems can't be mounted here", Mounting.isPossible), arguments: ["hub", "one"])
        func unmounted(whose: String) async throws {
            try await Bench.run { bench in
                let disk = try await SmallDisk(bench, mebibytes: 16)
                let hub = try Replica(at: bench, name: "hub", disk: whose == "hub" ? disk : nil)
                try await hub.listen()
                let one = try Replica(at: bench, name: "one", hub: hub, disk: whose == "one" ? disk : nil)
                try await one.join()
                let two = try await bench.peer("two", of: hub)
                for file in 0..<20 { try hub.folder.write("\(file)", to: Name(stringLiteral: "\(file)")) }
                try await settle(hub, one, two)
                let before = try two.folder.items()
                let gone = whose == "hub" ? hub : one
                try await bench.run(disk.prefix + ["umount", "-l", disk.mountPoint.text])
                // Nobody is told of it, so that it shows when there is something to do.
                try two.folder.write("mark", to: "mark")
                #expect(try await gone.program.ending() == 5)
                #expect(try gone.program.errors.contains("deleted nothing"))
                try two.folder.remove("mark")
                if whose == "one" {
                    try await eventually("no mark") { try hub.folder.items() == before }
                } else {
                    try await two.program.hears("disconnected")
                }
                #expect(try two.folder.items() == before)
            }
        }
    }
}
