import Testing

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
    }
}
