import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("The command line")
    struct Usage {
        /// Words, and how the program must end: its status and what it says.
        struct Line: CustomTestStringConvertible, Sendable {
            let words: [String]
            let status: Program.Status
            let says: [String]

            init(_ words: String..., endsWith status: Program.Status, saying says: String...) {
                self.words = words
                self.status = status
                self.says = says
            }

            var testDescription: String { words.joined(separator: " ") }
        }

        static let wrong = [
            Line("hubb", endsWith: 2, saying: "hubb", "did you mean \"hub\"?"),
            Line("jion", "ws://127.0.0.1:1", endsWith: 2, saying: "did you mean \"join\"?"),
            Line("frobnicate", endsWith: 2, saying: "frobnicate", "--help"),
            Line("hub", "--lisen", "127.0.0.1:0", endsWith: 2, saying: "--lisen", "--listen"),
            Line("join", "ws://127.0.0.1:1", "--onse", endsWith: 2, saying: "--onse", "--once"),
            Line("join", endsWith: 2, saying: "url"),
            Line("join", "--merge", "--replace", "ws://127.0.0.1:1", endsWith: 2, saying: "--merge", "--replace"),
            Line("join", "ws://", "d", endsWith: 2, saying: "ws://"),
            Line("join", "", "d", endsWith: 2, saying: "address"),
            Line("join", "ftp://127.0.0.1", "d", endsWith: 2, saying: "ftp"),
            Line("join", "ws://127.0.0.1:70000", "d", endsWith: 2, saying: "70000"),
            Line("join", "ws://127.0.0.1:x", "d", endsWith: 2, saying: "x"),
            Line("join", "ws://na me", "d", endsWith: 2, saying: "na me"),
            Line("join", "ws://user:secret@127.0.0.1", "d", endsWith: 2, saying: "password"),
            Line("join", "ws://127.0.0.1:1", "d", "--pin", "sha256:12", endsWith: 2, saying: "--pin", "64"),
            Line("join", "ws://127.0.0.1:1", "d", "--token-file", "missing", endsWith: 2, saying: "missing"),
            Line("join", "ws://127.0.0.1:1", "d", "--token-file", "file", endsWith: 2, saying: "no token"),
            Line("join", "ws://127.0.0.1:1", "", endsWith: 2, saying: "empty"),
            Line("join", "ws://127.0.0.1:1", "d", "--name", "", endsWith: 2, saying: "name"),
            Line("hub", ".", "--tls-cert", "file", endsWith: 2, saying: "--tls-key"),
            Line("hub", ".", "--max-peers", "0", endsWith: 2, saying: "--max-peers"),
            Line("token", "ad", "laptop", endsWith: 2, saying: "\"token ad\"", "did you mean \"add\"?"),
            Line("token", "frobnicate", endsWith: 2, saying: "\"token frobnicate\"", "nosocks token --help"),
            Line("status", "--jsn", endsWith: 2, saying: "--jsn", "--json", "nosocks status --help"),
            Line("conflicts", "--keep", "our", endsWith: 2, saying: "our", "'ours', 'theirs' or 'both'"),
            Line("hub", "--color", "red", endsWith: 2, saying: "red", "'auto', 'always' or 'never'"),
            Line("hub", "--log-format", "xml", endsWith: 2, saying: "xml", "'text', 'journald' or 'json'"),
            Line("token", "add", "../x", ".", endsWith: 2, saying: "letters"),
            Line("token", "add", "laptop", ".", endsWith: 1, saying: "no replica"),
            Line("hub", ".", "--listen", "127.0.0.1:99999", endsWith: 2, saying: "99999"),
            Line("hub", ".", "--quiet", "-v", endsWith: 2, saying: "--quiet"),
            Line("hub", "one", "two", endsWith: 2, saying: "two"),
            Line("hub", "missing", endsWith: 1, saying: "missing"),
            Line("hub", "file", endsWith: 1, saying: "file", "not a folder"),
            Line("join", "ws://127.0.0.1:1", "file", endsWith: 1, saying: "file", "not a folder"),
            Line("join", "ws://127.0.0.1:1", "file/below", endsWith: 1, saying: "file/below"),
            Line("hub", "dangling", endsWith: 1, saying: "dangling"),
        ]

        @Test("a mistake is named on stderr, changes nothing, and has its status", arguments: wrong)
        func mistakes(line: Line) async throws {
            try await Bench.run { bench in
                let place = bench.folder.folder("place")
                try place.makeDirectory()
                try place.write("text", to: "file")
                try place.link("dangling", to: "nowhere")
                let program = try bench.nosocks(line.words, in: place)
                #expect(try await program.ending() == line.status)
                for text in line.says { #expect(program.errors.contains(text), "\(program.errors)") }
                let lines = program.errors.split(separator: "\n").filter { !$0.contains(" warning ") }
                #expect(lines.count == 1, "\(program.errors)")
                #expect(program.output == "")
                #expect(try place.children() == ["dangling", "file"])
            }
        }

        static let right = [
            Line("--version", endsWith: 0, saying: "nosocks 0."),
            Line("hub", "--version", endsWith: 0, saying: "nosocks 0."),
            Line("--help", endsWith: 0, saying: "Examples", "hub", "join"),
            Line("-h", endsWith: 0, saying: "Examples"),
            Line("help", endsWith: 0, saying: "Examples"),
            Line("hub", "--help", endsWith: 0, saying: "nosocks hub ~/notes", "--listen"),
            Line("join", "--help", endsWith: 0, saying: "--once", "--merge", "--replace", "HTTPS_PROXY"),
            Line("help", "join", endsWith: 0, saying: "--once"),
        ]

        static let commands = [
            "hub", "join", "status", "wait", "confirm", "revert", "log", "restore", "conflicts", "ignored", "doctor",
            "token", "token add", "token list", "token rotate", "token revoke",
        ]

        @Test("every command has help, with examples first, in lines of 80 columns", arguments: commands)
        func examples(command: String) async throws {
            try await Bench.run { bench in
                let program = try await bench.run(
                    [Binary.nosocks] + command.split(separator: " ").map(String.init) + ["-h"])
                #expect(program.ended == 0)
                let lines = program.output.split(separator: "\n", omittingEmptySubsequences: false)
                #expect(lines.first?.hasPrefix("OVERVIEW: ") == true)
                let examples = try #require(lines.firstIndex(of: "Examples:"))
                let usage = try #require(lines.firstIndex { $0.hasPrefix("USAGE: nosocks \(command) ") })
                #expect(examples < 4 && examples < usage)
                #expect(lines[examples + 1].contains("nosocks \(command)"))
                #expect(lines[..<usage].allSatisfy { $0.hasPrefix("  nosocks") || $0.count <= 80 })
                if command != "token" { #expect(program.output.contains("--log-format")) }
            }
        }

        @Test("help and version are data, on stdout", arguments: right)
        func help(line: Line) async throws {
            try await Bench.run { bench in
                let program = try bench.nosocks(line.words)
                #expect(try await program.ending() == line.status)
                for text in line.says { #expect(program.output.contains(text), "\(program.output)") }
                #expect(program.errors == "")
            }
        }

        @Test(
            "a folder that may not be read or written is refused",
            .enabled("nothing is unreadable here", Unprivileged.isPossible))
        func unreadable() async throws {
            try await Bench.run { bench in
                for mode: mode_t in [0, 0o500] {
                    let place = bench.folder.folder("place\(mode)")
                    try place.makeDirectory(mode: mode)
                    for words in [["hub", "--listen", "127.0.0.1:0"], ["join", "ws://127.0.0.1:1"]] {
                        let program = try bench.start(Unprivileged.prefix + [Binary.nosocks] + words + [place.text])
                        #expect(try await program.ending() == 1)
                        #expect(program.errors.contains(place.text))
                        #expect(program.errors.contains("ermission denied"))
                    }
                }
            }
        }

        @Test("options stand before or after arguments, -- ends them")
        func order() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "file")
                try await hub.wait()
                for words in [
                    ["--once", "--name", "x", hub.url, "a"], [hub.url, "b", "--once"],
                    ["--once", hub.url, "--", "--c"],
                ] {
                    #expect(try await bench.nosocks(["join"] + words).ending() == 0)
                }
                for name: Name in ["a/file", "b/file", "--c/file"] { #expect(bench.folder.exists(name)) }
            }
        }
    }
}
