import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

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

        @Test(
            "more events than the system queues at a time are a scan, and nothing is missed", arguments: ["hub", "one"])
        func overflow(whose: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let busy = whose == "hub" ? hub : one
                try busy.folder.makeDirectory("d")
                for number in 0..<20 { try busy.folder.write("\(number)", to: "d/f\(number)") }
                try await settle(hub, one)
                try busy.program.signal(SIGSTOP)
                // Twice as many as there is room for (fs.inotify.max_queued_events), so that what comes last is dropped.
                for _ in 0..<8200 {
                    try busy.folder.rename("d/f0", to: "d/g")
                    try busy.folder.rename("d/g", to: "d/f0")
                }
                try busy.folder.write("edited", to: "d/f1")
                try busy.folder.remove("d/f2")
                try busy.folder.rename("d/f3", to: "d/renamed")
                try busy.folder.makeDirectory("d/new")
                try busy.folder.write("new", to: "d/new/f")
                try busy.program.signal(SIGCONT)
                try await settle(hub, one)
                // What happens in there later is heard of, too.
                try busy.folder.write("later", to: "d/new/g")
                try await settle(hub, one)
            }
        }

        @Test(
            "directories that are filled, moved and removed as soon as they are there are mirrored as they end",
            arguments: [
                "for i in $(seq 200); do mkdir -p $i/a/b/c && touch $i/a/b/c/f; done",
                "for i in $(seq 60); do mkdir -p t/a/b; echo $i > t/a/b/f; mv t u; rm -rf u; done; mkdir -p t/a; echo x > t/a/f",
                "mkdir -p s/a/b; for i in $(seq 50); do echo $i > s/a/b/$i; done; for i in 1 2 3 4 5; do cp -r s c$i; mv c$i/a c$i/m; done",
                "for i in $(seq 40); do mkdir -p x/$i/y; echo $i > x/$i/y/f; mv x/$i z$i; done; rm -r z1 z2; ln -s z3 z1",
            ])
        func directories(script: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                for replica in [one, hub] {
                    try replica.folder.makeDirectory("by-\(replica.name)")
                    try await bench.shell(script, in: replica.folder.folder("by-\(replica.name)"))
                    try await settle(hub, one)
                }
                #expect(try await bench.judge(hub, one) == "")
            }
        }
    }
}
