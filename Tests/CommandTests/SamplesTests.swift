import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Commands {
    @Suite("The samples")
    struct Samples {
        private static let samples = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Samples"

        /// A folder of programs by the names that samples know them by.
        private func path(_ bench: Bench) throws -> String {
            try bench.folder.makeDirectory("bin")
            try bench.folder.link("bin/nosocks", to: Name(stringLiteral: Binary.nosocks))
            try bench.folder.link(
                "bin/backup-every-night.sh", to: Name(stringLiteral: "\(Self.samples)/backup-every-night.sh"))
            // What it was called with, and then what it was to do: as if the other machine were this one.
            try bench.folder.write("#!/bin/sh\necho \"to $1\"; shift; exec sh -c \"$*\"\n", to: "bin/ssh")
            try bench.folder.setMode(0o755, of: "bin/ssh")
            return "PATH=\(bench.folder.text)/bin:/usr/local/bin:/usr/bin:/bin"
        }

        private func text(_ name: String) throws -> String {
            try String(contentsOfFile: "\(Self.samples)/\(name)", encoding: .utf8)
        }

        private func script(_ name: String, _ path: String, _ words: String...) -> [String] {
            ["env", path, "\(Self.samples)/\(name)"] + words
        }

        @Test("sync-then-build builds what the hub has, and without a hub what is here")
        func syncThenBuild() async throws {
            try await Bench.run { bench in
                let path = try path(bench)
                let hub = try await bench.hub()
                try hub.folder.write("all:\n\t@echo built $(WORDS)\n", to: "Makefile")
                try await hub.wait()
                let copy = "\(bench.folder.text)/copy"
                let built = try await bench.run(script("sync-then-build.sh", path, hub.url, copy, "WORDS=it"))
                #expect(built.ended == 0)
                #expect(built.output.contains("built it"))
                try await hub.stop()
                let alone = try await bench.run(script("sync-then-build.sh", path, hub.url, copy))
                #expect(alone.ended == 0)
                #expect(alone.errors.contains("no hub at") && alone.output.contains("built"))
            }
        }

        @Test("deploy-when-there runs its command when the other side has everything, and not without a hub")
        func deploy() async throws {
            try await Bench.run { bench in
                let path = try path(bench)
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try one.folder.writeRandom(20_000_000, to: "large")
                try one.folder.write("done", to: "last")
                let words = script("deploy-when-there.sh", path, one.path, "there", "cat", "\(hub.path)/last")
                let program = try await bench.run(words)
                #expect(program.ended == 0, "\(program.errors)")
                #expect(program.output == "to there\ndone")
                #expect(try one.folder.differences(from: hub.folder) == [])
                try hub.kill()
                try await one.program.hears("disconnected")
                let lost = try await bench.run(words)
                #expect(lost.ended == 7)
                #expect(lost.output == "")
            }
        }

        @Test("build-on-arrival builds when something came, with what came beside it")
        func buildOnArrival() async throws {
            try await Bench.run { bench in
                let path = try path(bench)
                let hub = try await bench.hub()
                try hub.folder.write("out:\n\t@cat source\n\t@cp source \(bench.folder.text)/built\n", to: "Makefile")
                try hub.folder.write("one", to: "source")
                try await hub.wait()
                let copy = bench.folder.folder("a copy")
                let builder = try bench.start(script("build-on-arrival.sh", path, hub.url, copy.text, "out"))
                for text in ["one", "two"] {
                    try hub.folder.write(text, to: "source")
                    try await eventually("\(text) to be built", state: { builder.errors + builder.output }) {
                        (try? bench.folder.text("built")) == text
                    }
                }
                #expect(try copy.text(".nosocks/arrived").contains("\"path\":\"source\""))
                builder.signal(15)
                #expect(try await builder.ending() == 0)
            }
        }

        /// A command that copies a hub's folder, as cron or systemd would run it: two nights, and what came of them.
        private func backUp(_ bench: Bench, _ command: (Replica, String) -> [String]) async throws {
            let path = try path(bench)
            let hub = try await bench.hub()
            try hub.folder.write("kept", to: "file")
            try await hub.wait()
            let home = bench.folder.folder("home")
            try home.makeDirectory()
            for _ in 0..<2 {
                let words = ["env", path, "HOME=\(home.text)", "HUB=\(hub.url)"] + command(hub, home.text)
                let program = try await bench.run(words)
                #expect(program.ended == 0, "\(program.errors)")
                let day = try #require(program.output.split(separator: "\n").last)
                #expect(day.hasPrefix("\(home.text)/backups/notes/20"))
                #expect(try await bench.shell("cat '\(day)/file'; ls -A '\(day)'", in: home) == "keptfile\n")
            }
        }

        @Test("the crontab's line keeps a dated copy")
        func cron() async throws {
            try await Bench.run { bench in
                let line = try #require(try text("cron/crontab").split(separator: "\n").last)
                let fields = line.split(separator: " ", maxSplits: 5)
                #expect(fields[..<5].allSatisfy { $0.allSatisfy { $0.isNumber || $0 == "*" } })
                try await backUp(bench) { _, _ in ["/bin/sh", "-c", String(fields[5])] }
            }
        }

        @Test("the timer's service keeps a dated copy, and systemd finds nothing wrong with any unit")
        func timer() async throws {
            try await Bench.run { bench in
                let unit = try text("systemd/nosocks-backup.service")
                let start = try #require(unit.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
                try await backUp(bench) { hub, home in
                    start.dropFirst("ExecStart=".count).split(separator: " ").map(String.init).map { word in
                        word.replacing("/usr/local/bin/", with: "").replacing("${HUB}", with: hub.url)
                            .replacing("%h", with: home)
                    }
                }
                #expect(try text("systemd/nosocks-backup.timer").contains("OnCalendar="))
                guard try await Bench.probe(["sh", "-c", "command -v systemd-analyze"]) else { return }
                // The programs are not where the units expect them.
                try await bench.shell(
                    """
                    mkdir units; for unit in '\(Self.samples)'/systemd/*.*; do
                        sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" > units/$(basename "$unit"); done
                    """, in: bench.folder)
                let verified = try await bench.shell(
                    "XDG_RUNTIME_DIR=$PWD systemd-analyze verify --man=no --user units/* 2>&1", in: bench.folder)
                #expect(!verified.contains("nosocks"), "\(verified)")
            }
        }
    }
}
