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
    @Suite("Beginning and ending")
    struct Ending {
        @Test("SIGINT and SIGTERM end hub and peer with 0 within 5 s, in sync or not", arguments: [SIGINT, SIGTERM])
        func signals(signal: Int32) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try one.program.signal(signal)
                #expect(try await one.program.ending(within: .seconds(5)) == 0)
                try hub.program.signal(signal)
                #expect(try await hub.program.ending(within: .seconds(5)) == 0)
                // While it waits for the hub to come back.
                try await two.program.hears("disconnected")
                try two.program.signal(signal)
                #expect(try await two.program.ending(within: .seconds(5)) == 0)
            }
        }

        @Test("whoever asks a process to end that has only just begun is heard", .enabled(if: Proc.isThere))
        func soon() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                for _ in 0..<10 {
                    let one = try bench.nosocks(["join", hub.url, "one"])
                    // Without a pause: it is the very first moment that counts.
                    while one.ended == nil, try !Proc.takes(SIGTERM, one.id) { await Task.yield() }
                    one.signal(SIGTERM)
                    #expect(try await one.ending() == 0)
                }
            }
        }

        @Test(
            "join --once that has to end before it is done ends with 130, and a script does not go on",
            .enabled(if: Proc.isThere))
        func interrupted() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.program.signal(SIGSTOP)
                let once = try bench.nosocks(["join", "--once", hub.url, "one"])
                while once.ended == nil, try !Proc.takes(SIGTERM, once.id) { await Task.yield() }
                once.signal(SIGTERM)
                #expect(try await once.ending() == 130)
                #expect(once.errors.contains("before"))
                try hub.program.signal(SIGCONT)
            }
        }

        @Test("a signal in the middle of a snapshot ends it with 0, and it goes on from there")
        func inSnapshot() async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                for number in 0..<30 { try hub.folder.writeRandom(300_000, to: "\(number)") }
                try await hub.listen()
                let one = try Replica(at: bench, name: "one", hub: hub)
                try await one.start().hears("created")
                #expect(try await one.stop() == 0)
                try await one.join()
                try await settle(hub, one)
            }
        }

        @Test("a closed terminal does not end a mirror")
        func hangUp() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                for replica in [hub, one] { try replica.program.signal(SIGHUP) }
                try one.folder.write("text", to: "file")
                try await settle(hub, one)
            }
        }

        @Test("a second process on a folder ends with 10 and names the first")
        func held() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                for replica in [hub, one] {
                    for words in [["hub", "--listen", "127.0.0.1:0"], ["join", hub.url]] {
                        let program = try bench.nosocks(words + [replica.folder.text])
                        #expect(try await program.ending() == 10)
                        #expect(program.errors.contains("\(try replica.program.id)"), "\(program.errors)")
                    }
                }
                // The first ones did not notice.
                try one.folder.write("text", to: "file")
                try await settle(hub, one)
            }
        }

        @Test("the lock goes with a process that was killed")
        func lockOfTheDead() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.kill()
                try await hub.listen()
            }
        }

        @Test("a port that is taken ends a hub with 1, and is named")
        func portInUse() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let program = try bench.nosocks(["hub", "--listen", "127.0.0.1:\(hub.port)", "."])
                #expect(try await program.ending() == 1)
                #expect(program.errors.contains("127.0.0.1:\(hub.port)"))
                #expect(program.errors.contains("in use"))
            }
        }

        @Test("a hub prints the exact line to join it, and listens where it is told, on Unix sockets too")
        func listening() async throws {
            try await Bench.run { bench in
                let place = bench.folder.folder("place")
                try place.makeDirectory()
                try place.write("text", to: "file")
                let socket = "unix:\(bench.folder.text)/socket"
                let hub = try bench.nosocks(
                    ["hub", "place", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--listen", socket, "--json"])
                try await hub.hears("listening", count: 3)
                for (number, url) in hub.events.compactMap(\.url).enumerated() {
                    #expect(hub.errors.contains("nosocks join \(url) "))
                    if url.hasPrefix("ws") { #expect(hub.errors.contains("in a browser: http\(url.dropFirst(2))/")) }
                    #expect(try await bench.nosocks(["join", "--once", url, "copy\(number)"]).ending() == 0)
                    #expect(bench.folder.exists("copy\(number)/file"))
                }
                // The socket's file is no obstacle to the next hub.
                hub.end()
                let next = try bench.nosocks(["hub", "place", "--listen", socket, "--json"])
                try await next.hears("listening")
            }
        }

        @Test("a hub's folder can't join itself, nor a peer lie inside another replica")
        func loops() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.makeDirectory("inner")
                for name in ["hub/inner", "hub/new", "hub/new/deeper/", "./hub//inner/new"] {
                    let inner = try bench.nosocks(["join", "--once", hub.url, name])
                    #expect(try await inner.ending() == 1, "\(name)")
                    #expect(inner.errors.contains("inside"), "\(name)")
                }
                #expect(try hub.folder.items().keys.sorted() == ["inner"])
                try await bench.shell("cp -a hub copy", in: bench.folder)
                // A copy of it is a replica of its own from then on.
                let copied = try bench.nosocks(["join", "--once", hub.url, "copy"])
                #expect(try await copied.ending() == 0)
                #expect(copied.errors.contains("copy of another folder"))
                #expect(try hub.folder.items().keys.sorted() == ["inner"])
            }
        }

        @Test("--quiet says nothing short of errors, and --json nothing but lines of JSON")
        func quiet() async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("hub")
                let program = try bench.nosocks(["hub", "hub", "--listen", "127.0.0.1:0", "--quiet", "--json"])
                let url = try #require(try await program.hears("listening").url)
                let copy = try bench.nosocks(["join", url, "copy", "--quiet", "--once"])
                #expect(try await copy.ending() == 0)
                program.signal(SIGTERM)
                try await program.ending()
                #expect(program.errors + copy.errors + copy.output == "")
                #expect(program.events.count == program.output.split(separator: "\n").count)
            }
        }
    }
}

/// What Linux tells of processes.
private enum Proc {
    static let isThere = access("/proc/self/status", R_OK) == 0

    /// Whether the process does not leave this signal to the system any more.
    static func takes(_ signal: Int32, _ process: pid_t) throws -> Bool {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let masks = status.split(separator: "\n").filter { $0.hasPrefix("SigIgn:") || $0.hasPrefix("SigCgt:") }
        return masks.contains { line in
            let mask = UInt64(line.dropFirst(7).trimmingPrefix(while: \.isWhitespace), radix: 16) ?? 0
            return mask & (1 << UInt64(signal - 1)) != 0
        }
    }
}
