import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("Through a proxy")
    struct Proxies {
        private func environment(_ settings: String...) -> [String] { ["/usr/bin/env"] + settings }

        private func once(
            _ bench: Bench, _ url: String, _ words: [String] = [], under prefix: [String]
        ) async throws -> (status: Program.Status, errors: String) {
            let program = try bench.start(prefix + [Binary.nosocks, "join", "--once", url, "guest"] + words)
            return (try await program.ending(), program.errors)
        }

        // MARK: It works

        @Test(
            "a live session passes by CONNECT or SOCKS, whatever variable says so",
            arguments: ["http_proxy=http://", "ALL_PROXY=", "all_proxy=socks5h://"])
        func plain(setting: String) async throws {
            try await Bench.run { bench in
                let proxy = try await TestProxy()
                let hub = try await bench.hub()
                try hub.folder.writeRandom(2_000_000, to: "large")
                let url = "ws://localhost:\(hub.port)"
                let one = try Replica(
                    at: bench, name: "one", hub: hub, url: url, prefix: environment(setting + proxy.address))
                try await one.join()
                try one.folder.write("from here", to: "one")
                try hub.folder.write("from there", to: "two")
                try await settle(hub, one)
                #expect(proxy.asked == ["localhost:\(hub.port)"])
                let variable = setting.prefix { $0 != "=" }
                #expect(try one.program.errors.contains("goes through the proxy at "))
                #expect(try one.program.errors.contains("\(proxy.address) (\(variable))"))
                #expect(try await one.stop() == 0)
                try await proxy.stop()
            }
        }

        @Test("TLS with the hub, its pin and the token pass inside the tunnel, and the proxy resolves the name")
        func secure() async throws {
            try await Bench.run { bench in
                let proxy = try await TestProxy()
                let folder = bench.folder.folder("hub")
                try folder.makeDirectory()
                let hub = try bench.nosocks(["hub", "hub", "--json", "--listen", "0.0.0.0:0"])
                let port = try await hub.hears("listening").url?.split(separator: ":").last.map(String.init) ?? ""
                try await hub.hears("in-sync")
                let pin = hub.errors.split(separator: " ").first { $0.hasPrefix("sha256:") }.map(String.init) ?? ""
                let url = "wss://hub.example:\(port)"
                let options = ["--pin", pin, "--token-file", "\(folder.text)/.nosocks/token"]
                let one = try Replica(
                    at: bench, name: "one", options: options, url: url,
                    prefix: environment("HTTPS_PROXY=http://\(proxy.address)", "http_proxy=http://127.0.0.1:1"))
                try await one.join()
                try one.folder.writeRandom(2_000_000, to: "large")
                try await eventually("both to be the same") {
                    try folder.exists("large") && folder.differences(from: one.folder).isEmpty
                }
                #expect(proxy.asked == ["hub.example:\(port)"])
                #expect(try await one.stop() == 0)

                let other = "sha256:" + String(repeating: "0", count: 64)
                let wrong = try await once(
                    bench, url, ["--pin", other], under: environment("HTTPS_PROXY=\(proxy.address)"))
                #expect(wrong.status == 6)
                #expect(wrong.errors.contains(pin))
                try await proxy.stop()
            }
        }

        @Test("user name and password open it, and are nowhere to be read")
        func login() async throws {
            try await Bench.run { bench in
                let proxy = try await TestProxy()
                // "me@home:s3cret:/word", as RFC 7617 has it.
                proxy.demand(authorization: "Basic bWVAaG9tZTpzM2NyZXQ6L3dvcmQ=")
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "file")
                try await hub.wait()
                let right = environment("http_proxy=http://me%40home:s3cret%3A%2Fword@\(proxy.address)")
                let inside = try await once(bench, hub.url, ["-v", "-v"], under: right)
                #expect(inside.status == 0)
                #expect(try bench.folder.text("guest/file") == "text")
                #expect(inside.errors.contains("\(proxy.address) (http_proxy)"))

                let wrong = environment("http_proxy=http://me%40home:s3cret@\(proxy.address)")
                let refused = try await once(bench, hub.url, ["-v", "-v"], under: wrong)
                #expect(refused.status == 7)
                let name = "the proxy at \(proxy.address) (http_proxy)"
                #expect(refused.errors.contains("\(name) does not accept the user name and password: 407 "))
                for secret in ["s3cret", "czNjcmV0"] {
                    #expect(!(inside.errors + refused.errors).contains(secret))
                }

                let without = try await once(bench, hub.url, under: environment("http_proxy=http://\(proxy.address)"))
                #expect(without.status == 7)
                #expect(without.errors.contains("\(name) wants a user name and password: 407 Proxy Authentication"))
                #expect(without.errors.contains("NO_PROXY"))
                try await proxy.stop()
            }
        }

        @Test("what NO_PROXY lists is reached without it, and so is what no variable speaks of")
        func exceptions() async throws {
            try await Bench.run { bench in
                let proxy = try await TestProxy()
                let hub = try await bench.hub()
                let all = "ALL_PROXY=http://\(proxy.address)"
                for settings in [
                    [all, "NO_PROXY=example.org, 127.0.0.0/8"], [all, "no_proxy=127.0.0.1:\(hub.port)"],
                    ["HTTPS_PROXY=http://\(proxy.address)", "HTTP_PROXY=http://\(proxy.address)"],
                ] {
                    #expect(try await once(bench, hub.url, under: ["/usr/bin/env"] + settings).status == 0)
                }
                #expect(proxy.asked == [])
                let others = environment(all, "NO_PROXY=example.org,10.0.0.0/8,127.0.0.1:1")
                #expect(try await once(bench, hub.url, under: others).status == 0)
                #expect(proxy.asked == ["127.0.0.1:\(hub.port)"])
                try await proxy.stop()
            }
        }

        // MARK: It does not

        @Test(
            "a proxy that does not lead there is named, with its reason, and may be tried again",
            arguments: [
                ("403 Forbidden", "refuses to connect to 127.0.0.1:"), ("403 Forbidden", ": 403 Forbidden"),
                ("502 Bad Gateway", "cannot connect to 127.0.0.1:"),
            ])
        func refused(status: String, words: String) async throws {
            try await Bench.run { bench in
                let proxy = try await TestProxy()
                proxy.answer(status)
                let hub = try await bench.hub()
                let (ended, errors) = try await once(
                    bench, hub.url, under: environment("all_proxy=\(proxy.address)"))
                #expect(ended == 7)
                #expect(errors.contains("the proxy at \(proxy.address) (all_proxy) "))
                #expect(errors.contains(words))
                #expect(proxy.asked == ["127.0.0.1:\(hub.port)"])
                try await proxy.stop()

                let gone = try await once(bench, hub.url, under: environment("all_proxy=\(proxy.address)"))
                #expect(gone.status == 7)
                #expect(gone.errors.contains("(all_proxy) cannot be reached: Connection refused"))
            }
        }

        @Test(
            "a variable that names no proxy is named itself, before anything is made",
            arguments: ["ftp://me:s3cret@127.0.0.1:1", "http://me:s3cret@:1", "http://me:s3cret/@127.0.0.1:1"])
        func malformed(value: String) async throws {
            try await Bench.run { bench in
                let (ended, errors) = try await once(
                    bench, "ws://127.0.0.1:1", under: environment("ALL_PROXY=\(value)"))
                #expect(ended == 2)
                #expect(errors.contains("ALL_PROXY names no proxy: "))
                #expect(errors.contains("http://HOST:PORT"))
                #expect(!errors.contains("s3cret"))
                #expect(!bench.folder.exists("guest"))
            }
        }

        @Test("a token goes through a proxy elsewhere in the clear only where that is asked for")
        func clear() async throws {
            try await Bench.run { bench in
                try bench.folder.write(String(repeating: "0", count: 64), to: "token")
                try bench.folder.setMode(0o600, of: "token")
                let (ended, errors) = try await once(
                    bench, "ws://127.0.0.1:1", ["--token-file", "token"],
                    under: environment("http_proxy=http://proxy.example:3128"))
                #expect(ended == 2)
                #expect(errors.contains("--insecure"))
                #expect(errors.contains("the proxy at proxy.example:3128 (http_proxy)"))
            }
        }

        // MARK: It comes and goes

        @Test("a proxy that dies in the middle of it all is waited for, and nothing is lost")
        func restarted() async throws {
            try await Bench.run { bench in
                let proxy = try await TestProxy()
                let hub = try await bench.hub()
                let one = try Replica(
                    at: bench, name: "one", hub: hub, url: hub.url,
                    prefix: environment("all_proxy=\(proxy.address)"))
                try await one.join()
                try one.folder.writeRandom(8_000_000, to: "large-of-one")
                try hub.folder.writeRandom(8_000_000, to: "large-of-hub")
                try await proxy.stop()
                try await one.program.hears("disconnected")
                try one.folder.write("meanwhile", to: "of-one")
                try hub.folder.write("meanwhile", to: "of-hub")
                try await eventually("word of it", state: { (try? one.program.errors) ?? "" }) {
                    try one.program.errors.contains("(all_proxy) cannot be reached: Connection refused")
                }
                try await proxy.start()
                try await settle(hub, one)
                #expect(proxy.asked.count >= 2)
                #expect(try await one.stop() == 0)
                try await proxy.stop()
            }
        }

        @Test("a proxy that comes back with other rules says so, even to who waits already")
        func changed() async throws {
            try await Bench.run { bench in
                let proxy = try await TestProxy()
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "file")
                proxy.answer("403 Forbidden")
                let one = try Replica(
                    at: bench, name: "one", hub: hub, url: hub.url,
                    prefix: environment("all_proxy=\(proxy.address)"))
                let program = try one.start()
                for status in ["403 Forbidden", "407 Proxy Authentication Required"] {
                    proxy.answer(status)
                    try await eventually("word of \(status)", state: { program.errors }) {
                        program.errors.contains(status)
                    }
                }
                proxy.answer("200 OK")
                try await program.hears("in-sync")
                try await settle(hub, one)
                #expect(program.errors.split(separator: "403 Forbidden", omittingEmptySubsequences: false).count == 2)
                #expect(try await one.stop() == 0)
                try await proxy.stop()
            }
        }
    }
}
