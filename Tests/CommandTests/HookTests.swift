import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("--exec")
    struct Hooks {
        private func lines(_ folder: Folder, _ name: Name) -> [Substring] {
            ((try? folder.text(name)) ?? "").split(separator: "\n")
        }

        @Test("what others change runs the command once, with all of it as event lines, at a peer and at the hub")
        func runs() async throws {
            try await Bench.run { bench in
                let log = "\(bench.folder.text)/runs"
                let hub = try await bench.hub(["--exec", "echo hub >> '\(log)'; cat >> '\(log).hub'"])
                let one = try await bench.peer("one", of: hub, ["--exec", "echo one >> '\(log)'; cat >> '\(log).one'"])
                let two = try await bench.peer("two", of: hub)
                try await bench.shell("for n in 1 2 3 4 5; do echo $n > f$n; done; rm f5", in: two.folder)
                try await two.wait(all: true)
                try await eventually("both runs", state: { "\(lines(bench.folder, "runs"))" }) {
                    lines(bench.folder, "runs").contains("hub") && lines(bench.folder, "runs").contains("one")
                        && lines(bench.folder, "runs.one").contains { $0.contains("f4") }
                        && lines(bench.folder, "runs.hub").contains { $0.contains("f4") }
                }
                for name: Name in ["runs.hub", "runs.one"] {
                    let told = lines(bench.folder, name)
                    #expect(told.allSatisfy { $0.hasPrefix("{\"") && $0.hasSuffix("}") })
                    let created = told.filter { $0.contains("\"event\":\"created\"") && $0.contains("\"by\":\"two\"") }
                    for number in 1...4 {
                        #expect(created.filter { $0.contains("\"path\":\"f\(number)\"") }.count == 1, "\(told)")
                    }
                }
                // Far fewer runs than changes; and one's own edits are none.
                #expect(lines(bench.folder, "runs").count <= 6)
                let before = lines(bench.folder, "runs.one").count
                try one.folder.write("mine", to: "own")
                try await one.wait(all: true)
                try await eventually("the hub's run") {
                    lines(bench.folder, "runs.hub").contains { $0.contains("own") }
                }
                #expect(lines(bench.folder, "runs.one").count == before)
            }
        }

        @Test("two runs never overlap, changes meanwhile are one more run, and what hangs holds nothing up")
        func oneAtATime() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let log = "\(bench.folder.text)/runs"
                // Takes no line from its stdin, and goes on when it is told to.
                let command = """
                    mkdir '\(log).lock' || echo overlap >> '\(log)'; echo begin >> '\(log)'
                    while [ ! -e '\(log).go' ]; do sleep 0.05; done; rmdir '\(log).lock'; echo end >> '\(log)'
                    """
                let one = try await bench.peer("one", of: hub, ["--exec", command])
                try hub.folder.write("x", to: "first")
                try await eventually("the first run") { lines(bench.folder, "runs") == ["begin"] }
                for number in 0..<3000 {
                    try hub.folder.write("\(number)", to: Name(stringLiteral: "file with a rather long name \(number)"))
                }
                try await hub.wait(all: true)
                #expect(try one.folder.differences(from: hub.folder) == [])
                #expect(lines(bench.folder, "runs") == ["begin"])
                try bench.folder.write("", to: "runs.go")
                try await eventually("one more run", state: { "\(lines(bench.folder, "runs"))" }) {
                    lines(bench.folder, "runs").count == 4
                }
                #expect(lines(bench.folder, "runs") == ["begin", "end", "begin", "end"])
            }
        }

        @Test("its failure is told and ends nothing, and its output is no event line")
        func failure() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub, ["--exec", "echo noise; exit 3"])
                for (number, name) in ["a", "b"].enumerated() {
                    try hub.folder.write("x", to: Name(stringLiteral: name))
                    try await eventually("the failure", state: { (try? one.program.errors) ?? "" }) {
                        try one.program.errors.components(of: "--exec: the command ended with 3") == number + 1
                    }
                }
                #expect(try one.program.errors.contains("noise\n"))
                #expect(try !one.program.output.contains("noise"))
                #expect(try await one.stop() == 0)
            }
        }

        @Test("it has signals as programs expect them, no descriptor of ours, and no token")
        func surroundings() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("x", to: "a")
                try await hub.wait()
                let command = """
                    grep -E '^Sig(Ign|Blk)' /proc/self/status; for d in /proc/$$/fd/*; do readlink "$d"; done
                    echo "token ${NOSOCKS_TOKEN-none}"; echo "other $OTHER"
                    """
                let words = [Binary.nosocks, "join", "--once", "-q", hub.url, "copy", "--exec", command]
                let token = String(repeating: "ab", count: 32)
                let peer = try bench.start(words, environment: ["NOSOCKS_TOKEN=\(token)", "OTHER=kept"])
                #expect(try await peer.ending() == 0)
                let told = peer.output.split(separator: "\n").map(String.init)
                let masks = told.filter { $0.hasPrefix("Sig") }.compactMap { UInt64($0.suffix(16), radix: 16) }
                // Those above 31 are the C library's own, and none of them can be had.
                #expect(masks.count == 2 && masks.allSatisfy { $0 & 0x7fff_ffff == 0 }, "\(told)")
                let open = told.filter { $0.hasPrefix("/") || $0.contains(":[") }
                #expect(
                    open.count <= 3 && !open.contains { $0.contains("socket") || $0.contains(".nosocks/") }, "\(told)")
                #expect(told.contains("token none") && told.contains("other kept"))
            }
        }

        @Test("--once waits for it, however long it takes; a signal leaves it 5 s, and it ends with all it started")
        func ending() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("x", to: "a")
                try await hub.wait()
                let done = "\(bench.folder.text)/done"
                let once = try bench.nosocks(["join", "--once", hub.url, "copy", "--exec", "sleep 6; cat > '\(done)'"])
                #expect(try await once.ending() == 0)
                #expect(try bench.folder.text("done").contains("\"path\":\"a\""))

                let one = try await bench.peer("one", of: hub, ["--exec", "sleep 300 & echo $! > '\(done)'; wait"])
                try hub.folder.write("x", to: "b")
                try await eventually("the run") { Int32(lines(bench.folder, "done").first ?? "") != nil }
                let child = try #require(Int32(lines(bench.folder, "done").first ?? ""))
                let start = ContinuousClock.now
                #expect(try await one.stop() == 0)
                // Of the 300 s that it would take.
                #expect(ContinuousClock.now - start < .seconds(150))
                #expect(try one.program.errors.contains("--exec: the command takes too long"))
                try await eventually("the end of what it started") { kill(child, 0) != 0 || isZombie(child) }
            }
        }

        private func isZombie(_ process: pid_t) -> Bool {
            (try? Folder(path: "/proc").text(Name(stringLiteral: "\(process)/stat")).contains(") Z")) ?? true
        }
    }
}

extension String {
    /// How often it contains `text`.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
