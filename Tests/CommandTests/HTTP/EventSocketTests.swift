import NIOHTTP1
import Testing

extension Commands {
    @Suite("A hub followed over a WebSocket")
    struct EventSockets {
        @Test("each change is one line, once, and since goes on right behind what was seen")
        func resuming() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let first = try await EventListener.follow(port: hub.port)
                let greeting = try await first.hears("\"event\":\"connected\"", "\"hub\":\"hub\"")
                #expect(first.subprotocol == "nosocks.events.1")
                try await first.hears("\"event\":\"in-sync\"")
                for number in 1...5 {
                    try hub.folder.write("\(number)", to: "f\(number)")
                    try await hub.wait()
                }
                try await first.hears("\"event\":\"created\"", "\"path\":\"f5\"", "\"kind\":\"file\"")
                first.close()
                _ = try await first.closing()
                let changes = first.lines.filter { $0.contains("\"revision\":") }
                #expect(Set(changes).count == changes.count)
                #expect(Set(changes.compactMap { $0.firstMatch(of: /"path":"([^"]*)"/)?.1 }).count == 5)

                // Meanwhile nobody looks.
                try hub.folder.remove("f2")
                try hub.folder.write("6", to: "f6")
                try await hub.wait()
                let epoch = try #require(greeting.firstMatch(of: /"cursor":"([0-9a-f]{16}):/)?.1)
                let last = try #require(changes.last?.firstMatch(of: /"revision":([0-9]+)/)?.1)
                let second = try await EventListener.follow(port: hub.port, "/events?since=\(epoch):\(last)")
                try await second.hears("\"event\":\"in-sync\"")
                try await second.hears("\"event\":\"deleted\"", "\"path\":\"f2\"")
                try await second.hears("\"event\":\"created\"", "\"path\":\"f6\"")
                #expect(!second.lines.contains { $0.contains("\"path\":\"f5\"") })
                let all = try await EventListener.follow(port: hub.port, "/events?since=0")
                try await all.hears("\"event\":\"in-sync\"")
                #expect(all.lines.count { $0.contains("\"event\":\"created\"") } == 5)

                let stranger = try await EventListener.follow(port: hub.port, "/events?since=0000000000000001:1")
                #expect(try await stranger.closing() == 4410)
                #expect(stranger.lines == [])
                #expect(try await EventListener.refusal(port: hub.port, "/events?since=x") == 400)
                // Nothing is asked for here.
                second.say("hello")
                #expect(try await second.closing() == 1008)
                #expect(try await hub.stop() == 0)
                #expect(try await all.closing() == 1001)
            }
        }

        @Test("who comes and goes and what is wrong is told as it happens, and the status has how things stand")
        func notices() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let listener = try await EventListener.follow(port: hub.port)
                try await listener.hears("\"event\":\"in-sync\"")
                let one = try await bench.peer("one", of: hub, ["--name", "o\"ne"])
                try await listener.hears("\"by\":\"o\\\"ne\"", "\"event\":\"peer-joined\"")
                try hub.folder.write("text", to: "report.conflict-one-0123abcd.txt")
                _ = try await bench.shell("mkfifo pipe", in: hub.folder)
                try await listener.hears("\"event\":\"problem\"", "\"path\":\"pipe\"", "fifo")
                try await hub.wait(all: true)
                let answer = try await Curl(bench: bench, hub: hub).ask("/status")
                #expect(answer.headers["content-type"] == "application/json")
                #expect(answer.headers["cache-control"] == "no-store")
                for part in [
                    "\"name\":\"hub\"", "\"peers\":[{\"applied\":1,\"lag\":0,\"name\":\"o\\\"ne\",\"readOnly\":false}]",
                    "\"conflictCopies\":[{\"path\":\"report.conflict-one-0123abcd.txt\"}]", "\"conflicts\":1",
                    "\"entries\":1", "\"bytes\":4", "\"held\":[]", "\"cursor\":\"",
                ] { #expect(answer.text.contains(part), "\(part) in \(answer.text)") }
                // Nothing of the machine that it runs on.
                for part in ["process", "127.0.0.1", "url"] { #expect(!answer.text.contains(part), "\(part)") }
                try await one.stop()
                try await listener.hears("\"by\":\"o\\\"ne\"", "\"event\":\"peer-left\"")
                #expect(!listener.lines.contains { $0.contains("127.0.0.1") })
            }
        }

        @Test("the hub's own page may look, and change nothing; a page of another origin may not even look")
        func origins() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub(["--allow-origin", "https://good.example"])
                let curl = Curl(bench: bench, hub: hub)
                for (origin, status) in [
                    (curl.url, 101), ("https://good.example", 101), ("https://bad.example", 403), ("null", 403),
                    ("http://127.0.0.1:\(hub.port + 1)", 403),
                ] {
                    let seen = try await EventListener.refusal(port: hub.port, headers: ["origin": origin])
                    #expect(seen == status, "\(origin)")
                    let look = try await curl.ask("/status", "-H", "Origin: \(origin)").status
                    #expect(look == (status == 101 ? 200 : 403), "\(origin)")
                }
                let crossing = try await EventListener.refusal(
                    port: hub.port, headers: ["origin": curl.url, "sec-fetch-site": "same-site"])
                #expect(crossing == 403)
                // A name that was made to lead here.
                let rebound = ["-H", "Host: rebound.example", "-H", "Origin: http://rebound.example"]
                #expect(try await curl.ask("/status", rebound).status == 421)
                // What can change things is for peers.
                #expect(try await curl.put("x", "/files/x", "-H", "Origin: \(curl.url)").status == 403)
                let peer = try await RawClient.request(
                    port: hub.port, "GET /", "Host: 127.0.0.1:\(hub.port)", "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: \(curl.url)",
                    "Sec-WebSocket-Protocol: nosocks.1", "Connection: Upgrade")
                #expect(peer.hasPrefix("HTTP/1.1 403"))
            }
        }

        @Test("a token comes in a header or as an offer, is never said back, and wrong ones are slowed down")
        func tokens() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub(["-v"])
                func add(_ name: String) async throws -> String {
                    let text = try await bench.run([Binary.nosocks, "token", "add", "--role", "read", name, "hub"])
                        .output
                    return String(text.prefix { $0 != "\n" })
                }
                let (kept, lost) = try await (add("kept"), add("lost"))
                let header = try await EventListener.follow(
                    port: hub.port, headers: ["authorization": "Bearer \(kept)"])
                let offer = try await EventListener.follow(port: hub.port, token: lost)
                #expect(offer.subprotocol == "nosocks.events.1")
                for listener in [header, offer] { try await listener.hears("\"event\":\"in-sync\"") }
                let stream = try bench.start(
                    ["curl", "-sN", "-H", "Authorization: Bearer \(lost)", "http://127.0.0.1:\(hub.port)/events"])
                try await eventually("a stream") { stream.output.contains("in-sync") }

                // Out at once, and the others stay.
                try await bench.run(Binary.nosocks, "token", "revoke", "lost", "hub")
                #expect(try await offer.closing() == 1008)
                #expect(try await stream.ending() == 0)
                try hub.folder.write("text", to: "file")
                try await header.hears("\"path\":\"file\"")

                #expect(try await EventListener.refusal(port: hub.port) == 401)
                #expect(try await EventListener.refusal(port: hub.port, token: "x") == 401)
                var seen: [Int] = []
                for _ in 0..<6 { seen.append(try await EventListener.refusal(port: hub.port, token: lost)) }
                #expect(seen == [401, 401, 401, 401, 401, 401])
                // The wait doubles with each further failure, so that it outlasts a question even on a slow machine.
                var slowed = 0
                for _ in 0..<8 where slowed != 429 {
                    while try await EventListener.refusal(port: hub.port, token: lost) != 429 {}
                    slowed = try await EventListener.refusal(port: hub.port, token: kept)
                }
                #expect(slowed == 429)
                let said = try hub.program.output + hub.program.errors
                #expect(!said.contains(kept) && !said.contains(lost))
            }
        }

        @Test("followers who come and go leave nothing behind")
        func leaving() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let port = hub.port
                func come(_ rounds: Int) async throws {
                    for _ in 0..<rounds {
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for _ in 0..<50 {
                                group.addTask {
                                    let listener = try await EventListener.follow(port: port)
                                    try await listener.hears("in-sync")
                                    listener.close()
                                    _ = try await listener.closing()
                                }
                            }
                            try await group.waitForAll()
                        }
                    }
                }
                // What is allocated once, for all of them.
                try await come(20)
                let memory = try Memory(of: hub.program)
                guard let before = memory.own else { return }
                try await come(100)
                // Half a kibibyte each would be 2.5 MiB.
                let after = memory.own ?? before
                #expect(after - before <= 1, "\(before) MiB, and then \(after)")
            }
        }

        @Test("the page is there for everybody, and holds nothing; what it asks for wants the token")
        func page() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "a-name-of-ours")
                try await bench.run(Binary.nosocks, "token", "add", "one", "hub")
                let curl = Curl(bench: bench, hub: hub)
                let page = try await curl.ask("/")
                #expect(page.status == 200)
                #expect(page.headers["content-type"] == "text/html; charset=utf-8")
                #expect(page.headers["referrer-policy"] == "no-referrer")
                #expect(page.headers["x-content-type-options"] == "nosniff")
                #expect(page.headers["content-security-policy"]?.contains("frame-ancestors 'none'") == true)
                #expect(page.text.hasSuffix("</script>\n"))
                #expect(!page.text.contains("a-name-of-ours"))
                let tag = try #require(page.headers["etag"])
                #expect(try await curl.ask("/", "-H", "If-None-Match: \(tag)").status == 304)
                #expect(try await curl.ask("/", "--compressed").body == page.body)
                for target in ["/status", "/files/", "/files/a-name-of-ours", "/events"] {
                    #expect(try await curl.ask(target).status == 401, "\(target)")
                }
            }
        }
    }
}
