import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    /// Asking and steering a running replica.
    @Suite("status and wait")
    struct Control {
        @discardableResult
        private func ask(_ bench: Bench, _ words: String..., in directory: Folder? = nil) async throws -> Program {
            try await bench.run([Binary.nosocks] + words, in: directory)
        }

        @Test("What was on the disk before wait is on the hub, and with --all on every peer, when it ends")
        func wait() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                for round in 0..<8 {
                    let folder = one.folder.folder(Name(stringLiteral: "r\(round)"))
                    try folder.makeDirectory()
                    for file in 0..<40 { try folder.write("\(round) \(file)", to: Name(stringLiteral: "f\(file)")) }
                    try one.folder.writeRandom(5_000_000, to: "large")
                    let everywhere = round % 2 == 1
                    let program = try await ask(bench, "wait", one.path, everywhere ? "--all" : "-q")
                    #expect(program.ended == 0)
                    #expect(try one.folder.differences(from: hub.folder) == [])
                    if everywhere { #expect(try one.folder.differences(from: two.folder) == []) }
                }
                // And from the hub's side.
                try hub.folder.write("from the hub", to: "last")
                #expect(try await ask(bench, "wait", "--all", in: hub.folder).ended == 0)
                #expect(two.folder.exists("last"))
                // It is known of at once, and takes a while to come.
                try hub.folder.writeRandom(20_000_000, to: "larger")
                #expect(try await ask(bench, "wait", "--all", in: hub.folder).ended == 0)
                #expect(try hub.folder.differences(from: two.folder) == [])
            }
        }

        @Test("With too few watches wait looks at everything itself")
        func waitUnwatched() async throws {
            try await Bench.run { bench in
                let few = [
                    "unshare", "--user", "--map-root-user", "/bin/sh", "-c",
                    "echo 3 > /proc/sys/user/max_inotify_watches && exec \"$@\"", "sh",
                ]
                guard try await Bench.probe(few + ["/bin/true"]) else { return }
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub, prefix: few)
                for name: Name in ["a", "b", "c", "d", "e"] { try one.folder.folder(name).makeDirectory() }
                try await one.join()
                try await one.program.hears("problem")
                for name: Name in ["a", "b", "c", "d", "e"] { try one.folder.folder(name).write("x", to: "x") }
                #expect(try await ask(bench, "wait", one.path).ended == 0)
                #expect(try one.folder.differences(from: hub.folder) == [])
            }
        }

        @Test("wait never hangs: 7 without a hub, 124 when its time is up, 1 without a process, 3 with a problem")
        func waitEnds() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                #expect(try await ask(bench, "wait", "--timeout", "soon", one.path).ended == 2)
                try hub.program.signal(SIGSTOP)
                try one.folder.write("x", to: "x")
                #expect(try await ask(bench, "wait", "--timeout", "200ms", one.path).ended == 124)
                try hub.program.signal(SIGCONT)
                #expect(try await ask(bench, "wait", one.path).ended == 0)
                try hub.kill()
                try await one.program.hears("disconnected")
                let lost = try await ask(bench, "wait", one.path)
                #expect(lost.ended == 7)
                #expect(try await ask(bench, "status", "-q", one.path).ended == 7)
                try one.kill()
                let gone = try await ask(bench, "wait", one.path)
                #expect(gone.ended == 1)
                #expect(gone.errors.contains("no process"))
                let nowhere = try await ask(bench, "status", bench.folder.text)
                #expect(nowhere.ended == 1)
                #expect(nowhere.errors.contains("no replica"))
            }
        }

        @Test("wait says which paths could not be sent")
        func waitWithProblem() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub, ["--name", "one"])
                try one.folder.writeSparse("x", size: 2 << 40, to: "giant")
                try await one.program.hears("problem", path: "giant")
                let program = try await ask(bench, "wait", one.path)
                #expect(program.ended == 3)
                #expect(program.errors.contains("giant"))
                #expect(try await ask(bench, "status", one.path).output.contains("giant"))
            }
        }

        private struct Status: Decodable {
            struct Peer: Decodable {
                var name: String
                var lag: Int
            }

            var role: String
            var inSync: Bool
            var entries: Int
            var connected: Bool
            var peers: [Peer]
        }

        @Test("status tells how hub and peers stand, to people and to programs, from anywhere inside the folder")
        func status() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let inside = one.folder.folder("a")
                try inside.makeDirectory()
                try inside.write("x", to: "x")
                #expect(try await ask(bench, "wait", "--all", one.path).ended == 0)
                let peer = try await ask(bench, "status", "--json", in: inside)
                #expect(peer.ended == 0)
                let told = try JSONDecoder().decode(Status.self, from: Data(peer.output.utf8))
                #expect(told.role == "peer" && told.inSync && told.connected && told.entries == 2)
                let server = try await ask(bench, "status", "--json", hub.path)
                let toldByHub = try JSONDecoder().decode(Status.self, from: Data(server.output.utf8))
                #expect(
                    toldByHub.role == "hub" && toldByHub.peers.map(\.name) == ["one"] && toldByHub.peers[0].lag == 0)
                let words = try await ask(bench, "status", hub.path)
                #expect(words.output.contains("in sync") && words.output.contains("one"))
            }
        }

        @Test("doctor tells what is well and what is not, each with what to do about it")
        func doctor() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let well = try await ask(bench, "doctor", one.path)
                #expect(well.ended == 0, "\(well.output)")
                #expect(well.output.contains("ok  watches: ") && well.output.contains("connected to hub"))
                #expect(try one.folder.children(of: ".nosocks/staging").isEmpty)
                try hub.kill()
                try await one.program.hears("disconnected")
                let ill = try await ask(bench, "doctor", one.path)
                #expect(ill.ended == 1)
                #expect(ill.output.contains("BAD hub: there is no connection"))
                let lines = try await ask(bench, "doctor", "--json", one.path)
                #expect(lines.output.split(separator: "\n").count == ill.output.split(separator: "\n").count - 1)
                #expect(try await ask(bench, "doctor", "nowhere").ended == 1)
            }
        }

        @Test("A folder that is too deep for a socket's path can be asked all the same")
        func longPath() async throws {
            try await Bench.run { bench in
                let name = String(repeating: "long", count: 50)
                let hub = try Replica(at: bench, name: name, options: ["--name", "hub"])
                try await hub.listen()
                #expect(try await ask(bench, "status", hub.path).ended == 0)
                try hub.kill()
                // What a killed process leaves there is in nobody's way.
                try await hub.listen()
                #expect(try await ask(bench, "status", hub.path).ended == 0)
            }
        }
    }
}
