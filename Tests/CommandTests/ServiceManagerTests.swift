import Testing

#if os(Linux)
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
