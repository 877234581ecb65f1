import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("Who may come in")
    struct Access {
        /// Makes a token at a hub that runs, and gives the file that it is in.
        private func token(
            _ bench: Bench, _ words: String...
        ) async throws -> (file: String, text: String) {
            let program = try bench.nosocks(["token"] + words)
            #expect(try await program.ending() == 0, "\(program.errors)")
            let text = program.output
            #expect(text.count == 65)
            let name: Name = "token-\(words[1])"
            try bench.folder.write(text, to: name)
            try bench.folder.setMode(0o600, of: name)
            return ("\(bench.folder.text)/\(name)", String(text.dropLast()))
        }

        private func once(_ bench: Bench, _ hub: Replica, _ words: [String] = [], prefix: [String] = []) async throws
            -> (
                status: Program.Status, errors: String
            )
        {
            let program = try bench.start(prefix + [Binary.nosocks, "join", "--once", hub.url, "guest"] + words)
            return (try await program.ending(), program.errors)
        }

        @Test("a token lets its holder in, by file or environment, and nothing else does")
        func tokens() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "file")
                try await hub.wait()
                let early = try await bench.peer("early", of: hub)
                let (file, text) = try await token(bench, "add", "laptop", "hub")
                // Whoever came without one, when none was wanted, goes.
                #expect(try await early.program.ending() == 6)

                let without = try await once(bench, hub)
                #expect(without.status == 6)
                #expect(without.errors.contains("--token-file"))
                #expect(try await once(bench, hub, ["--token-file", file]).status == 0)
                #expect(try bench.folder.text("guest/file") == "text")
                let variable = ["/usr/bin/env", "NOSOCKS_TOKEN=\(text)"]
                #expect(try await once(bench, hub, prefix: variable).status == 0)
                let wrong = ["/usr/bin/env", "NOSOCKS_TOKEN=\(String(repeating: "0", count: 64))"]
                #expect(try await once(bench, hub, prefix: wrong).status == 6)
                let malformed = try await once(bench, hub, prefix: ["/usr/bin/env", "NOSOCKS_TOKEN=secret"])
                #expect(malformed.status == 2)
                #expect(!malformed.errors.contains("secret"))

                // It is in no log, no process list, and not even in the hub's own file.
                let said = try hub.program.output + hub.program.errors + hub.folder.text(".nosocks/tokens")
                #expect(!said.contains(text))
                #expect(try hub.folder.item(".nosocks/tokens").mode == 0o600)
            }
        }

        @Test("a token stands in no process list and in no log, of hub or peer, whether it lets in or not")
        func secrecy() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["-v"])
                let (file, text) = try await token(bench, "add", "laptop", "hub")
                let one = try await bench.peer("one", of: hub, ["-v", "--token-file", file])
                try one.folder.write("text", to: "file")
                try await settle(hub, one)
                let wrong = String(repeating: "ab", count: 32)
                try bench.folder.write("\(wrong)\n", to: "wrong")
                try bench.folder.setMode(0o600, of: "wrong")
                let refused = try await once(bench, hub, ["-v", "-v", "--token-file", "wrong"])
                #expect(refused.status == 6)
                let list = try await bench.shell(
                    "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'", in: bench.folder)
                #expect(list.contains(hub.folder.text))
                let said = try [hub.program, one.program].map { $0.output + $0.errors }.joined()
                let status = try bench.nosocks(["status", "--json", one.folder.text])
                try await status.ending()
                let all = list + said + refused.errors + status.output + status.errors
                let leaks = [text, wrong].filter { all.contains($0) }
                #expect(leaks.isEmpty)
                // Nor in any file of the folders'.
                let kept = try await bench.run("grep", "-rl", "-e", text, "-e", wrong, "hub", "one", "guest").output
                #expect(kept == "")
            }
        }

        @Test("a token for reading changes nothing, and says so")
        func reading() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("1", to: "file")
                try await hub.wait()
                let (writing, _) = try await token(bench, "add", "writer", "hub")
                let (reading, _) = try await token(bench, "add", "--role", "read", "reader", "hub")
                let writer = try await bench.peer("writer", of: hub, ["--token-file", writing])
                let reader = try await bench.peer("reader", of: hub, ["--token-file", reading])
                try reader.folder.write("mine", to: "own")
                try reader.folder.write("mine", to: "file")
                try await reader.program.hears("problem", path: "file")
                try writer.folder.write("2", to: "other")
                try await eventually("the reader to have it") { reader.folder.exists("other") }
                #expect(!hub.folder.exists("own"))
                #expect(try hub.folder.text("file") == "1")
                #expect(try await reader.stop() == 0)

                let status = try await once(bench, hub, ["--token-file", reading]).status
                #expect(status == 0)
                try bench.folder.write("mine", to: "guest/new")
                let refused = try await once(bench, hub, ["--token-file", reading])
                #expect(refused.status == 6)
                #expect(refused.errors.contains("new"))
            }
        }

        @Test("a revoked or rotated token is out at once, and the others stay")
        func revoking() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let (first, _) = try await token(bench, "add", "first", "hub")
                let (second, _) = try await token(bench, "add", "second", "hub")
                let (third, _) = try await token(bench, "add", "third", "hub")
                let one = try await bench.peer("one", of: hub, ["--token-file", first])
                let two = try await bench.peer("two", of: hub, ["--token-file", second])
                let three = try await bench.peer("three", of: hub, ["--token-file", third])
                #expect(try await bench.nosocks(["token", "revoke", "first", "hub"]).ending() == 0)
                #expect(try await one.program.ending() == 6)
                let (fresh, _) = try await token(bench, "rotate", "second", "hub")
                #expect(try await two.program.ending() == 6)
                #expect(try await once(bench, hub, ["--token-file", fresh]).status == 0)
                try three.folder.write("still here", to: "file")
                try await settle(hub, three)

                let list = try bench.nosocks(["token", "list", "hub"])
                #expect(try await list.ending() == 0)
                #expect(list.output.split(separator: "\n").map { $0.prefix { $0 != "\t" } } == ["second", "third"])
                #expect(try await bench.nosocks(["token", "revoke", "first", "hub"]).ending() == 1)
                #expect(try await bench.nosocks(["token", "add", "third", "hub"]).ending() == 1)
                #expect(try await bench.nosocks(["token", "add", "a b", "hub"]).ending() == 2)
                #expect(try await bench.nosocks(["token", "list", "guest/nowhere"]).ending() == 1)
            }
        }

        @Test("when a token's command has ended, a hub that runs knows; where none does, nobody is waited for")
        func atOnce() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                for number in 0..<2 {
                    let (_, text) = try await token(bench, "add", "t\(number)", "hub")
                    let listener = try await EventListener.follow(port: hub.port, token: text)
                    try await listener.hears("in-sync")
                    let (_, fresh) = try await token(bench, "rotate", "t\(number)", "hub")
                    #expect(try await EventListener.refusal(port: hub.port, token: text) == 401)
                    let again = try await EventListener.follow(port: hub.port, token: fresh)
                    try await again.hears("in-sync")
                    #expect(try await bench.nosocks(["token", "revoke", "t\(number)", "hub"]).ending() == 0)
                    #expect(try await EventListener.refusal(port: hub.port, token: fresh) == 401)
                    _ = try await again.closing()
                }
                try hub.program.signal(SIGSTOP)
                let unheard = try bench.nosocks(["token", "add", "late", "hub"])
                #expect(try await unheard.ending() == 0)
                #expect(unheard.errors.split(separator: "\n").count == 1)
                #expect(unheard.errors.contains("does not say that it has read this"))
                #expect(unheard.output.count == 65)
                try hub.program.signal(SIGCONT)
                // It has now, and so has it of what was before.
                #expect(try await bench.nosocks(["token", "add", "next", "hub"]).ending() == 0)
                let late = String(unheard.output.dropLast())
                try await EventListener.follow(port: hub.port, token: late).hears("in-sync")
                #expect(try await hub.stop() == 0)
                let alone = try bench.nosocks(["token", "add", "later", "hub"])
                #expect(try await alone.ending() == 0)
                #expect(alone.errors == "")
            }
        }

        @Test("a hub that has only begun lets in who was let in meanwhile, and is not ended by being told")
        func whileItBegins() async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("hub")
                // It holds the folder, and waits for its own token.
                try bench.folder.makeFifo("given")
                let hub = try bench.nosocks([
                    "hub", "--json", "--listen", "127.0.0.1:0", "--token-file", "given", "hub",
                ])
                try await eventually("the hub to hold its folder") {
                    (try? bench.folder.text("hub/.nosocks/lock").isEmpty) == false
                }
                let adding = try bench.nosocks(["token", "add", "early", "hub"])
                #expect(try await adding.ending() == 0)
                #expect(adding.errors == "")
                let given = String(repeating: "ab", count: 32)
                try bench.folder.write(given, to: "secret")
                try await bench.shell("cat secret > given", in: bench.folder)
                let url = try #require(try await hub.hears("listening").url)
                let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
                for token in [String(adding.output.dropLast()), given] {
                    try await EventListener.follow(port: port, token: token).hears("in-sync")
                }
            }
        }

        @Test("whoever guesses waits longer and longer")
        func guessing() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let (_, text) = try await token(bench, "add", "laptop", "hub")
                let upgrade = [
                    "Host: localhost", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: nosocks.1",
                ]
                func ask(_ token: String) async throws -> String {
                    let lines = upgrade + ["Connection: Upgrade", "Authorization: Bearer \(token)"]
                    return try await RawClient.request(port: hub.port, "GET /", lines.joined(separator: "\r\n"))
                }
                let wrong = String(repeating: "0", count: 64)
                for _ in 0..<5 { #expect(try await ask(wrong).hasPrefix("HTTP/1.1 401")) }
                // The wait doubles with each further failure, so that it outlasts a question even on a slow machine.
                var slowed = ""
                for _ in 0..<8 where !slowed.hasPrefix("HTTP/1.1 429") {
                    while try await !ask(wrong).hasPrefix("HTTP/1.1 429") {}
                    slowed = try await ask(text)
                }
                #expect(slowed.hasPrefix("HTTP/1.1 429"))
                #expect(slowed.contains("retry-after: "))
                #expect(!slowed.contains(text))
            }
        }

        @Test("a web page gets in only by its name, and no name but loopback's reaches a hub without tokens")
        func pages() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--allow-origin", "https://good.example"])
                func ask(_ lines: String...) async throws -> Substring {
                    let upgrade = [
                        "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Connection: Upgrade",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: other",
                    ]
                    return try await RawClient.request(
                        port: hub.port, "GET /", (lines + upgrade).joined(separator: "\r\n")
                    ).prefix(12)
                }
                // 400: it got as far as the subprotocol, which is none of ours.
                #expect(try await ask("Host: localhost") == "HTTP/1.1 400")
                #expect(try await ask("Host: 127.0.0.1:\(hub.port)") == "HTTP/1.1 400")
                #expect(try await ask("Host: [::1]:80") == "HTTP/1.1 400")
                #expect(try await ask("Host: localhost", "Origin: https://good.example") == "HTTP/1.1 400")
                #expect(try await ask("Host: localhost", "Origin: https://bad.example") == "HTTP/1.1 403")
                #expect(try await ask("Host: localhost", "Origin: null") == "HTTP/1.1 403")
                #expect(try await ask("Host: rebound.example") == "HTTP/1.1 421")
                #expect(try await ask("Host: 127.0.0.1.rebound.example") == "HTTP/1.1 421")
                #expect(try await ask("Host: 10.1.2.3") == "HTTP/1.1 421")
            }
        }

        @Test("plain HTTP gets a proper answer")
        func plain() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let answers = [
                    ("GET /", "HTTP/1.1 200"), ("HEAD /", "HTTP/1.1 200"), ("GET /?a", "HTTP/1.1 200"),
                    ("GET /favicon.ico", "HTTP/1.1 404"), ("POST /", "HTTP/1.1 405"), ("DELETE /x", "HTTP/1.1 405"),
                ]
                for (line, status) in answers {
                    let answer = try await RawClient.request(port: hub.port, line, "Host: localhost")
                    #expect(answer.hasPrefix(status), "\(line)")
                    #expect(answer.hasSuffix("\r\n\r\n") == line.hasPrefix("HEAD"), "\(line)")
                }
                // Somebody between took the rest of a WebSocket's request.
                let stripped = try await RawClient.request(
                    port: hub.port, "GET /", "Host: localhost", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
                #expect(stripped.hasPrefix("HTTP/1.1 426"))
            }
        }

        @Test("a hub that is only for reading takes nothing, and one that is full nobody")
        func limits() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--read-only", "--max-peers", "1"])
                try hub.folder.write("text", to: "file")
                let one = try await bench.peer("one", of: hub)
                try one.folder.write("mine", to: "own")
                try await one.program.hears("problem", path: "own")
                #expect(!hub.folder.exists("own"))
                let full = try await once(bench, hub)
                #expect(full.status == 7)
                #expect(full.errors.contains("1 peers"))
            }
        }
    }
}
