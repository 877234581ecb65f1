import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("Beyond loopback")
    struct Secure {
        /// A hub in the open, and what it told of how to join it.
        private struct OpenHub {
            let program: Program
            let folder: Folder
            let url: String
            let pin: String

            var token: String { "\(folder.text)/.nosocks/token" }
        }

        private func hub(
            _ bench: Bench, named name: String = "hub", _ options: [String]
        ) async throws -> OpenHub {
            let folder = bench.folder.folder(Name(stringLiteral: name))
            if !folder.exists() { try folder.makeDirectory() }
            let program = try bench.nosocks(["hub", name, "--json", "--name", name] + options)
            let told = try await program.hears("listening").url ?? ""
            try await program.hears("in-sync")
            let pin = program.errors.split(separator: " ").first { $0.hasPrefix("sha256:") }
            // What listens at every address listens at this one, too.
            let url = told.replacing("0.0.0.0", with: "127.0.0.1")
            return OpenHub(program: program, folder: folder, url: url, pin: pin.map(String.init) ?? "")
        }

        private func once(_ bench: Bench, _ url: String, _ words: String...) async throws -> (
            status: Program.Status, errors: String
        ) {
            let program = try bench.nosocks(["join", "--once", url] + words)
            return (try await program.ending(), program.errors)
        }

        @Test("a hub makes its certificate and its first token, and who has both is in")
        func firstStart() async throws {
            try await Bench.run { bench in
                let hub = try await hub(bench, ["--listen", "0.0.0.0:0"])
                #expect(hub.url.hasPrefix("wss://"))
                for name in ["token", "tokens", "key.pem"] as [Name] {
                    #expect(try hub.folder.item(".nosocks/\(name)").mode == 0o600)
                }
                try hub.folder.writeRandom(3_000_000, to: "large")
                let pinned = ["--pin", hub.pin]
                let one = try Replica(
                    at: bench, name: "one", options: pinned + ["--token-file", hub.token], url: hub.url)
                try await one.join()
                try one.folder.write("text", to: "small")
                try await eventually("both to be the same") {
                    try hub.folder.exists("small") && hub.folder.differences(from: one.folder).isEmpty
                }
                #expect(try await one.stop() == 0)

                #expect(try await once(bench, hub.url, "one", "--token-file", hub.token).status == 0)
                let tokenless = try await once(bench, hub.url, "two", "--pin", hub.pin)
                #expect(tokenless.status == 6)
                #expect(tokenless.errors.contains("--token-file"))
            }
        }

        @Test("who revokes the last token lets nobody in, not everybody", arguments: ["0.0.0.0:0", "127.0.0.1:0"])
        func lastToken(address: String) async throws {
            try await Bench.run { bench in
                let hub = try await hub(bench, ["--listen", address, "--insecure"])
                if address.hasPrefix("127") {
                    #expect(try await bench.nosocks(["token", "add", "first", "hub"]).ending() == 0)
                }
                #expect(try await once(bench, hub.url, "one").status == 6)
                #expect(try await bench.nosocks(["token", "revoke", "first", "hub"]).ending() == 0)
                #expect(try await once(bench, hub.url, "one").status == 6)
            }
        }

        @Test("a certificate that nobody vouches for is refused, unless it is pinned or the first")
        func pins() async throws {
            try await Bench.run { bench in
                let hub = try await hub(bench, ["--listen", "0.0.0.0:0"])
                let stranger = try await once(bench, hub.url, "one", "--token-file", hub.token)
                #expect(stranger.status == 6)
                #expect(stranger.errors.contains("self-signed"))
                let other = "sha256:" + String(repeating: "0", count: 64)
                let wrong = try await once(bench, hub.url, "one", "--token-file", hub.token, "--pin", other)
                #expect(wrong.status == 6)
                #expect(wrong.errors.contains(hub.pin) && wrong.errors.contains(other))
                #expect(!bench.folder.folder("one").exists(".nosocks/pin"))

                let first = try await once(bench, hub.url, "one", "--token-file", hub.token, "--trust-on-first-use")
                #expect(first.status == 0)
                #expect(try bench.folder.text("one/.nosocks/pin") == hub.pin + "\n")
                #expect(try await once(bench, hub.url, "one", "--token-file", hub.token).status == 0)

                // Another hub at the same place: the same words, and nothing is sent.
                let port = hub.url.split(separator: ":").last.map(String.init) ?? ""
                hub.program.signal(SIGTERM)
                try await hub.program.ending()
                for name in ["key.pem", "certificate.pem"] as [Name] { try hub.folder.remove(".nosocks/\(name)") }
                let renewed = try await self.hub(bench, ["--listen", "0.0.0.0:\(port)"])
                #expect(renewed.pin != hub.pin)
                let again = try await once(bench, hub.url, "one", "--token-file", hub.token, "--trust-on-first-use")
                #expect(again.status == 6)
                #expect(again.errors.contains("NOT CONNECTED"))
                #expect(!renewed.program.output.contains("peer-joined"))
                #expect(
                    try await once(bench, hub.url, "one", "--token-file", hub.token, "--pin", renewed.pin).status == 0)
            }
        }

        @Test("a given certificate is read again on a hang-up, and who is in stays")
        func given() async throws {
            try await Bench.run { bench in
                let makers = try await [
                    hub(bench, named: "a", ["--listen", "0.0.0.0:0"]),
                    hub(bench, named: "b", ["--listen", "0.0.0.0:0"]),
                ]
                func give(_ maker: OpenHub) throws {
                    for name in ["certificate.pem", "key.pem"] as [Name] {
                        try bench.folder.write(try maker.folder.read(".nosocks/\(name)"), to: name)
                    }
                }
                try give(makers[0])
                let hub = try await hub(
                    bench, ["--listen", "127.0.0.1:0", "--tls-cert", "certificate.pem", "--tls-key", "key.pem"])
                #expect(hub.url.hasPrefix("wss://"))
                let one = try Replica(
                    at: bench, name: "one", options: ["--pin", makers[0].pin], url: hub.url)
                try await one.join()
                try give(makers[1])
                hub.program.signal(SIGHUP)
                try await eventually("the certificate to be read again") { hub.program.errors.contains(makers[1].pin) }
                #expect(try await once(bench, hub.url, "two", "--pin", makers[1].pin).status == 0)
                #expect(try await once(bench, hub.url, "two", "--pin", makers[0].pin).status == 6)
                try one.folder.write("still here", to: "file")
                try await eventually("it to arrive") { hub.folder.exists("file") }
                // One that can't be used changes nothing.
                try bench.folder.write("nonsense", to: "key.pem")
                hub.program.signal(SIGHUP)
                try await eventually("a word of it") { hub.program.errors.contains("the old certificate stays") }
                #expect(try await once(bench, hub.url, "two", "--pin", makers[1].pin).status == 0)
            }
        }

        @Test("behind a proxy a hub speaks plainly, and a token goes in the clear only where that is asked for")
        func insecure() async throws {
            try await Bench.run { bench in
                let hub = try await hub(bench, ["--listen", "0.0.0.0:0", "--insecure"])
                #expect(hub.url.hasPrefix("ws://"))
                #expect(try await once(bench, hub.url, "one", "--token-file", hub.token).status == 0)
                let open = hub.url.replacing("127.0.0.1", with: "0.0.0.0")
                let refused = try await once(bench, open, "one", "--token-file", hub.token)
                #expect(refused.status == 2)
                #expect(refused.errors.contains("--insecure"))
                #expect(try await once(bench, open, "one", "--token-file", hub.token, "--insecure").status == 0)
            }
        }
    }
}
