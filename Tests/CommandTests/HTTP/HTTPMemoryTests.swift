import Testing

extension Commands {
    @Suite("What a large file over HTTP takes")
    struct HTTPMemory {
        @Test("a file goes in and comes out in a memory that does not grow with it")
        func constantMemory() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try await bench.shell("head -c 300000000 /dev/urandom > source", in: bench.folder)
                let memory = Memory(of: try hub.program)
                #expect(try await curl.ask("/files/large", "-T", "source").status == 201)
                try await hub.wait()
                try await bench.shell("curl -s \(curl.url)/files/large | cmp - source", in: bench.folder)
                let all = try await bench.shell(
                    "curl -s \(curl.url)/snapshot.tar | tar -xO large | cmp - source", in: bench.folder)
                #expect(all == "")
                if let peak = memory.peak { #expect(peak < 60, "\(peak) MiB") }
            }
        }
    }
}
