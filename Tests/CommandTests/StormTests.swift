import Simulator
import Testing

extension Commands {
    @Suite("Anything at all, on all sides at once")
    struct Storm {
        private static let names: [Name] = ["a", "b", "c", "d"]

        /// Few names, so that collisions are the norm.
        private static func name(_ random: inout SeededRandom) -> Name {
            (0...random.below(3)).reduce("") { name, _ in name.appending(names[random.below(names.count)]) }
        }

        /// One thing that a program may do; most of what it may not be done to is left alone by the system.
        private static func act(_ folder: Folder, _ number: Int, _ random: inout SeededRandom) {
            let name = name(&random)
            switch random.below(20) {
            case 0..<5: try? folder.write("\(number)", to: name)
            case 5: try? folder.write(Array(repeating: UInt8(number & 0xff), count: 70_000 + number), to: name)
            case 6, 7:
                try? folder.write("saved \(number)", to: "../saving")
                try? folder.rename("../saving", to: name)
            case 8..<11: try? folder.makeDirectory(name)
            case 11: try? folder.append("+", to: name)
            case 12, 13: try? folder.remove(name)
            case 14, 15: try? folder.removeTree(name)
            case 16, 17: try? folder.rename(name, to: Self.name(&random))
            case 18: try? folder.link(name, to: Self.name(&random))
            default: if (try? folder.kind(of: name)) == .file { try? folder.setMode(0o755, of: name) }
            }
        }

        @Test(
            "whatever three sides do to the same few names, they end up the same",
            arguments: Seeds.take(4))
        func storm(seed: UInt64) async throws {
            try await Bench.run { bench in
                var random = SeededRandom(seed: seed)
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                let all = [hub, one, two]
                for number in 0..<250 {
                    Self.act(all[random.below(all.count)].folder, number, &random)
                    // What falls into one moment, and what does not, is as important as what it is.
                    if random.oneIn(3) { try await Task.sleep(for: .microseconds(random.below(4000))) }
                    if random.oneIn(12) { try await Task.sleep(for: .milliseconds(random.below(120))) }
                    if random.oneIn(60) { try await settle(hub, one, two) }
                }
                try await settle(hub, one, two)
            }
        }
    }
}
