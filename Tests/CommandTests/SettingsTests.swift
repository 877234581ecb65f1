import Testing

extension Commands {
    @Suite("Settings and talk")
    struct SettingsAndTalk {
        /// What a replica that runs says its name is.
        private func name(_ bench: Bench, of folder: String) async throws -> String {
            let status = try await bench.run(Binary.nosocks, "status", "--json", folder).output
            return status.split(separator: ",").first { $0.contains("\"name\":") }.map(String.init) ?? status
        }

        @Test("a flag counts for more than the environment, and that for more than the folder's own settings")
        func order() async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("hub")
                try bench.folder.makeDirectory("hub/.nosocks", mode: 0o700)
                try bench.folder.write(
                    """
                    # What this folder is always served with.
                    name = "from the file"   # a string
                    listen = ["127.0.0.1:0",
                              '127.0.0.1:0',]
                    json = true
                    once = true
                    poll = 3_600

                    """, to: "hub/.nosocks/config.toml")
                let cases: [(environment: [String], flags: [String], expected: String)] = [
                    ([], [], "from the file"), (["NOSOCKS_NAME=from outside"], [], "from outside"),
                    (["NOSOCKS_NAME=from outside"], ["--name", "given"], "given"), ([], ["--name=given"], "given"),
                ]
                for (environment, flags, expected) in cases {
                    let hub = try bench.start([Binary.nosocks, "hub", "hub"] + flags, environment: environment)
                    try await hub.hears("listening", count: 2)
                    #expect(try await name(bench, of: "hub") == "\"name\":\"\(expected)\"")
                    hub.signal(15)
                    #expect(try await hub.ending() == 0)
                }
                // What the environment says no to is not brought back by the file.
                let silent = try bench.start(
                    [Binary.nosocks, "hub", "hub", "--listen", "127.0.0.1:0"], environment: ["NOSOCKS_JSON=no"])
                try await eventually("talk") { silent.errors.contains("listening on") }
                silent.signal(15)
                try await silent.ending()
                #expect(silent.output == "")
                #expect(silent.errors.split(separator: "\n").filter { $0.contains("listening on") }.count == 1)
            }
        }

        @Test("settings of the environment are those of every command, and patterns to ignore add up to a list")
        func environment() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("x", to: "a.o")
                try hub.folder.write("x", to: "a.c")
                try await hub.wait()
                let words = [Binary.nosocks, "join", hub.url, "copy"]
                let settings = ["NOSOCKS_ONCE=1", "NOSOCKS_QUIET=true", "NOSOCKS_IGNORE=*.o"]
                let peer = try bench.start(words, environment: settings)
                #expect(try await peer.ending() == 0)
                #expect(peer.errors == "")
                #expect(try bench.folder.children(of: "copy") == [".nosocks", "a.c"])
                let status = try bench.start([Binary.nosocks, "status", hub.path], environment: ["NOSOCKS_JSON=1"])
                #expect(try await status.ending() == 0)
                #expect(status.output.hasPrefix("{"))
            }
        }

        static let wrongFiles: [(file: String, says: [String])] = [
            ("name = me", ["config.toml:1", "quotes"]), ("\n\npol = 5", ["config.toml:3", "did you mean \"poll\"?"]),
            ("poll = \"often\"", ["often", "--poll is from", "config.toml:1"]),
            ("name = \"a\"\nname = \"b\"", ["config.toml:2", "second time"]), ("[hub]", ["config.toml:1", "tables"]),
            ("name = [\"a\", \"b\"]", ["config.toml:1", "one value"]), ("name = \"a", ["config.toml:1", "end"]),
            ("ignore = [\"a\"", ["config.toml:1", "]"]), ("read-only = 7", ["config.toml:1", "yes or no"]),
            ("= 7", ["config.toml:1", "key"]), ("name", ["config.toml:1", "="]),
            ("name = \"a\" \"b\"", ["config.toml:1", "follows"]), ("name = \"\\q\"", ["config.toml:1", "escape"]),
        ]

        @Test("a mistake in the folder's settings is told with its line, and nothing begins", arguments: wrongFiles)
        func mistakes(file: String, says: [String]) async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("hub")
                try bench.folder.makeDirectory("hub/.nosocks", mode: 0o700)
                try bench.folder.write(file, to: "hub/.nosocks/config.toml")
                let hub = try await bench.run(Binary.nosocks, "hub", "hub", "--listen", "127.0.0.1:0")
                #expect(hub.ended == 2)
                for text in says { #expect(hub.errors.contains(text), "\(hub.errors)") }
                #expect(hub.errors.split(separator: "\n").count == 1)
                #expect(try bench.folder.children(of: "hub/.nosocks") == ["config.toml"])
            }
        }

        @Test("--log-format json makes each line of talk one object, with what it is about")
        func jsonTalk() async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("hub")
                let hub = try bench.nosocks(["hub", "hub", "--listen", "127.0.0.1:0", "--json", "--log-format", "json"])
                try await hub.hears("listening")
                hub.signal(15)
                try await hub.ending()
                let wrong = try await bench.run(Binary.nosocks, "status", "--log-format=json", "nowhere")
                #expect(wrong.ended == 1)
                for line in (hub.errors + wrong.errors).split(separator: "\n") {
                    for key in ["\"time\":\"2", "\"level\":\"", "\"message\":\""] { #expect(line.contains(key)) }
                    #expect(line.hasPrefix("{") && line.hasSuffix("}"))
                }
                #expect(hub.errors.contains("\"url\":\"ws://127.0.0.1:"))
                #expect(wrong.errors.contains("\"level\":\"error\""))
                #expect(wrong.errors.contains("\"path\":\"nowhere\""))
            }
        }

        /// Options and environment, and whether errors are in color on a terminal and elsewhere.
        static let colors: [(options: [String], environment: [String], terminal: Bool, elsewhere: Bool)] = [
            ([], ["TERM=xterm"], true, false), ([], ["TERM=dumb"], false, false), ([], [], false, false),
            ([], ["TERM=xterm", "NO_COLOR=1"], false, false), ([], ["TERM=xterm", "NO_COLOR="], true, false),
            (["--color=never"], ["TERM=xterm"], false, false), (["--color", "always"], ["NO_COLOR=1"], true, true),
            ([], ["NOSOCKS_COLOR=always"], true, true),
        ]

        @Test("errors are in color where that is wanted and possible", arguments: colors)
        func color(options: [String], environment: [String], terminal: Bool, elsewhere: Bool) async throws {
            try await Bench.run { bench in
                let words = [Binary.nosocks, "status", "nowhere"] + options
                let screen = try Terminal()
                let shown = try bench.start(words, on: screen, environment: environment)
                #expect(try await shown.ending() == 1)
                try await screen.shows("nosocks: nowhere: there is no replica here")
                #expect(screen.writes.joined().contains("\u{1b}[1;31mnosocks:") == terminal)
                #expect(screen.writes.joined().contains("\u{1b}") == terminal)
                let logged = try bench.start(words, environment: environment)
                #expect(try await logged.ending() == 1)
                #expect(logged.errors.contains("\u{1b}[") == elsewhere)
            }
        }

        @Test("-v says every change, and a token is read from stdin with -")
        func more() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let token = try await bench.run(Binary.nosocks, "token", "add", "laptop", hub.path).output
                try bench.folder.write(token, to: "token")
                try hub.folder.write("x", to: "file")
                let join = "\(Binary.nosocks) join --once \(hub.url)"
                for (name, options, isTold) in [("a", "-v", true), ("b", "-vv", true), ("c", "", false)] {
                    let script = "\(join) \(name) \(options) --token-file - < token 2>&1"
                    let said = try await bench.shell(script, in: bench.folder)
                    #expect(said.contains("created file, by") == isTold, "\(said)")
                    #expect(said.contains("in sync"))
                }
                let refused = try await bench.run(Binary.nosocks, "join", "--once", hub.url, "d", "--token-file", "-")
                #expect(refused.ended == 2)
                #expect(refused.errors.contains("there is no token in it"))
            }
        }
    }
}
