import Testing

extension Commands {
    @Suite("The manual and the shells' completions")
    struct Manual {
        /// The repository.
        private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

        /// A folder with what `make install` puts below `share`.
        private func generate(_ bench: Bench) async throws -> Folder {
            let share = bench.folder.folder("share")
            #expect(try await bench.nosocks(["generate", share.text]).ending() == 0)
            return share
        }

        private func pages(_ share: Folder) throws -> [Name] {
            try share.folder("man/man1").children()
        }

        @Test("every command has a page, with all that a page must have, its options and how it may end")
        func pages() async throws {
            try await Bench.run { bench in
                let man = try await generate(bench).folder("man/man1")
                let help = try await bench.run(Binary.nosocks, "--help").output
                let commands = help.split(separator: "\n").drop { !$0.hasPrefix("SUBCOMMANDS") }.dropFirst()
                    .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See") }
                    .compactMap { $0.split(separator: " ").first.map(String.init) }
                #expect(commands.count >= 12)
                for command in commands {
                    let page = try man.text(Name(stringLiteral: "nosocks-\(command).1"))
                    for title in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "OPTIONS", "EXIT STATUS", "SEE ALSO"] {
                        #expect(page.contains(".SH \"\(title)\"\n"), "\(command) has no \(title)")
                    }
                    let words = try await bench.run(Binary.nosocks, command, "--help").output
                        .split { !$0.isLetter && $0 != "-" }
                    for word in words where word.hasPrefix("--") {
                        #expect(page.contains("\\-\\-\(word.dropFirst(2).replacing("-", with: "\\-"))"), "\(word)")
                    }
                }
                #expect(try man.text("nosocks-join.1").contains("\\fBNOSOCKS_TOKEN\\fR"))
                #expect(try man.text("nosocks-wait.1").contains("\\fB124\\fR"))
                #expect(!man.exists("nosocks-generate.1"))
                #expect(!help.contains("generate"))
            }
        }

        @Test("mandoc finds nothing to say about the pages, nor does groff")
        func lint() async throws {
            try await Bench.run { bench in
                let share = try await generate(bench)
                let names = try pages(share).map { "\(share.text)/man/man1/\($0)" }
                if try await Bench.probe(["sh", "-c", "command -v mandoc"]) {
                    let lint = try await bench.run(["mandoc", "-T", "lint", "-W", "style"] + names)
                    #expect(lint.output + lint.errors == "")
                }
                guard try await Bench.probe(["sh", "-c", "command -v groff"]) else { return }
                let groff = ["groff", "-man", "-K", "utf8", "-T", "utf8", "-P", "-cbou", "-ww"]
                let shown = try await bench.run(groff + names)
                #expect(shown.errors == "")
                #expect(shown.output.contains("EXIT STATUS"))
            }
        }

        @Test("make install puts program, pages and completions in place, and make uninstall takes just those away")
        func install() async throws {
            try await Bench.run { bench in
                let prefix = bench.folder.folder("prefix")
                try prefix.makeDirectory()
                try prefix.makeDirectory("share")
                try prefix.write("mine", to: "share/other")
                let make = [
                    "make", "-s", "-C", Self.root, "-o", Binary.nosocks, "BINARY=\(Binary.nosocks)",
                    "PREFIX=\(prefix.text)",
                ]
                let installed = try await bench.run(make + ["install"])
                #expect(installed.ended == 0, "\(installed.errors)")
                for name: Name in [
                    "bin/nosocks", "share/man/man1/nosocks.1", "share/man/man1/nosocks-hub.1",
                    "share/bash-completion/completions/nosocks", "share/zsh/site-functions/_nosocks",
                    "share/fish/vendor_completions.d/nosocks.fish",
                ] { #expect(prefix.exists(name), "\(name)") }
                #expect(try await bench.run(make + ["uninstall"]).ended == 0)
                let left = try await bench.shell("find . ! -type d", in: prefix)
                #expect(left == "./share/other\n")
            }
        }

        /// What is typed, and what a shell must make of it.
        static let completions = [
            ("nosocks conf", ["confirm", "conflicts"]), ("nosocks sta", ["status"]),
            ("nosocks hub --token-f", ["--token-file"]), ("nosocks hub --fail", ["--fail-on-conflict"]),
            ("nosocks conflicts --keep th", ["theirs"]), ("nosocks token add --role r", ["read"]),
            ("nosocks token rev", ["revoke"]), ("nosocks hub fol", ["folder/"]),
            ("nosocks hub --token-file fi", ["file.txt"]), ("nosocks restore fi", ["file.txt"]),
        ]

        private func place(_ bench: Bench) throws -> Folder {
            let place = bench.folder.folder("place")
            try place.makeDirectory()
            try place.makeDirectory("folder")
            try place.write("", to: "file.txt")
            return place
        }

        private func bin(_ bench: Bench) throws -> String {
            try bench.folder.makeDirectory("bin")
            try bench.folder.link("bin/nosocks", to: Name(stringLiteral: Binary.nosocks))
            return "\(bench.folder.text)/bin"
        }

        @Test("bash completes commands, options, values and files", arguments: completions)
        func bash(typed: String, expected: [String]) async throws {
            try await Bench.run { bench in
                let share = try await generate(bench)
                let script = """
                    . "$0"; COMP_LINE=$1; COMP_POINT=${#1}; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                    complete -p nosocks > /dev/null || exit 3
                    _nosocks nosocks "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" || :
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """
                let file = "\(share.text)/bash-completion/completions/nosocks"
                let program = try await bench.run(["bash", "-c", script, file, typed], in: place(bench))
                #expect(program.ended == 0)
                // A folder's slash is added by readline.
                let words = program.output.split(separator: "\n").map(String.init).sorted()
                #expect(words == expected.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }, "\(program.errors)")
            }
        }

        @Test("fish completes commands, options, values and files", arguments: completions)
        func fish(typed: String, expected: [String]) async throws {
            try await Bench.run { bench in
                guard try await Bench.probe(["sh", "-c", "command -v fish"]) else { return }
                let share = try await generate(bench)
                let script = """
                    set -x PATH \(try bin(bench)) $PATH
                    source \(share.text)/fish/vendor_completions.d/nosocks.fish; complete -C '\(typed)'
                    """
                let program = try await bench.run(["fish", "--no-config", "-c", script], in: place(bench))
                let words = program.output.split(separator: "\n").map { $0.prefix { $0 != "\t" } }.map(String.init)
                #expect(words.sorted() == expected, "\(program.errors)")
            }
        }

        @Test("zsh completes commands, options, values and files", arguments: completions.dropFirst())
        func zsh(typed: String, expected: [String]) async throws {
            try await Bench.run { bench in
                guard try await Bench.probe(["sh", "-c", "command -v zsh"]) else { return }
                let share = try await generate(bench)
                let bin = try bin(bench)
                let terminal = try Terminal(columns: 200)
                let place = try place(bench)
                _ = try bench.start(["zsh", "-f", "-i"], in: place, on: terminal, environment: ["TERM=xterm"])
                let setUp =
                    "PS1=; path=(\(bin) $path); fpath=(\(share.text)/zsh/site-functions $fpath); autoload -Uz compinit"
                terminal.type("\(setUp); compinit -D -u; print re''ady\n")
                try await terminal.shows("ready")
                // Completed, then put behind a command that shows it.
                terminal.type("\(typed)\t\u{1}print -r -- \"<\u{5}>\"\n")
                // A folder's slash goes when the word ends.
                let words = typed.split(separator: " ").dropLast() + [expected[0].prefix { $0 != "/" }]
                let completed = words.joined(separator: " ")
                try await eventually("\(completed) of zsh", state: { terminal.text }) {
                    terminal.lines.contains { $0 == "<\(completed)>" || $0 == "<\(completed) >" }
                }
            }
        }
    }
}
