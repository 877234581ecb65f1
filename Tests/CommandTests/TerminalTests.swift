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
    /// What a person at a terminal sees.
    @Suite("On a terminal")
    struct OnTerminal {
        private static let xterm = ["TERM=xterm"]

        private func status(
            _ bench: Bench, _ words: [String], on terminal: Terminal
        ) throws -> Program {
            try bench.start([Binary.nosocks, "status"] + words, on: terminal, environment: Self.xterm)
        }

        @Test("status tells what matters in ten lines, and with -v all of it")
        func tenLines() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                for number in 0..<14 { _ = try await bench.peer("peer\(number)", of: hub) }
                for number in 0..<6 {
                    let name = "giant\(number)"
                    try hub.folder.writeSparse("x", size: 2 << 40, to: Name(stringLiteral: name))
                    try await hub.program.hears("problem", path: name)
                }
                try hub.folder.write("x", to: "note.conflict-ann-12345678.txt")
                try await hub.program.hears("created", path: "note.conflict-ann-12345678.txt")
                let terminal = try Terminal(columns: 100, rows: 40)
                let short = try status(bench, [hub.path], on: terminal)
                #expect(try await short.ending() == 3)
                try await terminal.shows("problem")
                #expect(terminal.lines.count <= 10, "\(terminal.text)")
                for text in [
                    "hub hub", "in sync", "1 conflict copy", "peer0 at 127.0.0.1", "giant0: ",
                    "more; nosocks status -v",
                ] {
                    #expect(terminal.text.contains(text), "\(terminal.text)")
                }
                let whole = try Terminal(columns: 100, rows: 60)
                #expect(try await status(bench, ["-v", hub.path], on: whole).ending() == 3)
                try await whole.shows("giant5")
                #expect(whole.lines.filter { $0.hasPrefix("peer") }.count == 14)
                #expect(whole.lines.filter { $0.hasPrefix("problem") }.count == 6)
                #expect(whole.text.contains("of history"))
                // A script gets everything, too.
                let piped = try await bench.run(Binary.nosocks, "status", hub.path).output
                #expect(piped.split(separator: "\n").filter { $0.hasPrefix("peer") }.count == 14)
            }
        }

        @Test("status --watch draws over itself, in whole frames, and Ctrl-C ends it quietly")
        func watch() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let terminal = try Terminal(columns: 60, rows: 20)
                let program = try status(bench, ["--watch", hub.path], on: terminal)
                try await terminal.shows("0 entries")
                let before = terminal.lines
                try hub.folder.write("x", to: "a")
                try await terminal.shows("1 entry")
                let one = try await bench.peer("one", of: hub)
                try await terminal.shows("one at 127.0.0.1")
                #expect(terminal.lines.count == before.count + 1)
                #expect(terminal.lines.filter { $0.hasPrefix("role") }.count == 1, "\(terminal.text)")
                try one.kill()
                try await eventually("the peer to be gone", state: { terminal.text }) {
                    terminal.lines.count == before.count
                }
                // As narrow as it may get, a line is a row.
                try terminal.resize(columns: 20, rows: 20)
                try hub.folder.write("x", to: "b")
                try await terminal.shows("2 entrie")
                #expect(terminal.lines.filter { $0.hasPrefix("role") }.count == 1, "\(terminal.text)")
                #expect(terminal.scrolled == 0)
                // A terminal hands over what was written at once in as many pieces as it likes.
                let frames = terminal.writes.joined().components(separatedBy: "\u{1b}[?7h")
                for frame in frames.dropLast() { #expect(frame.hasPrefix("\u{1b}[?7l"), "\(frame)") }
                #expect(frames.count > 3)
                terminal.type("\u{3}")
                #expect(try await program.ending() == 0)
                #expect(!terminal.text.contains("nosocks:"))
            }
        }

        @Test("status --watch without a terminal is a block for each change, and with --json a line")
        func watchPiped() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let words = try bench.nosocks(["status", "--watch", hub.path])
                let lines = try bench.nosocks(["status", "--watch", "--json", hub.path])
                for (number, text) in [(0, "0 entries"), (1, "1 entry"), (2, "2 entries")] {
                    if number > 0 { try hub.folder.write("x", to: Name(stringLiteral: "f\(number)")) }
                    try await eventually(text, state: { words.output }) { words.output.contains(text) }
                    try await eventually(text) { lines.output.contains("\"entries\":\(number),") }
                }
                for program in [words, lines] {
                    program.signal(SIGINT)
                    #expect(try await program.ending() == 0)
                    #expect(program.errors == "")
                    #expect(!program.output.contains("\u{1b}"))
                }
                let blocks = words.output.split(separator: "\n\n").map { $0.split(separator: "\n") }
                #expect(blocks.count >= 3 && zip(blocks, blocks.dropFirst()).allSatisfy { $0 != $1 })
                #expect(blocks.allSatisfy { $0[0].hasPrefix("role") })
                #expect(
                    lines.output.split(separator: "\n").allSatisfy { $0.hasPrefix("{") && $0.contains("\"cursor\":\"") }
                )
            }
        }

        @Test("progress is there from the first tenth of a second, fits the terminal, and leaves no trace")
        func progress() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                for number in 0..<3000 {
                    try hub.folder.write("\(number)", to: Name(stringLiteral: "file\(number)"))
                }
                try await hub.wait()
                let terminal = try Terminal(columns: 24, rows: 10)
                let words = [Binary.nosocks, "join", "--once", hub.url, "copy"]
                let program = try bench.start(words, on: terminal, environment: Self.xterm)
                try await eventually("a copy that began", state: { terminal.text }) {
                    terminal.writes.joined().contains(" entries, ")
                }
                #expect(try await program.ending() == 0)
                // Talk may wrap.
                try await eventually("the end", state: { terminal.text }) {
                    terminal.lines.joined().contains("in sync: 3000 entries")
                }
                let drawn = terminal.writes.joined().split(separator: "\u{1b}[?7l").dropFirst()
                    .map { $0.prefix { $0 != "\u{1b}" } }
                #expect(drawn.allSatisfy { $0.hasPrefix("\r") && $0.count <= 24 }, "\(drawn)")
                // What was said is all that is left.
                #expect(!terminal.lines.contains { $0.contains("left") || $0.contains("/s") }, "\(terminal.text)")
            }
        }

        @Test("how much of a large file has come, or gone, shows while it is on its way")
        func largeFile() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.writeRandom(5 << 20, to: "comes")
                try await hub.wait()
                let copy = bench.folder.folder("copy")
                for name: Name in ["comes", "goes"] {
                    if name == "goes" { try copy.writeRandom(5 << 20, to: name) }
                    let terminal = try Terminal()
                    let words = [Binary.nosocks, "join", "--once", "--limit-rate", "2M", hub.url, "copy"]
                    let program = try bench.start(words, on: terminal, environment: Self.xterm)
                    #expect(try await program.ending() == 0)
                    let part = /0 entries, [1-4]\.\d MiB, \d+\.\d [KM]iB\/s, \d+ s left/
                    #expect(terminal.writes.joined().contains(part), "\(name): \(terminal.writes)")
                    let content = try copy.read(name)
                    #expect(try hub.folder.read(name) == content)
                }
            }
        }

        @Test("a hub's first look shows how far it is, and TERM=dumb gets words alone")
        func firstLook() async throws {
            try await Bench.run { bench in
                let folder = bench.folder.folder("hub")
                try folder.makeDirectory()
                for number in 0..<6 { try folder.writeRandom(60_000_000, to: Name(stringLiteral: "film\(number)")) }
                let hub = [Binary.nosocks, "hub", "--listen", "127.0.0.1:0", "hub"]
                let terminal = try Terminal()
                let program = try bench.start(hub, on: terminal, environment: Self.xterm)
                try await terminal.shows("ready in")
                let looking = /looking at the folder: \d entr(y|ies), \d+\.\d MiB read, \d s/
                #expect(terminal.writes.joined().contains(looking))
                program.signal(SIGTERM)
                #expect(try await program.ending() == 0)
                #expect(!terminal.text.contains("looking at"))
                try folder.removeTree(".nosocks")
                let dumb = try Terminal()
                let plain = try bench.start(hub, on: dumb, environment: ["TERM=dumb"])
                try await dumb.shows("ready in")
                plain.signal(SIGTERM)
                try await plain.ending()
                #expect(!dumb.writes.joined().contains("\u{1b}"))
                #expect(!dumb.writes.joined().contains("looking at the folder"))
            }
        }
    }
}
