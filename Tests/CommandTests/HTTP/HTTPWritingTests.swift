import Testing

extension Commands {
    @Suite("A hub changed with curl")
    struct HTTPWriting {
        @Test("what is put is a change like any other: on the hub's disk, at every peer, with the directories above it")
        func putting() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let curl = Curl(bench: bench, hub: hub)
                let new = try await curl.put("first", "/files/a/b/file")
                #expect(new.status == 201)
                #expect(new.headers["x-nosocks-revision"] == "3")
                try hub.folder.setMode(0o640, of: "a/b/file")
                try await hub.wait()
                let again = try await curl.put("second", "/files/a/b/file")
                #expect(again.status == 204)
                #expect(try await curl.ask("/files/a/b/file", "--head").headers["etag"] == again.headers["etag"])
                #expect(try hub.folder.text("a/b/file") == "second")
                #expect(try hub.folder.item("a/b/file").mode == 0o640)
                try await settle(hub, one)
                #expect(try one.folder.text("a/b/file") == "second")
                // The same again is no change.
                let same = try await curl.put("second", "/files/a/b/file")
                #expect(same.headers["x-nosocks-revision"] == again.headers["x-nosocks-revision"])
                #expect(try await curl.put("", "/files/empty").status == 201)
                #expect(try await curl.ask("/files/made/", "-X", "PUT").status == 201)
                try await settle(hub, one)
                #expect(try one.folder.text("empty") == "")
                #expect(one.folder.exists("made"))
            }
        }

        @Test("a large file is put whole, of a known length and of one that is not, and a broken one leaves nothing")
        func large() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let curl = Curl(bench: bench, hub: hub)
                try bench.folder.writeRandom(5_000_000, to: "source")
                let known = try await curl.ask("/files/known", "-T", "source")
                #expect(known.status == 201)
                let chunked = try await curl.ask("/files/chunked", "-T", "source", "-H", "Transfer-Encoding: chunked")
                #expect(chunked.status == 201)
                #expect(chunked.headers["etag"] == known.headers["etag"])
                try await settle(hub, one)
                #expect(try one.folder.read("known") == bench.folder.read("source"))
                #expect(try one.folder.read("chunked") == bench.folder.read("source"))
                // It says more than it sends.
                let broken = try await curl.ask(
                    "/files/broken", "-T", "source", "-H", "Content-Length: 6000000", "-m", "2")
                #expect(broken.exit != 0)
                try await eventually("the staging folder to be empty") {
                    try hub.folder.children(of: ".nosocks/staging").isEmpty
                }
                #expect(!hub.folder.exists("broken"))
            }
        }

        @Test("a condition that does not hold changes nothing")
        func conditions() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                let tag = try #require(try await curl.put("1", "/files/f", "-H", "If-None-Match: *").headers["etag"])
                #expect(try await curl.put("2", "/files/f", "-H", "If-None-Match: *").status == 412)
                #expect(try await curl.put("2", "/files/f", "-H", "If-Match: \"x\"").status == 412)
                #expect(try await curl.put("2", "/files/none", "-H", "If-Match: *").status == 412)
                #expect(try await curl.put("2", "/files/f?if-revision=7").status == 412)
                #expect(try await curl.put("2", "/files/f", "-H", "X-Nosocks-If-Revision: 0").status == 412)
                #expect(try await curl.put("2", "/files/f?if-revision=x").status == 400)
                #expect(try await curl.ask("/files/f", "-X", "DELETE", "-H", "If-Match: \"x\"").status == 412)
                #expect(try hub.folder.text("f") == "1")
                #expect(try await curl.put("2", "/files/f?if-revision=1").status == 204)
                #expect(try await curl.put("3", "/files/f", "-H", "If-Match: \(tag)").status == 412)
                #expect(try hub.folder.text("f") == "2")
            }
        }

        @Test("what is in the way stays, and says so")
        func obstacles() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub(["--ignore", "*.tmp"])
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.makeDirectory("sub")
                try hub.folder.write("text", to: "sub/file")
                try await hub.wait()
                #expect(try await curl.ask("/files/void/", "-X", "PUT").status == 201)
                #expect(try await curl.put("x", "/files/void").status == 409)
                #expect(try await curl.put("x", "/files/sub").status == 409)
                #expect(try await curl.put("x", "/files/sub/file/x").status == 409)
                #expect(try await curl.ask("/files/sub", "-X", "DELETE").status == 409)
                #expect(try await curl.ask("/files/sub/file/", "-X", "PUT").status == 409)
                #expect(try await curl.ask("/files/none", "-X", "DELETE").status == 404)
                #expect(try await curl.put("x", "/files/x.tmp").status == 403)
                #expect(try await curl.ask("/files/", "-X", "DELETE").status == 403)
                #expect(try await curl.ask("/metrics", "-X", "DELETE").status == 405)
                #expect(try hub.folder.text("sub/file") == "text")
                #expect(try await curl.ask("/files/sub/file", "-X", "DELETE").status == 204)
                #expect(try await curl.ask("/files/sub", "-X", "DELETE").status == 204)
                #expect(!hub.folder.exists("sub"))
            }
        }

        @Test("who deletes too much is stopped, until somebody at the hub says that it is meant")
        func massDeletion() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub(["--max-delete", "3"])
                let curl = Curl(bench: bench, hub: hub)
                for number in 0..<6 { try hub.folder.write("\(number)", to: "f\(number)") }
                try await hub.wait()
                func delete(_ number: Int) async throws -> Int {
                    try await curl.ask("/files/f\(number)", "-X", "DELETE").status
                }
                for number in 0..<3 { #expect(try await delete(number) == 204) }
                #expect(try await delete(3) == 409)
                #expect(hub.folder.exists("f3"))
                #expect(try await bench.nosocks(["confirm", "hub"]).ending() == 0)
                for number in 3..<6 { #expect(try await delete(number) == 204) }
            }
        }

        @Test("two shells that increment a counter with If-Match lose no increment")
        func counter() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                _ = try await curl.put("0", "/files/counter")
                let script = """
                    i=0
                    while [ $i -lt 12 ]; do
                        n=$(curl -s -D head-$0 $1) || exit 1
                        tag=$(sed -n 's/^etag: //p' head-$0 | tr -d '\\r')
                        code=$(printf %s $((n + 1)) | curl -s -o /dev/null -w '%{http_code}' -H "If-Match: $tag" -T - $1)
                        case $code in 204) i=$((i + 1)) ;; 412) ;; *) echo "$code" >&2; exit 1 ;; esac
                    done
                    """
                let shells = try ["a", "b"].map { name in
                    try bench.start(["/bin/sh", "-uc", script, name, "\(curl.url)/files/counter"])
                }
                for shell in shells { #expect(try await shell.ending() == 0, "\(shell.errors)") }
                #expect(try await curl.ask("/files/counter").text == "24")
                #expect(try hub.folder.text("counter") == "24")
            }
        }

        @Test("a move is a new name for what is there, with all that is inside")
        func moving() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror { folder in
                    try folder.makeDirectory("sub")
                    try folder.makeDirectory("sub/deep")
                    try folder.write("text", to: "sub/deep/file")
                    try folder.link("sub/link", to: "deep/file")
                    try folder.write("other", to: "other")
                    try folder.writeRandom(200_000, to: "large")
                }
                let curl = Curl(bench: bench, hub: hub)
                let large = try hub.folder.read("large")
                func move(_ from: String, _ to: String, _ words: String...) async throws -> Int {
                    try await curl.ask(from, ["-X", "MOVE", "-H", "Destination: \(to)"] + words).status
                }
                #expect(try await move("/files/other", "/files/new/other") == 201)
                #expect(try await move("/files/large", "\(curl.url)/files/new/large") == 201)
                #expect(try await move("/files/sub", "/files/new/sub") == 201)
                #expect(try await move("/files/new/sub", "/files/new/sub/deep/sub") == 409)
                #expect(try await move("/files/new/other", "/files/new/large", "-H", "Overwrite: F") == 412)
                #expect(try await move("/files/new/other", "http://elsewhere/files/x") == 502)
                try await settle(hub, one)
                #expect(try one.folder.read("new/large") == large)
                #expect(try one.folder.text("new/sub/deep/file") == "text")
                #expect(try one.folder.children(of: "").filter { $0 != ".nosocks" } == ["new"])
            }
        }
    }
}
