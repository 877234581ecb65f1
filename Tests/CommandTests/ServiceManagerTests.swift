import Testing

#if os(Linux)
import Glibc

extension Commands {
    /// What a service manager hears (sd_notify(3)).
    @Suite("As a service")
    struct ServiceManagers {
        /// Listens as systemd does, and writes down what it hears, a line each.
        private static let listener = """
            import os, socket, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(sys.argv[1])
            print("bound", flush=True)
            while True:
                print(s.recv(4096).decode(), flush=True)
            """

        private func listen(_ bench: Bench) async throws -> (manager: Program, address: String) {
            let address = "\(bench.folder.text)/notify"
            let manager = try bench.start(["python3", "-c", Self.listener, address])
            try await eventually("the manager", state: { manager.errors }) { manager.output.contains("bound") }
            return (manager, address)
        }

        private func hears(_ manager: Program, _ line: String) async throws {
            try await eventually("\(line) at the manager", state: { manager.output }) {
                manager.output.split(separator: "\n").contains { $0 == line }
            }
        }

        static func hasPython() async throws -> Bool { try await Bench.probe(["python3", "--version"]) }

        @Test(
            "A hub tells when it serves, whom, that it is alive, and that it ends", .enabled { try await hasPython() })
        func hub() async throws {
            try await Bench.run { bench in
                let (manager, address) = try await listen(bench)
                let words = [
                    "env", "NOTIFY_SOCKET=\(address)", "WATCHDOG_USEC=200000", Binary.nosocks, "hub", "--listen",
                    "127.0.0.1:0", "--json", "served",
                ]
                try bench.folder.makeDirectory("served")
                let hub = try bench.start(words)
                try await hears(manager, "READY=1")
                try await hears(manager, "WATCHDOG=1")
                try await hears(manager, "STATUS=serving, 0 peers")
                let url = try #require(try await hub.hears("listening").url)
                let peer = try bench.nosocks(["join", url, "copy"])
                try await hears(manager, "STATUS=serving, 1 peer")
                peer.signal(2)
                try await peer.ending()
                hub.signal(15)
                try await hears(manager, "STOPPING=1")
                #expect(try await hub.ending() == 0)
            }
        }

        @Test(
            "A manager that asks for it by SIGHUP hears when settings are read again, and that they were",
            .enabled { try await hasPython() })
        func reload() async throws {
            try await Bench.run { bench in
                let (manager, address) = try await listen(bench)
                try bench.folder.makeDirectory("served")
                let hub = try bench.start(
                    ["env", "NOTIFY_SOCKET=\(address)", Binary.nosocks, "hub", "--listen", "127.0.0.1:0", "served"])
                try await hears(manager, "READY=1")
                hub.signal(SIGHUP)
                try await eventually("READY=1 again", state: { manager.output }) {
                    manager.output.split(separator: "\n").count { $0 == "READY=1" } == 2
                }
                let said = manager.output.split(separator: "\n")
                let start = try #require(said.firstIndex(of: "RELOADING=1"))
                let time = try #require(said[start + 1].wholeMatch(of: /MONOTONIC_USEC=([0-9]+)/)?.1)
                var now = timespec()
                clock_gettime(CLOCK_MONOTONIC, &now)
                let age = Int(now.tv_sec) * 1_000_000 - (Int(time) ?? 0)
                #expect(age > -1_000_000 && age < 600_000_000)
                #expect(start < said.lastIndex(of: "READY=1") ?? 0)
            }
        }

        @Test("Where stderr is the journal, lines have its priorities and no time; elsewhere they have not")
        func journal() async throws {
            try await Bench.run { bench in
                try bench.folder.makeDirectory("served")
                let journal = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)"
                let command = "export \(journal); exec \(Binary.nosocks) hub --listen 127.0.0.1:0 --json -v served"
                let hub = try bench.start(["sh", "-c", command])
                let url = try #require(try await hub.hears("listening").url)
                hub.signal(SIGHUP)
                try await eventually("another look", state: { hub.errors }) {
                    hub.errors.split(separator: "\n").count { $0.contains("looked at") } == 2
                }
                let lines = hub.errors.split(separator: "\n")
                #expect(lines.contains("<6>listening on \(url) url=\"\(url)\""), "\(lines)")
                #expect(lines.contains { $0.hasPrefix("<7>looked at ") })
                #expect(lines.allSatisfy { $0.wholeMatch(of: /<[3467]>[a-z].*/) != nil }, "\(lines)")
                let second = try await bench.run("sh", "-c", command)
                #expect(second.ended == 10)
                #expect(second.errors.hasPrefix("<3>served: process "), "\(second.errors)")
                let wrong = try await bench.run("sh", "-c", "export \(journal); exec \(Binary.nosocks) hub --nothing")
                #expect(wrong.ended == 2 && wrong.errors.hasPrefix("<3>"), "\(wrong.errors)")
                // What another program wrote to, or nothing that anybody knows.
                let elsewhere = try await bench.run(["env", "JOURNAL_STREAM=1:2", Binary.nosocks, "status", "nowhere"])
                #expect(!elsewhere.errors.contains("<"))
                let told = try await bench.run(Binary.nosocks, "status", "--log-format=journald", "nowhere")
                #expect(told.errors.hasPrefix("<3>nowhere: there is no replica here"), "\(told.errors)")
            }
        }

        @Test("A peer is ready without its hub, and tells when it is in sync", .enabled { try await hasPython() })
        func peer() async throws {
            try await Bench.run { bench in
                let (manager, address) = try await listen(bench)
                let hub = try await bench.hub()
                try hub.kill()
                let words = ["env", "NOTIFY_SOCKET=\(address)", Binary.nosocks, "join", hub.url, "copy"]
                _ = try bench.start(words)
                try await hears(manager, "READY=1")
                try await hears(manager, "STATUS=not connected")
                try await hub.listen()
                try await hears(manager, "STATUS=in sync")
                #expect(manager.output.split(separator: "\n").count { $0 == "READY=1" } == 1)
            }
        }
    }
}
#endif
