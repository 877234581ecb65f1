import Testing

extension Commands {
    @Suite("What an operator watches")
    struct Metrics {
        private func metrics(_ curl: Curl) async throws -> Exposition {
            let answer = try await curl.ask("/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            return try Exposition(answer.text)
        }

        /// Asks again and again.
        private func until(_ condition: () async throws -> Bool) async throws {
            let start = ContinuousClock.now
            while try await !condition() {
                guard ContinuousClock.now - start < Patience.limit else {
                    throw TimedOut(what: "what the hub tells to change", state: "")
                }
            }
        }

        @Test("it is Prometheus' text, whatever a peer calls itself, and the documentation has every name")
        func format() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let names = ["a \"quoted\\ name\"", "new\nline"]
                for (number, name) in names.enumerated() {
                    let peer = try bench.nosocks(["join", "--json", "--name", name, hub.url, "\(number)"])
                    try await peer.hears("in-sync")
                }
                let found = try await metrics(Curl(bench: bench, hub: hub))
                #expect(found.value("nosocks_peers") == 2)
                let lags = found.families.first { $0.name == "nosocks_peer_lag_seconds" }?.samples ?? []
                #expect(lags.compactMap { $0.labels["peer"] }.sorted() == [#"a \"quoted\\ name\""#, #"new\nline"#])
                let page = try Page.text("Sources/Mirror/Mirror.docc/HTTP.md")
                let told = Set(page.matches(of: /`(nosocks_[a-z_]+)(?:\{[^`]*)?`/).map { String($0.1) })
                #expect(told == Set(found.families.map(\.name)))
            }
        }

        @Test("changes, conflicts, watches and bytes are counted, before compression and as they are on the wire")
        func counts() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror { try $0.write("base", to: "file") }
                let curl = Curl(bench: bench, hub: hub)
                let before = try await metrics(curl)
                #expect(before.value("nosocks_watches") == 1)
                #expect(before.value("nosocks_watches_allowed") ?? 0 > 1)
                // A file may be seen twice: when it is there, and when it is written.
                #expect([1, 2].contains(before.value("nosocks_local_changes_total")))
                #expect(before.value("nosocks_applied_changes_total") == 0)
                let text = String(repeating: "the same line over and over again\n", count: 1500)
                try one.folder.makeDirectory("directory")
                try one.folder.write(text, to: "directory/down")
                try await one.wait(all: true)
                try hub.folder.write(text + "and one more", to: "up")
                try await hub.wait(all: true)
                // Both sides change it while they do not hear of each other.
                try one.program.signal(19)
                try hub.folder.write("the hub's", to: "file")
                try await hub.wait()
                try one.folder.write("the peer's", to: "file")
                try one.program.signal(18)
                try await one.program.hears("conflict")
                try await one.wait(all: true)
                let after = try await metrics(curl)
                func growth(_ name: String) -> Double { (after.value(name) ?? 0) - (before.value(name) ?? 0) }
                #expect(after.value("nosocks_watches") == 2)
                // A directory, its file (twice, perhaps) and the conflict copy; the hub's file, and its version of the other.
                #expect([3, 4].contains(growth("nosocks_applied_changes_total")))
                #expect(growth("nosocks_local_changes_total") >= 2)
                #expect(growth("nosocks_accepted_changes_total") == growth("nosocks_revision"))
                #expect(after.value("nosocks_conflict_copies") == 1)
                for direction in ["sent", "received"] {
                    #expect(growth("nosocks_message_\(direction)_bytes_total") > Double(text.utf8.count))
                    let wire = growth("nosocks_wire_\(direction)_bytes_total")
                    #expect(wire > 100 && wire < Double(text.utf8.count / 4), "\(direction): \(wire)")
                }
            }
        }

        @Test("what is nothing but names is compressed on a fast link, too, where content is not")
        func compressed() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror {
                    try $0.makeDirectory("some directory")
                    for number in 0..<1_500 { try $0.writeRandom(2_000, to: "some directory/\(number)") }
                }
                let curl = Curl(bench: bench, hub: hub)
                let before = try await metrics(curl)
                try hub.folder.rename("some directory", to: "another directory")
                try await hub.wait(all: true)
                #expect(try one.folder.children(of: "another directory").count == 1_500)
                let after = try await metrics(curl)
                func growth(_ name: String) -> Double { (after.value(name) ?? 0) - (before.value(name) ?? 0) }
                // A digest is 32 bytes that do not shrink.
                let wire = growth("nosocks_wire_sent_bytes_total")
                #expect(wire > 32 * 1_500 && wire < growth("nosocks_message_sent_bytes_total") * 3 / 4)
            }
        }

        @Test("a peer that does not move is behind, in revisions and in seconds, and what it takes late is counted so")
        func lag() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror { try $0.write("1", to: "one") }
                let other = try await bench.peer("other", of: hub)
                let curl = Curl(bench: bench, hub: hub)
                func lag(_ name: String, _ unit: String) async throws -> Double {
                    try await metrics(curl).value("nosocks_peer_lag_\(unit)", ["peer": name]) ?? -1
                }
                #expect(try await lag("one", "seconds") == 0)
                try one.program.signal(19)
                try hub.folder.write("2", to: "two")
                try await other.holds(["one", "two"])
                try await until { try await lag("one", "seconds") > 1.2 }
                #expect(try await lag("one", "revisions") == 1)
                try await until { try await lag("other", "seconds") == 0 }
                let before = try await metrics(curl)
                try one.program.signal(18)
                try await until { try await lag("one", "revisions") == 0 }
                let after = try await metrics(curl)
                #expect(after.value("nosocks_peer_lag_seconds", ["peer": "one"]) == 0)
                func slow(_ metrics: Exposition) -> Double {
                    (metrics.value("nosocks_delivery_seconds_bucket", ["le": "+Inf"]) ?? 0)
                        - (metrics.value("nosocks_delivery_seconds_bucket", ["le": "1.0"]) ?? 0)
                }
                #expect(slow(before) == 0 && slow(after) == 1)
                #expect((after.value("nosocks_delivery_seconds_sum") ?? 0) > 1.2)
            }
        }

        @Test("who comes to a hub that has run for a while lacks nothing for longer than it is there")
        func newcomer() async throws {
            guard try await Curl.isHere() else { return }
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror { try $0.write("1", to: "one") }
                let curl = Curl(bench: bench, hub: hub)
                try hub.folder.write("2", to: "two")
                try await hub.wait(all: true)
                let count = try await metrics(curl).value("nosocks_delivery_seconds_count")
                try await one.stop()
                try await one.join()
                _ = try await bench.peer("other", of: hub)
                let after = try await metrics(curl)
                #expect(after.value("nosocks_delivery_seconds_count") == count)
                #expect(after.value("nosocks_peers") == 2)
            }
        }
    }
}
