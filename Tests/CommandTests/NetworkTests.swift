import TestSupport
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
    @Suite("The network between")
    struct Network {
        @Test("carries no content of what was only renamed or copied", arguments: ["hub", "one"])
        func renamed(actor: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let relay = try await Relay(to: hub.port)
                defer { relay.close() }
                let one = try Replica(at: bench, name: "one", hub: hub, url: relay.url)
                try await one.join()
                let at = bench.folder.folder(Name(stringLiteral: actor))
                try at.makeDirectory("m")
                let (count, size) = (1500, 2000)
                for number in 0..<count { try at.writeRandom(size, to: "m/\(number)") }
                try at.writeRandom(count * size, to: "large")
                try await settle(hub, one)

                // To a name that comes before the old one, and to one that comes after it.
                for (old, new) in [("m", "a"), ("a", "z")] as [(Name, Name)] {
                    let before = relay.bytes
                    try at.rename(old, to: new)
                    try await settle(hub, one)
                    #expect(relay.bytes - before < count * size / 10, "\(old) to \(new)")
                }
                let before = relay.bytes
                try await bench.shell("cp -r z copy; cp large other", in: at)
                try await settle(hub, one)
                #expect(relay.bytes - before < count * size / 10)
            }
        }

        @Test("cut anywhere, again and again, it loses nothing and makes nothing twice", arguments: Seeds.take(2))
        func cuts(seed: UInt64) async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                try hub.folder.makeDirectory("old")
                for number in 0..<60 { try hub.folder.writeRandom(number * 1000, to: "old/\(number)") }
                try hub.folder.writeRandom(3_000_000, to: "big-of-hub")
                try await hub.listen()

                let relay = try await Relay(to: hub.port, seed: seed)
                defer { relay.close() }
                let one = try Replica(at: bench, name: "one", hub: hub, url: relay.url)
                try one.folder.writeRandom(2_000_000, to: "big-of-one")
                try one.start()
                // Each side edits its own files, so that there is one right outcome, and none of it a conflict.
                var round = 0
                try await eventually("a dozen cuts", state: { "\(relay.cuts), in round \(round)" }) {
                    round += 1
                    for (replica, number) in [(hub, round % 7), (one, round % 5)] {
                        try replica.folder.write("\(round) of \(replica.name)", to: "\(replica.name)-\(number)")
                        if round.isMultiple(of: 10) {
                            try replica.folder.overwrite("round \(round)", at: 1_000_000, of: "big-of-\(replica.name)")
                        }
                    }
                    return relay.cuts >= 12 && round >= 20
                }
                relay.calmDown()
                try await settle(hub, one)
                let names = try one.folder.items().keys.sorted()
                let expected = 1 + 60 + 2 + 7 + 5
                #expect(names.count == expected, "\(names)")
            }
        }

        @Test("whoever wakes up tries at once, however long it would have waited")
        func waking() async throws {
            try await Bench.run { bench in
                // Nobody can be joined here: each attempt is noted, and shut out.
                let door = try await ShutDoor()
                defer { door.close() }
                let one = try Replica(at: bench, name: "one", url: door.url)
                try one.start()
                for _ in 0..<3 {
                    // By now the next attempt is seconds away.
                    try await eventually("a long wait") { door.silence > .seconds(3) }
                    let before = door.knocks
                    try one.program.signal(SIGSTOP)
                    try one.program.signal(SIGCONT)
                    try await eventually("an attempt", within: .seconds(2)) { door.knocks > before }
                }
            }
        }

        @Test("whoever wakes up when it would have tried anyway tries once, and has one connection in the end")
        func wakingInTime() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.kill()
                try await one.program.hears("disconnected")
                for _ in 0..<12 {
                    // It is woken up and overdue in the same instant: its first attempts are 250 ms apart at the most.
                    try one.program.signal(SIGSTOP)
                    try await Task.sleep(for: .milliseconds(300))
                    try one.program.signal(SIGCONT)
                    try await Task.sleep(for: .milliseconds(20))
                }
                try await hub.listen()
                try await one.program.hears("connected", count: 2)
                for number in 0..<20 {
                    try one.folder.write("\(number)", to: "file")
                    try await settle(hub, one)
                }
                #expect(try one.program.events.count { $0.event == "connected" } == 2)
                #expect(try hub.program.events.count { $0.event == "peer-joined" } == 1)
            }
        }

        /// NOSOCKS_TEST_FLAP makes it go on for so many minutes: `make flap`.
        @Test("flapping every few seconds, it loses nothing, makes nothing twice, and sends little twice")
        func flapping() async throws {
            let minutes = ProcessInfo.processInfo.environment["NOSOCKS_TEST_FLAP"].flatMap(Int.init) ?? 0
            try await Bench.run { bench in
                let hub = try await bench.hub()
                var relays: [Relay] = []
                var replicas = [hub]
                for (seed, name) in [(1, "one"), (2, "two")] as [(UInt64, String)] {
                    let relay = try await Relay(to: hub.port, seed: seed, lifetime: 6)
                    relays.append(relay)
                    let peer = try Replica(at: bench, name: name, hub: hub, url: relay.url)
                    try peer.start()
                    replicas.append(peer)
                }
                defer { for relay in relays { relay.close() } }
                // Everybody works in a folder of its own, so that there is one right outcome.
                var workers = replicas.map { Worker(name: $0.name, folder: $0.folder) }
                for index in workers.indices { try workers[index].begin() }
                let end = ContinuousClock.now + .seconds(60 * minutes)
                var rounds = 0
                while ContinuousClock.now < end || relays.contains(where: { $0.cuts < 3 }) {
                    for index in workers.indices { try workers[index].work() }
                    rounds += 1
                    // A pace, not a wait: people do not save a thousand times a second.
                    try await Task.sleep(for: .milliseconds(50))
                }
                for relay in relays { relay.calmDown() }
                try await settle(replicas[0], replicas[1], replicas[2])
                var expected: [Name: [UInt8]] = [:]
                for worker in workers { expected.merge(worker.files) { first, _ in first } }
                let items = try hub.folder.items()
                let found = items.keys.filter { name in !workers.contains { name == Name(stringLiteral: $0.name) } }
                #expect(found.sorted() == expected.keys.sorted())
                for (name, content) in expected { #expect(try hub.folder.read(name) == content, "\(name)") }
                let (written, cuts) = (workers.map(\.written).reduce(0, +), relays.map(\.cuts).reduce(0, +))
                let passed = relays.map(\.bytes).reduce(0, +)
                print("flapping: \(rounds) rounds, \(cuts) cuts, \(written) bytes written, \(passed) on the wire")
                // What the hub writes goes to two, and what a peer writes to the hub and the other.
                #expect(passed < 2 * written * 3 / 2 + cuts * 500_000)
            }
        }
    }
}

/// Works in a folder of its own, and knows what must be there in the end.
private struct Worker {
    let name: String
    let folder: Folder
    private(set) var files: [Name: [UInt8]] = [:]
    /// Bytes that are new to everybody.
    private(set) var written = 0
    private var random: SeededRandom
    private var round = 0

    init(name: String, folder: Folder) {
        self.name = name
        self.folder = folder
        random = SeededRandom(seed: UInt64(name.utf8.reduce(0) { $0 * 31 + Int($1) }))
    }

    mutating func begin() throws {
        try folder.makeDirectory(Name(stringLiteral: name))
    }

    mutating func work() throws {
        round += 1
        let log: Name = "\(name)/log"
        try append("round \(round) of \(name)\n", to: log)
        let path: Name = "\(name)/\(random.below(40))"
        switch random.below(10) {
        case 0...3: try write(random.below(20_000), to: path)
        case 4: try append("more \(round)\n", to: path)
        case 5:
            guard let content = files.removeValue(forKey: path) else { break }
            let new: Name = "\(name)/renamed-\(random.below(10))"
            try folder.rename(path, to: new)
            files[new] = content
        case 6 where files[path] != nil:
            try folder.remove(path)
            files[path] = nil
        case 7 where round.isMultiple(of: 20): try write(1_000_000 + random.below(1_000_000), to: "\(name)/big")
        default: break
        }
    }

    private mutating func write(_ count: Int, to path: Name) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: random.next()) { bytes += $0 } }
        try folder.write(bytes, to: path)
        files[path] = bytes
        written += bytes.count
    }

    private mutating func append(_ text: String, to path: Name) throws {
        if files[path] == nil { try folder.write("", to: path) }
        try folder.append(text, to: path)
        files[path, default: []] += Array(text.utf8)
        written += files[path]?.count ?? 0
    }
}
