import Testing

extension Commands {
    @Suite("Events of a replica")
    struct ReplicaEvents {
        private func follow(_ replica: Replica, _ options: String..., on bench: Bench) throws -> Program {
            try bench.start([Binary.nosocks, "events"] + options + [replica.path])
        }

        @Test("whoever follows a folder is told what is put in place in it, what is sent from it, and up to where")
        func live() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror { try $0.write("1", to: "before") }
                try await one.wait(all: true)
                let followers = try [follow(hub, on: bench), follow(one, on: bench)]
                for follower in followers { try await follower.hears("in-sync") }
                try hub.folder.write("2", to: "by hub")
                try one.folder.write("22", to: "by one")
                for follower in followers {
                    #expect(try await follower.hears("created", path: "by hub").by == "hub")
                    let event = try await follower.hears("created", path: "by one")
                    #expect(event.by == "one")
                    #expect(event.size == 2)
                }
                try hub.folder.remove("by one")
                for follower in followers {
                    try await follower.hears("deleted", path: "by one")
                    #expect(!follower.output.contains("before"))
                }
                // The hub goes, and comes again: whoever follows a peer hears of that.
                try hub.kill()
                try await followers[1].hears("disconnected")
                #expect(try await followers[0].ending() == 1)
                #expect(followers[0].errors.contains("the process that holds this replica ended"))
                try await hub.listen()
                try await followers[1].hears("connected")
                #expect(try await one.stop() == 0)
                #expect(try await followers[1].ending() == 1)
                let late = try await bench.run(Binary.nosocks, "events", one.path)
                #expect(late.ended == 1)
                #expect(late.errors.contains("no process keeps this replica in step now"))
            }
        }

        @Test("a follower begins behind a cursor, with all that came since, and once each", arguments: ["hub", "one"])
        func since(name: String) async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror { folder in
                    for number in 0..<1500 { try folder.write("1", to: Name(stringLiteral: "old \(number)")) }
                }
                try await one.wait(all: true)
                let followed = name == "hub" ? hub : one
                let first = try follow(followed, on: bench)
                let cursor = try #require(try await first.hears("in-sync").cursor)
                first.end()
                for number in 0..<700 { try hub.folder.write("2", to: Name(stringLiteral: "new \(number)")) }
                try hub.folder.write("3", to: "new 5")
                try one.folder.remove("old 7")
                try await one.wait(all: true)
                try await hub.wait(all: true)
                for (start, count) in [(cursor, 700), ("0", 2199)] {
                    let follower = try follow(followed, "--since", start, on: bench)
                    try await follower.hears("in-sync")
                    let lines = follower.output.split(separator: "\n")
                    let paths = lines.compactMap { $0.firstMatch(of: /"path":"([^"]*)"/).map { String($0.1) } }
                    #expect(Set(paths).subtracting(["old 7"]).count == count)
                    #expect(paths.count == Set(paths).count)
                    #expect(start == "0" || paths.contains("old 7"))
                    follower.end()
                }
                let other = try await bench.run(
                    Binary.nosocks, "events", "--since", "0123456789abcdef:3", followed.path)
                #expect(other.ended == 1)
                #expect(other.errors.contains("history does not go on from there"))
                let wrong = try await bench.run(Binary.nosocks, "events", "--since", "a day ago\r\n&", followed.path)
                #expect(wrong.ended == 1)
                #expect(wrong.errors.contains("A cursor is EPOCH:REVISION"))
            }
        }

        @Test("what gets another name is told as that, by everybody, whoever did it", arguments: ["hub", "one"])
        func moved(actor: String) async throws {
            try await Bench.run { bench in
                let log = "\(bench.folder.text)/told"
                let hub = try await bench.hub(["--exec", "cat >> '\(log).hub'"])
                let one = try await bench.peer("one", of: hub, ["--exec", "cat >> '\(log).one'"])
                let at = actor == "hub" ? hub.folder : one.folder
                try at.write("what it says", to: "draft")
                try at.write("", to: "empty")
                try at.makeDirectory("d")
                try at.writeRandom(200_000, to: "d/large")
                try at.write("inner", to: "d/small")
                try await hub.wait(all: true)
                try await one.wait(all: true)
                try await hub.wait(all: true)
                let socket = try await EventListener.follow(port: hub.port)
                try await socket.hears("\"event\":\"in-sync\"")
                let web = try bench.nosocks(["events", hub.url])
                try await web.hears("in-sync")
                let followers = try [follow(hub, on: bench), follow(one, on: bench), web]
                for follower in followers { try await follower.hears("in-sync") }

                let renamed: [(Name, Name)] = [("draft", "text"), ("empty", "nothing"), ("d", "e")]
                for (old, new) in renamed {
                    try at.rename(old, to: new)
                    try await (actor == "hub" ? hub : one).wait(all: true)
                }
                let moves = [
                    "text": "draft", "nothing": "empty", "e/large": "d/large", "e/small": "d/small",
                ]
                for program in followers + (try [hub.program, one.program]) {
                    for (path, from) in moves {
                        let event = try await program.hears("moved", path: path)
                        #expect(event.from == from)
                        #expect(event.by == actor)
                        #expect(event.kind == "file")
                    }
                    #expect(try await program.hears("moved", path: "e/large").size == 200_000)
                    // What was in it goes one by one; the directory itself is made, and removed.
                    try await program.hears("created", path: "e")
                    try await program.hears("deleted", path: "d")
                    #expect(!program.events.contains { $0.event == "deleted" && $0.path != "d" })
                    #expect(!program.events.contains { $0.event == "created" && moves[$0.path ?? ""] != nil })
                }
                try await socket.hears("\"event\":\"moved\",\"from\":\"draft\",\"kind\":\"file\"", "\"path\":\"text\"")
                let other = Name(stringLiteral: actor == "hub" ? "told.one" : "told.hub")
                try await eventually("the hook", state: { (try? bench.folder.text(other)) ?? "" }) {
                    let told = (try? bench.folder.text(other)) ?? ""
                    return moves.allSatisfy { told.contains("\"from\":\"\($1)\"") }
                }
            }
        }

        @Test("who begins between the two changes of a move, or before both, is told what is right from there")
        func sinceWithinMove() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("1", to: "before")
                try await hub.wait()
                let live = try bench.nosocks(["events", hub.url])
                let start = try #require(try await live.hears("in-sync").cursor)
                try hub.folder.rename("before", to: "after")
                let move = try await live.hears("moved", path: "after")
                try hub.folder.write("2", to: "last")
                let last = try await live.hears("created", path: "last")
                let revision = try #require(move.revision)
                let epoch = try #require(start.split(separator: ":").first)
                #expect(move.cursor == "\(epoch):\(revision)")

                func told(since cursor: String) async throws -> [String] {
                    let follower = try bench.nosocks(["events", "--since", cursor, hub.url])
                    try await follower.hears("in-sync")
                    return follower.events.filter { $0.revision != nil }
                        .map { "\($0.event) \($0.path ?? "") \($0.revision ?? 0)" }
                }
                let rest = "created last \(last.revision ?? 0)"
                #expect(try await told(since: start) == ["moved after \(revision)", rest])
                #expect(try await told(since: "\(epoch):\(revision - 1)") == ["deleted before \(revision)", rest])
                #expect(try await told(since: "\(epoch):\(revision)") == [rest])
                // Whoever knows nothing has nothing that could be moved.
                #expect(try await told(since: "0") == ["created after \(revision - 1)", rest])
            }
        }

        @Test("a folder's events end quietly when nobody reads them")
        func unread() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                for number in 0..<50 { try hub.folder.write("1", to: Name(stringLiteral: "f\(number)")) }
                try await hub.wait()
                let script = "\(Binary.nosocks) events --since 0 \(hub.path) | head -n 3 | wc -l"
                #expect(try await bench.shell(script, in: bench.folder) == "3\n")
            }
        }
    }
}
