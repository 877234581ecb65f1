import Testing

extension Commands {
    @Suite("SIGKILL at any instant")
    struct Kill {
        /// What a file holds is made from one letter, so that a mixture of two versions shows.
        private static func version(_ number: Int, _ size: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(ascii: "a") + UInt8(number % 26), count: size + number % 26)
        }

        /// Whether a file is one whole version.
        private static func isWhole(_ bytes: [UInt8], _ size: Int) -> Bool {
            guard let first = bytes.first else { return false }
            return bytes == version(Int(first - UInt8(ascii: "a")), size)
        }

        private static func size(of file: Int) -> Int {
            file.isMultiple(of: 10) ? 150_000 : 1000 + file
        }

        /// Kills after a random while; the seed is what happened to be.
        private static func pause(upTo milliseconds: Int) async throws {
            try await Task.sleep(for: .microseconds(Int.random(in: 0...milliseconds * 1000)))
        }

        private static func checkWhole(_ folder: Folder, _ files: Int) throws {
            for (name, item) in try folder.items() where item.kind == .file {
                let file = try #require(Int("\(name)".split(separator: "/").last ?? ""), "\(name)")
                // Whoever was not killed goes on, and may have deleted it since.
                guard let bytes = try? folder.read(name) else { continue }
                #expect(isWhole(bytes, size(of: file)), "\(name) is torn")
            }
        }

        @Test("during a snapshot: what is there is whole, and the rest follows", arguments: 0..<2)
        func snapshot(turn: Int) async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                for directory in 0..<10 {
                    try hub.folder.makeDirectory("d\(directory)")
                    for file in 0..<40 {
                        try hub.folder.write(Self.version(file, Self.size(of: file)), to: "d\(directory)/\(file)")
                    }
                }
                try await hub.listen()
                let one = try Replica(at: bench, name: "one", hub: hub)
                for attempt in 0..<6 {
                    try await one.start().hears("connected")
                    try await Self.pause(upTo: 300)
                    try one.kill()
                    try Self.checkWhole(one.folder, 40)
                    // The hub may be the one that is hit.
                    if attempt.isMultiple(of: 3) {
                        try hub.kill()
                        try await hub.listen()
                    }
                }
                try await one.join()
                try await settle(hub, one)
                #expect(try one.folder.items().count == 10 * 41)
            }
        }

        @Test("during live edits from both sides", arguments: ["hub", "one"])
        func live(victim: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let victim = victim == "hub" ? hub : one
                let sides: [(folder: Folder, names: Range<Int>)] = [(hub.folder, 0..<20), (one.folder, 20..<40)]
                for round in 0..<6 {
                    // Each side edits its own files, so that there is one right outcome; by renames, as they must be
                    // for whoever wants whole versions on his own disk.
                    for (folder, names) in sides {
                        for name in names {
                            let bytes = Self.version((round * 7 + name) % 26, Self.size(of: name))
                            try folder.write(bytes, to: "../saving")
                            try folder.rename("../saving", to: "\(name)")
                        }
                        if round > 0 { try folder.remove("\(names.lowerBound + round - 1)") }
                    }
                    try await Self.pause(upTo: 150)
                    try victim.kill()
                    for replica in [hub, one] { try Self.checkWhole(replica.folder, 40) }
                    if victim === hub { try await hub.listen() } else { try await one.join() }
                }
                try await settle(hub, one)
                for (_, names) in sides {
                    for name in names where name != names.lowerBound + 4 {
                        let expected = Self.version((5 * 7 + name) % 26, Self.size(of: name))
                        #expect(try one.folder.read("\(name)") == expected, "\(name)")
                    }
                }
                #expect(try hub.folder.items().count == 38)
            }
        }
    }
}
