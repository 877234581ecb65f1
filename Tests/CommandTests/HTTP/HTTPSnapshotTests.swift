import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("A snapshot as a tar archive")
    struct HTTPSnapshots {
        @Test("tar makes the same folder of it: names as bytes, modes, times to the nanosecond, symlinks, directories")
        func fidelity() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                let long = String(repeating: "d", count: 120)
                try hub.folder.makeDirectory("empty", mode: 0o750)
                try hub.folder.makeDirectory(Name(stringLiteral: long))
                let deep = Name(stringLiteral: "\(long)/" + String(repeating: "ü", count: 60))
                try hub.folder.write("long", to: deep)
                try hub.folder.write("bytes", to: Name([0xff, 0xfe, 0x20]))
                try hub.folder.write(
                    "long bytes", to: Name(Array(long.utf8) + [0x2f] + [UInt8](repeating: 0xfe, count: 110)))
                try hub.folder.write("", to: "nothing")
                try hub.folder.setMode(0o754, of: "nothing")
                try hub.folder.setTime(seconds: -5, nanoseconds: 250_000_000, of: "nothing")
                try hub.folder.setTime(seconds: 1_700_000_000, nanoseconds: 123_456_789, of: deep)
                try hub.folder.link("link", to: "\(long)/somewhere")
                try hub.folder.link("long link", to: "x/\(long)")
                try hub.folder.writeRandom(1_000_003, to: "large")
                try await hub.wait()
                try await bench.shell(
                    "mkdir out && curl -s \(curl.url)/snapshot.tar | tar -x --warning=all -f - -C out", in: bench.folder
                )
                let differences = try bench.folder.folder("out").differences(from: hub.folder)
                #expect(differences == [])
                let times = "find . -path ./.nosocks -prune -o -type f -printf '%p %T@ %m\\n' | sort"
                let left = try await bench.shell(times, in: hub.folder)
                #expect(try await bench.shell(times, in: bench.folder.folder("out")) == left)
                #expect(left.contains(" 1700000000.1234567890 644\n"))
                // Others read it as well, and find nothing to say about it.
                let python =
                    "import sys, tarfile; print(len(tarfile.open(fileobj=sys.stdin.buffer, mode='r|').getnames()))"
                if try await Bench.probe(["python3", "--version"]) {
                    let count = try await bench.shell(
                        "curl -s \(curl.url)/snapshot.tar | python3 -c \"\(python)\"", in: bench.folder)
                    #expect(count == "9\n")
                }
            }
        }

        @Test("a revision that is past is the folder as it was, as long as the hub still has all of that")
        func past() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror { folder in
                    try folder.makeDirectory("sub")
                    try folder.write("1", to: "sub/one")
                    try folder.write("2", to: "two")
                    // More than is kept in memory of what was met lately.
                    try folder.writeRandom(9_000_000, to: "three")
                }
                try await hub.wait(all: true)
                let url = Curl(bench: bench, hub: hub).url
                func unpack(_ query: String, to name: Name) async throws -> Folder {
                    let folder = bench.folder.folder(name)
                    try folder.makeDirectory()
                    try await bench.shell("curl -sf '\(url)/snapshot.tar\(query)' | tar -x", in: folder)
                    return folder
                }
                let before = try await unpack("", to: "before")
                let status = try await bench.run(Binary.nosocks, "status", "--json", hub.path)
                let revision = try #require(status.output.firstMatch(of: /"revision":(\d+)/)?.1)
                try one.folder.write("changed", to: "two")
                try one.folder.removeTree("sub")
                try one.folder.write("made", to: "new")
                try await one.wait(all: true)
                let past = try await unpack("?revision=\(revision)", to: "past")
                #expect(try past.differences(from: before) == [])
                #expect(try past.text("two") == "2")
                let part = try await unpack("?revision=\(revision)&path=sub", to: "part")
                #expect(try part.items().keys.sorted() == ["sub", "sub/one"])
                let now = try await unpack("", to: "now")
                #expect(try now.items().keys.sorted() == ["new", "three", "two"])
                // What is written to in place is nowhere any more.
                try hub.folder.write("gone", to: "three")
                try await hub.wait(all: true)
                let answer = try await Curl(bench: bench, hub: hub).ask("/snapshot.tar?revision=\(revision)")
                try #require(answer.status == 410)
                #expect(answer.text.contains("no longer has the content that three had then"))
                let program = try await bench.run(
                    Binary.nosocks, "snapshot", "--revision", "\(revision)", hub.url)
                #expect(program.ended == 1)
                #expect(program.output.isEmpty)
                #expect(program.errors.contains("three"))
            }
        }

        @Test("a part of the folder, a revision that is the newest, and others that are not")
        func parts() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.makeDirectory("sub")
                try hub.folder.write("1", to: "sub/one")
                try hub.folder.write("2", to: "two")
                try await hub.wait()
                func names(_ query: String) async throws -> String {
                    try await bench.shell("curl -sf '\(curl.url)/snapshot.tar\(query)' | tar -t", in: bench.folder)
                }
                #expect(try await names("") == "sub/\nsub/one\ntwo\n")
                #expect(try await names("?path=sub") == "sub/\nsub/one\n")
                #expect(try await names("?path=two&revision=3") == "two\n")
                #expect(try await curl.ask("/snapshot.tar?revision=2").status == 200)
                #expect(try await curl.ask("/snapshot.tar?revision=4").status == 404)
                #expect(try await curl.ask("/snapshot.tar?path=none").status == 404)
                #expect(try await curl.ask("/snapshot.tar?path=../x").status == 400)
            }
        }

        @Test("it is of one revision, whatever happens while it is on its way")
        func consistency() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                // So much that it can't be on its way as a whole before the first of it is read.
                for number in 0..<40 { try hub.folder.writeRandom(1_000_000, to: "a\(100 + number)") }
                for number in 0..<400 { try hub.folder.write("old", to: "f\(1000 + number)") }
                try hub.folder.makeDirectory("z")
                try hub.folder.write("old", to: "z/old")
                try await hub.wait()
                let reader = try bench.start([
                    "curl", "-s", "-o", "tar", "\(curl.url)/snapshot.tar",
                ])
                try await eventually("the first bytes") {
                    try bench.folder.exists("tar") && bench.folder.status("tar").st_size > 0
                }
                reader.signal(SIGSTOP)
                // Each of these is in the feed when curl ends.
                for number in stride(from: 0, to: 400, by: 40) {
                    #expect(try await curl.put("new", "/files/f\(1000 + number)").status == 204)
                    #expect(try await curl.ask("/files/f\(1001 + number)", "-X", "DELETE").status == 204)
                }
                #expect(try await curl.put("new", "/files/a139").status == 204)
                #expect(try await curl.put("new", "/files/z/new").status == 201)
                #expect(try await curl.ask("/files/z/old", "-X", "DELETE").status == 204)
                #expect(try bench.folder.status("tar").st_size < 40_000_000)
                reader.signal(SIGCONT)
                #expect(try await reader.ending() == 0)
                try await bench.shell("mkdir out && tar -xf tar -C out", in: bench.folder)
                let out = bench.folder.folder("out")
                #expect(try out.children(of: "").count == 441)
                for number in 0..<400 { #expect(try out.text("f\(1000 + number)") == "old") }
                #expect(try out.children(of: "z") == ["old"])
                #expect(try out.status("a139").st_size == 1_000_000)
            }
        }
    }

    @Suite("A hub followed with curl")
    struct HTTPEvents {
        /// The ids of a stream so far, each with its data.
        private func events(_ text: String) -> [(id: String, data: String)] {
            text.split(separator: "\n\n").compactMap { block in
                let lines = block.split(separator: "\n")
                guard lines.count == 2, lines[0].hasPrefix("id: "), lines[1].hasPrefix("data: ") else { return nil }
                return (String(lines[0].dropFirst(4)), String(lines[1].dropFirst(6)))
            }
        }

        @Test("each change comes once, and Last-Event-ID goes on right behind what was seen")
        func resuming() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                func follow(_ words: String...) throws -> Program {
                    try bench.start(["curl", "-sN"] + words)
                }
                func hear(_ program: Program, _ text: String) async throws {
                    try await eventually(text, state: { program.output }) { program.output.contains(text) }
                }
                let first = try follow("\(curl.url)/events")
                try await hear(first, "in-sync")
                for number in 1...5 { _ = try await curl.put("\(number)", "/files/f\(number)") }
                _ = try await curl.put("again", "/files/f1")
                try await hear(first, "\"revision\":6")
                first.end()
                let seen = events(first.output)
                #expect(
                    seen.dropFirst().map { $0.data.contains("created") ? "c" : "m" } == ["c", "c", "c", "c", "c", "m"])
                #expect(Set(seen.dropFirst().map(\.id)).count == 6)
                // Meanwhile nobody looks.
                _ = try await curl.ask("/files/f2", "-X", "DELETE")
                _ = try await curl.put("6", "/files/f6")
                _ = try await curl.put("more", "/files/f6")
                let last = try #require(seen.last?.id)
                for words in [
                    ["-H", "Last-Event-ID: \(last)", "\(curl.url)/events"], ["\(curl.url)/events?since=\(last)"],
                ] {
                    let second = try bench.start(["curl", "-sN"] + words)
                    try await hear(second, "in-sync")
                    let more = events(second.output)
                    try #require(more.count == 3)
                    #expect(more[0].data.contains("\"event\":\"deleted\"") && more[0].data.contains("\"path\":\"f2\""))
                    #expect(more[1].data.contains("\"event\":\"created\"") && more[1].data.contains("\"path\":\"f6\""))
                    second.end()
                }
                let all = try follow("\(curl.url)/events?since=0")
                try await hear(all, "in-sync")
                #expect(events(all.output).count == 6)
                #expect(try await curl.ask("/events?since=0000000000000001:1").status == 410)
                #expect(try await curl.ask("/events?since=x").status == 400)
            }
        }

        @Test("many follow, and one that does not read holds up nobody")
        func crowd() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let curl = Curl(bench: bench, hub: hub)
                let followers = try (0..<20).map { _ in try bench.start(["curl", "-sN", "\(curl.url)/events"]) }
                let stopped = try bench.start(["curl", "-sN", "\(curl.url)/events"])
                for follower in followers + [stopped] {
                    try await eventually("a follower") { follower.output.contains("in-sync") }
                }
                // A file may be met while it is still being written, and once more afterwards.
                func hearAll(_ follower: Program) async throws {
                    try await eventually("all of it", state: { follower.output }) {
                        Set(events(follower.output).compactMap { $0.data.firstMatch(of: /"path":"([^"]*)"/)?.1 }).count
                            == 300
                    }
                    let ids = events(follower.output).dropFirst().map(\.id)
                    #expect(Set(ids).count == ids.count)
                }
                stopped.signal(SIGSTOP)
                for number in 0..<300 { try hub.folder.write("\(number)", to: "f\(number)") }
                try await hub.wait()
                for follower in followers { try await hearAll(follower) }
                stopped.signal(SIGCONT)
                try await hearAll(stopped)
                let metrics = try await curl.ask("/metrics").text
                #expect(metrics.contains("nosocks_event_followers 21\n"))
                // The hub's end is theirs.
                #expect(try await hub.stop() == 0)
                for follower in followers { #expect(try await follower.ending() == 0) }
            }
        }
    }
}
