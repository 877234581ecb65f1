import Testing

extension Commands {
    @Suite("Limited rates")
    struct Rates {
        private static let rate = 1 << 20

        /// What so many bytes take at the rate, less what goes on each of two connections before it is paid for.
        private static func least(_ bytes: Int) -> Duration { .seconds(Double(bytes - (3 << 20)) / Double(rate)) }

        private func time(_ body: () async throws -> Void) async rethrows -> Duration {
            let clock = ContinuousClock()
            return try await clock.measure { try await body() }
        }

        @Test("a peer receives, and sends, no faster than it was told")
        func peer() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let size = 4 << 20
                try hub.folder.writeRandom(size, to: "down")
                try await hub.program.hears("created", path: "down")
                let join = ["join", "--once", "--limit-rate", "1M", hub.url, "copy"]
                let down = try await time { try await bench.run([Binary.nosocks] + join) }
                #expect(down > Self.least(size))
                let copy = bench.folder.folder("copy")
                try copy.writeRandom(size, to: "up")
                let up = try await time { try await bench.run([Binary.nosocks] + join) }
                #expect(up > Self.least(size))
                for name: Name in ["up", "down"] {
                    let content = try copy.read(name)
                    #expect(try hub.folder.read(name) == content)
                }
            }
        }

        @Test("a hub's peers share what it was told, and what is small still overtakes what is large")
        func hub() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--limit-rate", "1M/s"])
                let size = 4 << 20
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                let took = try await time {
                    try hub.folder.writeRandom(size, to: "large")
                    try await one.program.hears("created", path: "large")
                    try await two.program.hears("created", path: "large")
                }
                #expect(took > Self.least(2 * size))
                try hub.folder.writeRandom(4 * size, to: "larger")
                try await hub.program.hears("created", path: "larger")
                try await pass("small", from: hub, to: one, two)
                // As programs save: beside it, and over it.
                for number in 0..<4 {
                    try hub.folder.write("\(number)", to: "note.new")
                    try await bench.shell("mv note.new note", in: hub.folder)
                    try await eventually("save \(number)") { (try? one.folder.text("note")) == "\(number)" }
                }
                #expect(!one.folder.exists("larger"))
            }
        }

        @Test("a rate at which connections would count as dead is refused")
        func tooSlow() async throws {
            try await Bench.run { bench in
                for rate in ["0", "10K", "63K", "fast", "-1"] {
                    let hub = try await bench.run(Binary.nosocks, "hub", "--limit-rate=\(rate)", ".")
                    #expect(hub.ended == 2)
                }
            }
        }
    }
}
