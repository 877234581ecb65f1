import Testing

#if os(Linux)
import Glibc

extension Commands {
    @Suite("What is around the program", .enabled(if: geteuid() == 0))
    struct Packaging {
        private static func has(_ command: String) async throws -> Bool {
            try await Bench.probe(["sh", "-c", "command -v \(command)"])
        }

        // MARK: Units

        /// The system's units, for instances of a name, with a program that is there.
        private func units(_ bench: Bench) async throws -> [String] {
            let script = """
                mkdir units; for unit in '\(Page.root)'/Samples/systemd/system/*; do
                    sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" | tee units/$(basename "$unit") \\
                        > units/$(basename "$unit" | sed 's/@/@notes/'); done; ls units/*@notes*
                """
            return try await bench.shell(script, in: bench.folder).split(separator: "\n").map(String.init)
        }

        /// Of systemd-analyze security, in tenths: 0 has nothing that it need not have, 100 everything.
        private static let exposure = 15

        @Test("systemd finds nothing wrong with the hardened units, and little that they expose")
        func units() async throws {
            guard try await Self.has("systemd-analyze") else { return }
            try await Bench.run { bench in
                let units = try await units(bench)
                #expect(units.count == 3)
                let verified = try await bench.run(["systemd-analyze", "verify", "--man=no"] + units)
                let said = (verified.output + verified.errors).split(separator: "\n").filter { $0.contains("units/") }
                #expect(said == [])
                for unit in units where unit.hasSuffix(".service") {
                    let words = ["systemd-analyze", "security", "--offline=true", "--threshold=\(Self.exposure)", unit]
                    let judged = try await bench.run(words)
                    #expect(judged.ended == 0, "\(judged.output.split(separator: "\n").last ?? "")")
                }
            }
        }

        /// The system calls that a set of systemd's means, with those of the sets in it.
        private func calls(_ set: Substring, _ bench: Bench) async throws -> Set<Substring> {
            guard set.hasPrefix("@") else { return [set] }
            let listed = try await bench.run("systemd-analyze", "syscall-filter", String(set)).output
            var calls: Set<Substring> = []
            for line in listed.split(separator: "\n").dropFirst() {
                let word = line.drop { $0 == " " }
                if !word.hasPrefix("#") { calls.formUnion(try await self.calls(word, bench)) }
            }
            return calls
        }

        @Test("the units let a hub, its hooks and a peer do all that they do")
        func filters() async throws {
            guard try await Self.has("systemd-analyze"), try await Self.has("strace") else { return }
            try await Bench.run { bench in
                var allowed: Set<Substring> = []
                let unit = try Page.text("Samples/systemd/system/nosocks-hub@.service").split(separator: "\n")
                for line in unit where line.hasPrefix("SystemCallFilter=") {
                    let words = line.dropFirst("SystemCallFilter=".count)
                    for set in words.drop(while: { $0 == "~" }).split(separator: " ") {
                        let calls = try await calls(set, bench)
                        if words.hasPrefix("~") { allowed.subtract(calls) } else { allowed.formUnion(calls) }
                    }
                }
                #expect(allowed.count > 200)
                let families = try #require(unit.first { $0.hasPrefix("RestrictAddressFamilies=") })
                    .dropFirst("RestrictAddressFamilies=".count).split(separator: " ").map { $0.dropFirst(3) }
                let trace = ["strace", "-f", "-qq", "-o"]
                let hub = try Replica(
                    at: bench, name: "hub", options: ["--exec", "cat > \(bench.folder.text)/heard"],
                    prefix: trace + ["\(bench.folder.text)/hub.trace"])
                try await hub.listen()
                let one = try Replica(
                    at: bench, name: "one", hub: hub, prefix: trace + ["\(bench.folder.text)/one.trace"])
                try await one.join()
                try one.folder.makeDirectory("directory")
                try one.folder.writeRandom(300_000, to: "directory/large")
                try hub.folder.write("first", to: "file")
                try await settle(hub, one)
                try one.folder.write("second", to: "file")
                try one.folder.rename("directory", to: "renamed")
                try await settle(hub, one)
                try one.folder.remove("file")
                try await settle(hub, one)
                for replica in [one, hub] {
                    let id = try await bench.shell("cat /proc/\(replica.program.id)/task/*/children", in: bench.folder)
                    try await bench.shell("kill -TERM \(id)", in: bench.folder)
                    #expect(try await replica.program.ending() == 0)
                }
                for name: Name in ["hub.trace", "one.trace"] {
                    let lines = try bench.folder.text(name).split(separator: "\n")
                    let called = Set(lines.compactMap { $0.firstMatch(of: /^[0-9]+ +([a-z0-9_]+)\(/)?.1 })
                    #expect(called.count > 50)
                    // What SQLite does as root alone, which a service is not.
                    #expect(called.subtracting(allowed).subtracting(["fchown"]) == [], "\(name)")
                    #expect(lines.filter { $0.contains("PROT_WRITE|PROT_EXEC") } == [], "\(name)")
                    let used = Set(lines.compactMap { $0.firstMatch(of: #/ socket(?:pair)?\(AF_([A-Z0-9]+)/#)?.1 })
                    #expect(used.subtracting(families) == [], "\(name)")
                }
            }
        }

        // MARK: The first process of a container

        @Test("as the first process of a system it lets go of what hooks leave behind, and ends in order")
        func first() async throws {
            guard try await Bench.probe(["unshare", "--pid", "--fork", "--mount-proc", "true"]) else { return }
            try await Bench.run { bench in
                let place = bench.folder.text
                // One that is left behind and soon ends; and whoever has ended and was not let go.
                let exec = """
                    (sleep 0.05; echo > \(place)/ended) > /dev/null 2>&1 & \
                    grep -l '^State:.Z' /proc/[0-9]*/status > \(place)/zombies; cat > /dev/null; echo run >> \(place)/runs
                    """
                let hub = try Replica(
                    at: bench, name: "hub", options: ["--exec", exec],
                    prefix: ["unshare", "--pid", "--fork", "--mount-proc"])
                try await hub.listen()
                let one = try await bench.peer("one", of: hub)
                for count in 1...3 {
                    try one.folder.write("\(count)", to: "file")
                    try await eventually("run \(count)", state: { "" }) {
                        (try? bench.folder.text("runs"))?.split(separator: "\n").count == count
                            && bench.folder.exists("ended")
                    }
                    try bench.folder.remove("ended")
                    // Its status is read by nobody but the first process.
                    try await eventually("it to be let go", state: { "" }) {
                        zombies(below: try hub.program.id) == 0
                    }
                }
                #expect(try bench.folder.text("zombies") == "")
                let id = try await bench.shell("cat /proc/\(hub.program.id)/task/*/children", in: bench.folder)
                try await bench.shell("kill -TERM \(id)", in: bench.folder)
                #expect(try await hub.program.ending() == 0)
            }
        }

        private static func isClone() async throws -> Bool {
            guard access("\(Page.root)/.git", F_OK) == 0 else { return false }
            return try await has("git")
        }

        @Test("the container is built from what a clone has", .enabled { try await isClone() })
        func sources() async throws {
            let recipe = try Page.text("Samples/container/Containerfile")
            let copies = recipe.matches(of: #/(?m)^COPY (?!--)(.*) \S+$/#).flatMap { $0.1.split(separator: " ") }
            #expect(copies.count > 4)
            try await Bench.run { bench in
                for name in copies {
                    let list = ["git", "-c", "safe.directory=*", "-C", Page.root, "ls-files", "--", String(name)]
                    let files = try await bench.run(list).output
                    #expect(!files.isEmpty, "\(name)")
                }
            }
        }

        @Test("the container is healthy as long as its hub answers")
        func health() async throws {
            let recipe = try Page.text("Samples/container/Containerfile")
            let check = try #require(recipe.firstMatch(of: #/ CMD (nosocks status .*)/#)?.1)
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let script = check.replacing("nosocks", with: Binary.nosocks).replacing("/data", with: hub.path)
                func isHealthy() async throws -> Bool { try await bench.run("sh", "-c", String(script)).ended == 0 }
                #expect(try await isHealthy())
                // A person's business, not the container's.
                let one = try await bench.peer("one", of: hub)
                try one.program.signal(SIGSTOP)
                try hub.folder.write("the hub's", to: "file")
                try await hub.wait()
                try one.folder.write("the peer's", to: "file")
                try one.program.signal(SIGCONT)
                try await one.program.hears("conflict")
                try await one.wait(all: true)
                #expect(try await bench.run(Binary.nosocks, "status", "-q", hub.path).ended == 4)
                #expect(try await isHealthy())
                // It is there, and does nothing.
                try hub.program.signal(SIGSTOP)
                #expect(try await bench.run("timeout", "2", "sh", "-c", String(script)).ended == 124)
                try hub.program.signal(SIGCONT)
            }
        }

        /// Processes that have ended, of the children of a process's only child.
        private func zombies(below process: pid_t) -> Int {
            let children = { (id: String) in
                (try? Page.text(at: "/proc/\(id)/task/\(id)/children"))?.split(separator: " ").map(String.init) ?? []
            }
            return children("\(process)").flatMap(children).count { id in
                (try? Page.text(at: "/proc/\(id)/stat"))?.contains(") Z ") == true
            }
        }

        // MARK: Debian

        /// Packing a hundred megabytes and looking through them takes a while.
        private static let patience = Duration.seconds(300)

        @Test("the package for Debian installs and runs, and is gone without a trace when it is removed")
        func debian() async throws {
            guard try await Self.has("dpkg-shlibdeps") else { return }
            try await Bench.run { bench in
                let environment = ["env", "COMPRESS=gzip", "SHLIBDEPS=--ignore-missing-info"]
                let build = try bench.start(
                    environment + ["\(Page.root)/Samples/debian/build.sh", Binary.nosocks, bench.folder.text])
                #expect(try await build.ending(within: Self.patience) == 0, "\(build.errors)")
                let package = String(try #require(build.output.split(separator: "\n").last))
                try await bench.shell(
                    """
                    mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates root/var/lib/nosocks/notes root/usr/bin
                    touch root/var/lib/dpkg/status; echo mine > root/var/lib/nosocks/notes/file; echo other > root/usr/bin/other
                    """, in: bench.folder)
                let root = bench.folder.folder("root")
                let list = "find . -path ./var/lib/dpkg -prune -o -printf '%y %m %u %p %l\\n' | LC_ALL=C sort"
                let before = try await bench.shell(list, in: root)
                let dpkg = [
                    "dpkg", "--root=\(root.text)", "--log=/dev/null", "--force-depends", "--force-script-chrootless",
                ]
                let installed = try await bench.run(dpkg + ["-i", package])
                #expect(installed.ended == 0, "\(installed.errors)")
                #expect(try await bench.run("\(root.text)/usr/bin/nosocks", "--version").ended == 0)
                for name: Name in [
                    "usr/share/man/man1/nosocks-hub.1.gz", "usr/share/bash-completion/completions/nosocks",
                    "usr/share/zsh/vendor-completions/_nosocks", "usr/share/fish/vendor_completions.d/nosocks.fish",
                    "lib/systemd/system/nosocks-hub@.service", "lib/systemd/system/nosocks-hub@.socket",
                    "usr/lib/systemd/user/nosocks-join.service", "usr/share/doc/nosocks/copyright",
                ] { #expect(root.exists(name), "\(name)") }
                let unit = try root.text("lib/systemd/system/nosocks-join@.service")
                #expect(unit.contains("ExecStart=/usr/bin/nosocks"))
                let owned = try await bench.run(dpkg + ["--verify", "nosocks"])
                #expect(owned.output == "" && owned.ended == 0)
                for step in ["-r", "-P"] {
                    let removed = try await bench.run(dpkg + [step, "nosocks"])
                    #expect(removed.ended == 0, "\(removed.errors)")
                    if step == "-r" { #expect(try await bench.shell(list, in: root) == before) }
                }
                #expect(try await bench.shell(list, in: root) == before)
                guard try await Self.has("lintian") else { return }
                // What is suppressed is of a program that was built for tests.
                let judged = try bench.start([
                    "lintian", "--allow-root", "--profile", "debian", "--fail-on", "error,warning", "--suppress-tags",
                    "custom-library-search-path", package,
                ])
                #expect(try await judged.ending(within: Self.patience) == 0, "\(judged.output)")
            }
        }
    }
}
#endif
