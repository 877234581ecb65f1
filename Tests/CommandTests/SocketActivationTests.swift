import Testing

#if os(Linux)
extension Commands {
    /// Sockets that a service manager has opened (sd_listen_fds(3)).
    @Suite("Sockets that are passed")
    struct SocketActivation {
        /// Opens sockets, as `tcp:HOST:PORT`, `unix:PATH`, `abstract:NAME`, `datagram` or `deaf`, and becomes the program with
        /// them from descriptor 3 on. The others' variables: what LISTEN_PID is, if not the process, comes first.
        private static let launcher = """
            import os, socket, sys
            pid, specifications, words = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
            kept = []
            for one in specifications:
                kind, _, rest = one.partition(":")
                if kind == "tcp":
                    host, _, port = rest.rpartition(":")
                    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
                    s.bind((host, int(port)))
                elif kind in ("unix", "abstract"):
                    s = socket.socket(socket.AF_UNIX)
                    s.bind(rest if kind == "unix" else "\\0" + rest)
                else:
                    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
                    s.bind(("127.0.0.1", 0))
                if kind not in ("datagram", "deaf"): s.listen(16)
                kept.append(s)
            spare = [os.dup(s.fileno()) for s in kept]
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(spare)]
            for i, fd in enumerate(high): os.dup2(fd, 3 + i, inheritable=True)
            os.closerange(3 + len(high), 200)
            os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=pid or str(os.getpid()),
                LISTEN_FDNAMES=":".join("s%d" % i for i in range(len(high))))
            os.execvp(words[0], words)
            """

        private func start(
            _ bench: Bench, _ sockets: String, as process: String = "", _ options: String...
        ) throws -> Program {
            if !bench.folder.exists("served") { try bench.folder.makeDirectory("served") }
            return try bench.start(
                ["python3", "-c", Self.launcher, process, sockets, Binary.nosocks, "hub", "--json", "served"] + options)
        }

        @Test(
            "a hub serves them instead of any of its own: TCP, and Unix sockets with and without a name",
            .enabled { try await ServiceManagers.hasPython() })
        func served() async throws {
            try await Bench.run { bench in
                let path = "\(bench.folder.text)/socket"
                let name = "nosocks-test\(bench.folder.text)"
                let hub = try start(bench, "tcp:127.0.0.1:0,unix:\(path),abstract:\(name)")
                let urls = [
                    try await hub.hears("listening").url, try await hub.hears("listening", count: 2).url,
                    try await hub.hears("listening", count: 3).url,
                ]
                #expect(urls[0]?.hasPrefix("ws://127.0.0.1:") == true && urls[0] != "ws://127.0.0.1:7625")
                #expect(urls[1] == "unix:\(path)" && urls[2] == "unix:@\(name)")
                try bench.folder.write("text", to: "served/file")
                for (number, url) in urls[..<2].compactMap(\.self).enumerated() {
                    let copy = "copy-\(number)"
                    #expect(try await bench.nosocks(["join", "--once", url, copy]).ending() == 0)
                    #expect(try bench.folder.text("\(copy)/file") == "text")
                }
                hub.signal(15)
                #expect(try await hub.ending() == 0)
                // It is the manager's, which goes on with it.
                #expect(bench.folder.exists("socket"))
                #expect(!hub.errors.contains("--listen"))
            }
        }

        @Test(
            "what is open to others is so by its own address: with TLS and a token, or with --insecure",
            .enabled { try await ServiceManagers.hasPython() })
        func inTheOpen() async throws {
            try await Bench.run { bench in
                let secured = try start(bench, "tcp:0.0.0.0:0", as: "", "--listen", "127.0.0.1:0")
                #expect(try await secured.hears("listening").url?.hasPrefix("wss://0.0.0.0:") == true)
                #expect(bench.folder.exists("served/.nosocks/token"))
                #expect(secured.errors.contains("--listen does not count"))
                secured.signal(15)
                try await secured.ending()
                let plain = try start(bench, "tcp:0.0.0.0:0", as: "", "--insecure")
                #expect(try await plain.hears("listening").url?.hasPrefix("ws://0.0.0.0:") == true)
            }
        }

        @Test(
            "those of another process are none, and neither they nor what was said of them get to a hook",
            .enabled { try await ServiceManagers.hasPython() })
        func inheritance() async throws {
            try await Bench.run { bench in
                let others = try start(bench, "tcp:127.0.0.1:0", as: "1", "--listen", "127.0.0.1:0")
                let passed = try #require(try await others.hears("listening").url)
                #expect(!others.errors.contains("--listen"))
                others.signal(15)
                try await others.ending()
                let script = "env | grep LISTEN_; ls -l /proc/self/fd; echo end"
                let exec = "(\(script)) > \(bench.folder.text)/seen"
                let hub = try start(bench, "tcp:127.0.0.1:0", as: "", "--exec", exec)
                let url = try #require(try await hub.hears("listening").url)
                #expect(url != passed)
                let peer = try bench.nosocks(["join", "--json", url, "copy"])
                try await peer.hears("in-sync")
                try bench.folder.write("text", to: "copy/file")
                try await eventually("the hook", state: { hub.errors }) {
                    (try? bench.folder.text("seen"))?.hasSuffix("end\n") == true
                }
                #expect(try !bench.folder.text("seen").contains("LISTEN_"))
                #expect(try !bench.folder.text("seen").contains("socket:"))
            }
        }

        static let misfits = [
            ("datagram", "descriptor 3 (s0) is no stream socket"), ("deaf", "descriptor 3 (s0) does not listen"),
            ("tcp:127.0.0.1:0,deaf", "descriptor 4 (s1) does not listen"),
        ]

        @Test(
            "what can't be served is named", .enabled { try await ServiceManagers.hasPython() }, arguments: misfits)
        func unfit(sockets: String, said: String) async throws {
            try await Bench.run { bench in
                let hub = try start(bench, sockets)
                #expect(try await hub.ending() == 1)
                #expect(hub.errors.contains(said), "\(hub.errors)")
            }
        }

        @Test("systemd's own tool passes one, and the first guest starts the hub")
        func systemd() async throws {
            guard try await Bench.probe(["sh", "-c", "command -v systemd-socket-activate"]) else { return }
            try await Bench.run { bench in
                try bench.folder.makeDirectory("served")
                let socket = "\(bench.folder.text)/socket"
                let activator = try bench.start(
                    ["systemd-socket-activate", "-l", socket, Binary.nosocks, "hub", "--json", "served"])
                try await eventually("the socket", state: { activator.errors }) { bench.folder.exists("socket") }
                #expect(activator.output == "")
                let peer = try bench.nosocks(["join", "--once", "unix:\(socket)", "copy"])
                #expect(try await peer.ending() == 0, "\(peer.errors)")
                #expect(try await activator.hears("listening").url == "unix:\(socket)")
            }
        }
    }
}
#endif
