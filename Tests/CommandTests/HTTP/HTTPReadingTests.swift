import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("A hub read with curl")
    struct HTTPReading {
        @Test("a file comes with its digest, its time and what it is, and HEAD says the same without it")
        func file() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.makeDirectory("a b")
                try hub.folder.write("text\n", to: "a b/ü.txt")
                try hub.folder.setTime(seconds: 784_111_777, nanoseconds: 5, of: "a b/ü.txt")
                try await hub.wait()
                let answer = try await curl.ask("/files/a%20b/%C3%BC.txt")
                #expect(answer.status == 200)
                #expect(answer.text == "text\n")
                #expect(
                    answer.headers["etag"] == "\"b9e68e1bea3e5b19ca6b2f98b73a54b73daafaa250484902e09982e07a12e733\"")
                #expect(answer.headers["last-modified"] == "Sun, 06 Nov 1994 08:49:37 GMT")
                #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
                #expect(answer.headers["content-length"] == "5")
                #expect(answer.headers["x-content-type-options"] == "nosniff")
                #expect(answer.headers["content-security-policy"] == "default-src 'none'; sandbox")
                let head = try await curl.ask("/files/a%20b/%C3%BC.txt", "--head")
                #expect(head.headers == answer.headers)
                #expect(head.status == 200)
            }
        }

        @Test("names are bytes, and what is no path is refused")
        func paths() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.write("bytes", to: Name([0xff, 0xfe]))
                try await hub.wait()
                #expect(try await curl.ask("/files/%ff%fe").text == "bytes")
                let bad = [
                    "/files/../x", "/files/a//b", "/files/%2e%2e/x", "/files/a%2fb", "/files/%00", "/files/%f",
                    "/files/.nosocks/tokens",
                ]
                for target in bad { #expect(try await curl.ask(target).status == 400, "\(target)") }
                #expect(try await curl.ask("/files/nothing").status == 404)
                #expect(try await curl.ask("/elsewhere").status == 404)
            }
        }

        @Test("any part of a file of many chunks comes as it is, and none of what is not there")
        func ranges() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.writeRandom(3_000_000, to: "large")
                try await hub.wait()
                let all = try hub.folder.read("large")
                #expect(try await curl.ask("/files/large").body == all)
                let parts: [(String, Range<Int>)] = [
                    ("0-0", 0..<1), ("70000-2000000", 70_000..<2_000_001), ("-5", 2_999_995..<3_000_000),
                    ("2999999-", 2_999_999..<3_000_000), ("1-9999999", 1..<3_000_000),
                ]
                for (range, bytes) in parts {
                    let answer = try await curl.ask("/files/large", "-r", range)
                    #expect(answer.status == 206)
                    #expect(answer.body == Array(all[bytes]), "\(range)")
                    #expect(
                        answer.headers["content-range"] == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/3000000")
                }
                let beyond = try await curl.ask("/files/large", "-r", "3000000-")
                #expect(beyond.status == 416)
                #expect(beyond.headers["content-range"] == "bytes */3000000")
                let other = try await curl.ask("/files/large", "-r", "0-9", "-H", "If-Range: \"other\"")
                #expect(other.status == 200)
                #expect(other.body == all)
            }
        }

        @Test("what changes while it is on its way comes as it was, or breaks off")
        func changing() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                for name: Name in ["replaced", "overwritten"] { try hub.folder.writeRandom(30_000_000, to: name) }
                try await hub.wait()
                let old = try hub.folder.read("replaced")
                func begin(_ name: Name) async throws -> Program {
                    let program = try bench.start(["curl", "-s", "-o", "\(name)", "\(curl.url)/files/\(name)"])
                    try await eventually("the first bytes") {
                        try bench.folder.exists(name) && bench.folder.status(name).st_size > 0
                    }
                    program.signal(SIGSTOP)
                    return program
                }
                let replaced = try await begin("replaced")
                #expect(try await curl.put("new", "/files/replaced").status == 204)
                replaced.signal(SIGCONT)
                #expect(try await replaced.ending() == 0)
                #expect(try bench.folder.read("replaced") == old)

                let overwritten = try await begin("overwritten")
                try hub.folder.overwrite(String(repeating: "x", count: 100), at: 29_000_000, of: "overwritten")
                overwritten.signal(SIGCONT)
                // A part of the body is missing.
                #expect(try await overwritten.ending() == 18)
                #expect(try bench.folder.status("overwritten").st_size < 30_000_000)
            }
        }

        @Test("who has a version is not sent it again, and who wants another one is told so")
        func conditions() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.write("text", to: "file")
                try await hub.wait()
                let first = try await curl.ask("/files/file")
                let tag = try #require(first.headers["etag"])
                let time = try #require(first.headers["last-modified"])
                let known = try await curl.ask("/files/file", "-H", "If-None-Match: \"x\", W/\(tag)")
                #expect(known.status == 304)
                #expect(known.body == [])
                #expect(known.headers["etag"] == tag)
                #expect(try await curl.ask("/files/file", "-H", "If-Modified-Since: \(time)").status == 304)
                let both = ["-H", "If-Modified-Since: \(time)", "-H", "If-None-Match: \"x\""]
                #expect(try await curl.ask("/files/file", both).status == 200)
                #expect(try await curl.ask("/files/file", "-H", "If-Match: \(tag)").status == 200)
                #expect(try await curl.ask("/files/file", "-H", "If-Match: \"x\"").status == 412)
            }
        }

        @Test("a listing is JSON of what is in a directory, or in all of it")
        func listings() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.makeDirectory("sub")
                try hub.folder.write("1", to: "sub/one")
                try hub.folder.write("2", to: Name([0xff]))
                try hub.folder.link("link", to: "sub/one")
                for number in 0..<600 { try hub.folder.write("", to: "n\(1000 + number)") }
                try await hub.wait()
                func paths(_ target: String) async throws -> [String] {
                    let answer = try await curl.ask(target)
                    #expect(answer.headers["content-type"] == "application/json")
                    return try Listed.all(answer.body).map { $0.kind + " " + ($0.path_b64 ?? $0.path) }
                }
                let top = try await paths("/files/")
                #expect(top.count == 603)
                #expect(Set(top).isSuperset(of: ["directory sub", "symlink link", "file /w=="]))
                #expect(try await paths("/files/sub/") == ["file sub/one"])
                #expect(try await paths("/files/?recursive").count == 604)
                #expect(try await curl.ask("/files/sub").headers["location"] == "/files/sub/")
                #expect(try await curl.ask("/files/link/").status == 404)
                let lines = try await curl.ask("/files/sub/", "-H", "Accept: application/x-ndjson").text
                #expect(lines.hasPrefix("{") && lines.hasSuffix("}\n") && lines.split(separator: "\n").count == 1)
            }
        }

        @Test("text comes compressed to who accepts that, under a tag of its own that is good for a condition as well")
        func compression() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                let text = String(repeating: "all work and no play\n", count: 50_000)
                try hub.folder.write(text, to: "file.txt")
                try hub.folder.write(text, to: "file.png")
                try await hub.wait()
                let raw = try await curl.ask("/files/file.txt", "-H", "Accept-Encoding: gzip")
                #expect(raw.headers["content-encoding"] == "gzip")
                #expect(raw.headers["vary"] == "accept-encoding")
                #expect(raw.body.count < 20_000)
                let plain = try await curl.ask("/files/file.txt", "--compressed")
                #expect(plain.text == text)
                let tag = try #require(plain.headers["etag"])
                #expect(tag.hasSuffix("-gzip\""))
                #expect(try await curl.ask("/files/file.txt", "-H", "If-None-Match: \(tag)").status == 304)
                #expect(try await curl.ask("/files/file.txt").body.count == text.utf8.count)
                let part = try await curl.ask("/files/file.txt", "--compressed", "-r", "0-9")
                #expect(part.text == "all work a")
                #expect(try await curl.ask("/files/file.png", "--compressed").headers["content-encoding"] == nil)
                let listing = try await curl.ask("/files/", "--compressed")
                #expect(listing.headers["content-encoding"] == "gzip")
                #expect(try Listed.all(listing.body).count == 2)
                #expect(try await curl.put("new", "/files/file.txt", "-H", "If-Match: \(tag)").status == 204)
            }
        }

        @Test("a token lets in as a peer's does, as a bearer's or as a password, and without one nothing is told")
        func tokens() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.write("text", to: "file")
                try await hub.wait()
                func token(_ words: String...) async throws -> String {
                    let program = try await bench.run([Binary.nosocks, "token", "add"] + words + ["hub"])
                    return String(program.output.dropLast())
                }
                let writer = try await token("writer")
                let reader = try await token("reader", "--role", "read")
                let without = try await curl.ask("/files/file")
                #expect(without.status == 401)
                #expect(without.headers["www-authenticate"]?.contains("Bearer") == true)
                #expect(!without.text.contains("text\n"))
                for target in ["/files/", "/snapshot.tar", "/events", "/metrics"] {
                    #expect(try await curl.ask(target).status == 401, "\(target)")
                }
                #expect(try await curl.ask("/healthz").text == "serving\n")
                #expect(try await curl.ask("/files/file", "-H", "Authorization: Bearer \(reader)").text == "text")
                #expect(try await curl.ask("/files/file", "-u", "anyone:\(reader)").text == "text")
                #expect(try await curl.put("x", "/files/file", "-u", ":\(reader)").status == 403)
                #expect(try await curl.ask("/files/file", "-X", "DELETE", "-u", ":\(reader)").status == 403)
                #expect(try hub.folder.text("file") == "text")
                #expect(try await curl.put("x", "/files/file", "-u", ":\(writer)").status == 204)
                #expect(try hub.folder.text("file") == "x")
                let listed = try Listed.all(try await curl.ask("/files/", "-u", ":\(reader)").body)
                #expect(listed.map(\.by) == ["writer"])
            }
        }

        @Test("a page of somebody else's reads nothing and changes nothing")
        func pages() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub(["--allow-origin", "https://friend.example"])
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.write("text", to: "file")
                try await hub.wait()
                func status(_ words: String...) async throws -> Int { try await curl.ask("/files/file", words).status }
                #expect(try await status("-H", "Host: evil.example") == 421)
                #expect(try await status("-H", "Origin: https://evil.example") == 403)
                #expect(try await status("-H", "Sec-Fetch-Site: cross-site") == 403)
                #expect(try await status("-H", "Origin: https://friend.example") == 200)
                #expect(try await status("-H", "Sec-Fetch-Site: same-origin") == 200)
                #expect(try await status("-X", "DELETE", "-H", "Origin: https://friend.example") == 403)
                #expect(try await status("-X", "DELETE", "-H", "Sec-Fetch-Site: same-site") == 403)
                #expect(try hub.folder.text("file") == "text")
            }
        }
    }
}
