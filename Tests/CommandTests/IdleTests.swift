import Testing

extension Commands {
    @Suite("With nothing to do")
    struct Idle {
        @Test("a hub and a peer need less memory after a while, and then go on as before")
        func memory() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try await settle(hub, one)
                let all = [Memory(of: try hub.program), Memory(of: try one.program)]
                let before = all.compactMap(\.now)
                try await eventually("memory to be given back", state: { "\(before), \(all.map(\.now))" }) {
                    zip(all.compactMap(\.now), before).allSatisfy { $0 < $1 * 4 / 5 }
                }
                try one.folder.write("text", to: "f")
                try await settle(hub, one)
            }
        }
    }
}
