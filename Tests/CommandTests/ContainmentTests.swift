import Testing

extension Commands {
    /// That nothing leads out of a folder, read off the system calls themselves.
    @Suite("Nothing outside of the folder")
    struct Containment {
        @Test("every name is one component in an open directory, or resolved beneath the root; no path is ever used")
        func calls() async throws {
            try await Bench.run { bench in
                guard try await Bench.probe(["strace", "-f", "-o", "/dev/null", "/bin/true"]) else { return }
                let hub = try await bench.hub()
                try await bench.shell(
                    "mkdir -p d/e gone; echo 1 > d/e/f; echo 2 > d/kept; echo 3 > gone/f; ln -s d/e/f link; echo 4 > x",
                    in: hub.folder)
                try hub.folder.writeRandom(300_000, to: "d/large")
                try await eventually("all of it at the hub") {
                    try hub.program.events.contains { $0.path == "d/large" }
                }
                let first = try await trace(bench, hub)
                #expect(first.byPath == [])
                #expect(first.beneath > 0)
                // New content, metadata alone, other kinds, new names, deletions; and what is new here.
                try await bench.shell(
                    """
                    echo more >> d/e/f; chmod 600 d/kept; touch -d 2001-01-01 d/kept; chmod 700 d; rm -r gone
                    rm link; mkdir link; echo 5 > link/f; mv d/large moved; rm x; ln -s nowhere x
                    """, in: hub.folder)
                try await eventually("the changes at the hub") {
                    try hub.program.events.contains { $0.path == "link/f" }
                        && hub.program.events.contains { $0.event == "deleted" && $0.path == "gone" }
                }
                try await bench.shell("mkdir -p own/deep; echo own > own/deep/f", in: bench.folder.folder("one"))
                let second = try await trace(bench, hub)
                #expect(second.byPath == [])
                #expect(second.beneath > 0)
                #expect(try bench.folder.folder("one").item("d/kept").mode == 0o600)
                #expect(hub.folder.exists("own/deep/f"))
            }
        }

        /// Runs a peer under strace until it is in sync, and gives what it did with names.
        private func trace(_ bench: Bench, _ hub: Replica) async throws -> Names {
            let folder = bench.folder.folder("one")
            try await bench.shell("mkdir -p one", in: bench.folder)
            let program = try await bench.run(
                "strace", "-f", "-y", "-s", "4096", "-e", "trace=%file", "-o", "calls", Binary.nosocks, "join",
                "--once", hub.url, folder.text)
            #expect(program.ended == 0, "\(program.errors)")
            return Names(try bench.folder.text("calls"), folder: folder.text)
        }

        /// How system calls named what is in a folder.
        private struct Names {
            /// Calls with a path that leads into the folder, its state apart, or of more than one component.
            private(set) var byPath: [String] = []
            /// Calls that the kernel kept beneath the root.
            private(set) var beneath = 0

            init(_ trace: String, folder: String) {
                for line in trace.split(separator: "\n") where line.contains(folder) {
                    guard let call = line.split(separator: " ", maxSplits: 1).last?.drop(while: { $0 == " " }) else {
                        continue
                    }
                    if call.hasPrefix("openat2(") {
                        let isBound = ["RESOLVE_BENEATH", "RESOLVE_NO_SYMLINKS", "RESOLVE_NO_MAGICLINKS"]
                            .allSatisfy { call.contains($0) }
                        if isBound { beneath += 1 } else { byPath.append(String(call)) }
                    } else if Self.leadsInside(call, folder) || Self.hasManyComponents(call, folder) {
                        byPath.append(String(call))
                    }
                }
            }

            private static func leadsInside(_ call: Substring, _ folder: String) -> Bool {
                call.ranges(of: "\"\(folder)/").contains { !call[$0.upperBound...].hasPrefix(".nosocks") }
            }

            /// Whether a name that is looked up in a directory of the folder's goes deeper than that directory.
            private static func hasManyComponents(_ call: Substring, _ folder: String) -> Bool {
                call.ranges(of: "<\(folder)").contains { range in
                    let rest = call[range.upperBound...].drop { $0 != ">" }
                    guard rest.hasPrefix(">, \"") else { return false }
                    let name = rest.dropFirst(4).prefix { $0 != "\"" }
                    return name.contains("/") || name == ".."
                }
            }
        }
    }
}
