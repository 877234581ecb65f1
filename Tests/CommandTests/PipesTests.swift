import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    /// What needs no replica: `ls`, `cat`, `put`, `rm`, `mv`, `snapshot`, `events` and `verify`.
    @Suite("Pipes")
    struct Pipes {
        /// A hub with a few things, and what a shell script needs to ask it.
        private struct Shell {
            let bench: Bench
            let hub: Replica
            let work: Folder

            /// Runs a script in a folder of its own; `nosocks` is the program, `$hub` the address.
            func run(_ script: String) async throws -> Program {
                let program = Binary.nosocks.split(separator: "/").dropLast().joined(separator: "/")
                let setting = "PATH=/\(program):$PATH; hub=\(hub.url)\n"
                return try await bench.run("/bin/bash", "-c", setting + script, in: work)
            }

            func output(_ script: String) async throws -> String {
                let program = try await run("set -eu -o pipefail\n" + script)
                guard program.ended == 0 else {
                    throw TimedOut(what: "the success of: \(script)", state: program.errors)
                }
                return program.output
            }

            /// How a script ended, and what it wrote and said.
            func failure(_ script: String) async throws -> (status: Int32?, output: String, errors: String) {
                let program = try await run(script)
                return (program.ended, program.output, program.errors)
            }
        }

        private func shell(_ options: [String] = [], _ body: (Shell) async throws -> Void) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(options)
                try hub.folder.write("hello\n", to: "a")
                try hub.folder.makeDirectory("d")
                try hub.folder.makeDirectory("d/empty")
                try hub.folder.writeRandom(300_000, to: "d/large")
                try hub.folder.setMode(0o600, of: "d/large")
                try hub.folder.link("d/link", to: "../a")
                let work = bench.folder.folder("work")
                try work.makeDirectory()
                let one = try await bench.peer("one", of: hub)
                try await settle(hub, one)
                try await body(Shell(bench: bench, hub: hub, work: work))
                try await settle(hub, one)
            }
        }

        @Test("ls lists a directory, a file, everything, as people and programs want it")
        func list() async throws {
            try await shell { shell in
                #expect(try await shell.output("nosocks ls $hub") == "a\nd/\n")
                #expect(try await shell.output("nosocks ls $hub d/") == "empty/\nlarge\nlink\n")
                #expect(try await shell.output("nosocks ls $hub a") == "a\n")
                #expect(
                    try await shell.output("nosocks ls -R0 $hub | tr '\\0' ' '")
                        == "a d/ d/empty/ d/large d/link ")
                let long = try await shell.output("nosocks ls -l $hub d").split(separator: "\n")
                #expect(long.count == 3)
                #expect(long[0].hasPrefix("drwxr-xr-x             -"))
                #expect(long[1].hasPrefix("-rw-------        300000  20"))
                #expect(long[2].hasPrefix("lrwxrwxrwx") && long[2].hasSuffix("  link -> ../a"))
                let json = try await shell.output("nosocks ls --json $hub a")
                #expect(json.contains("\"kind\":\"file\"") && json.contains("\"size\":6"))
                let missing = try await shell.failure("nosocks ls $hub nothing")
                #expect(missing.status == 1)
                #expect(missing.errors.contains("there is nothing at nothing"))
                #expect(missing.output == "")
            }
        }

        @Test("cat writes a file, or fails and says why")
        func cat() async throws {
            try await shell { shell in
                #expect(try await shell.output("nosocks cat $hub a") == "hello\n")
                _ = try await shell.output("nosocks cat $hub d/large | cmp - ../hub/d/large")
                for (path, reason) in [("nothing", "there is nothing at nothing"), ("d", "d is a directory")] {
                    let failure = try await shell.failure("nosocks cat $hub \(path)")
                    #expect(failure.status == 1)
                    #expect(failure.errors.contains(reason))
                    #expect(failure.output == "")
                }
                #expect(try await shell.failure("nosocks cat $hub ../a").status == 2)
                #expect(try await shell.failure("nosocks cat 127.0.0.1:1 a").status == 7)
            }
        }

        @Test("What is put, moved and removed is so everywhere, and its revision is printed")
        func change() async throws {
            try await shell { shell in
                let first = try await shell.output("echo one | nosocks put $hub new/dir/file")
                #expect(try shell.hub.folder.text("new/dir/file") == "one\n")
                let second = try await shell.output(
                    "echo two | nosocks put --if-revision \(first.dropLast()) $hub new/dir/file")
                #expect(Int(second.dropLast()) ?? 0 > Int(first.dropLast()) ?? 0)
                let late = try await shell.failure(
                    "echo three | nosocks put --if-revision \(first.dropLast()) $hub new/dir/file")
                #expect(late.status == 1)
                #expect(late.errors.contains("new/dir/file is at revision \(second.dropLast()) now"))
                #expect(try await shell.failure("echo three | nosocks put --if-revision 0 $hub a").status == 1)
                _ = try await shell.output("nosocks mv $hub new/dir moved && nosocks cat $hub moved/file | grep two")
                _ = try await shell.output("nosocks rm $hub moved/file && nosocks rm $hub moved && nosocks rm $hub new")
                #expect(!shell.hub.folder.exists("moved"))
                #expect(!shell.hub.folder.exists("new"))
                // What was removed is nothing, as what never was.
                for _ in 0..<2 {
                    _ = try await shell.output(
                        "echo me | nosocks put --if-revision 0 $hub lock && nosocks rm $hub lock")
                }
                #expect(try await shell.failure("nosocks rm $hub d").errors.contains("d is not empty"))
                #expect(try await shell.failure("nosocks rm $hub nothing").status == 1)
                let some = try await shell.failure(
                    "echo 1 | nosocks put $hub x; echo 1 | nosocks put $hub y; nosocks rm $hub none x d nor y")
                #expect(some.status == 1)
                #expect(some.errors.split(separator: "\n").count == 3)
                #expect(!shell.hub.folder.exists("x") && !shell.hub.folder.exists("y"))
                _ = try await shell.output("{ cat ../hub/d/large; head -c 4700000 /dev/zero; } > in")
                _ = try await shell.output("nosocks put $hub in < in; cat in | nosocks put $hub piped")
                _ = try await shell.output("cmp in ../hub/in; cmp in ../hub/piped; : | nosocks put $hub empty")
                #expect(try shell.hub.folder.text("empty") == "")
            }
        }

        @Test("Of shells that count up one number at a time none loses a step")
        func counter() async throws {
            try await shell { shell in
                let loop = """
                    for i in 1 2 3 4 5 6 7 8; do
                        until
                            revision=$(nosocks ls --json $hub n | sed 's/.*"revision":\\([0-9]*\\).*/\\1/')
                            n=$(nosocks cat $hub n)
                            echo $((n + 1)) | nosocks put --if-revision $revision $hub n > /dev/null 2>&1
                        do :; done
                    done
                    """
                _ = try await shell.output("echo 0 | nosocks put $hub n > /dev/null; { \(loop)\n} & { \(loop)\n}; wait")
                #expect(try shell.hub.folder.text("n") == "16\n")
            }
        }

        @Test("A snapshot is what tar unpacks to the same folder, and verify tells what differs")
        func snapshot() async throws {
            try await shell { shell in
                _ = try await shell.output(
                    "mkdir all part; nosocks snapshot $hub | tar x -C all; diff -r --no-dereference all ../hub -x .nosocks"
                )
                #expect(try shell.work.status("all/d/large").st_mode & 0o777 == 0o600)
                #expect(
                    try shell.work.item("all/d/large").mtime == shell.hub.folder.item("d/large").mtime)
                _ = try await shell.output(
                    "nosocks snapshot $hub d | tar x -C part; diff -r --no-dereference part/d ../hub/d")
                #expect(try await shell.output("nosocks verify $hub all") == "")
                let edits =
                    "cd all; echo x >> a; chmod 640 d/large; rmdir d/empty; ln -sf b d/link; touch new; mkdir dir"
                let differing = try await shell.failure("\(edits); cd ..; nosocks verify $hub all")
                #expect(differing.status == 1)
                #expect(
                    differing.output == """
                        >fcs....... a
                        cd+++++++++ d/empty/
                        .f...p..... d/large
                        cLc........ d/link -> ../a
                        *deleting   dir/
                        *deleting   new

                        """)
                let quiet = try await shell.failure("nosocks verify -q $hub all")
                #expect(quiet.status == 1)
                #expect(quiet.output == "")
            }
        }

        @Test("Who follows the events misses nothing and hears nothing twice, across restarts of the hub")
        func events() async throws {
            try await shell { shell in
                let follower = try shell.bench.nosocks(["events", "--since", "0", shell.hub.url])
                try await follower.hears("in-sync")
                let created = follower.events.filter { $0.event == "created" }
                #expect(created.compactMap(\.path).sorted() == ["a", "d", "d/empty", "d/large", "d/link"])
                let cursor = try #require(created.last?.cursor)
                try shell.hub.folder.write("2", to: "b")
                try await follower.hears("created", path: "b")
                try shell.hub.kill()
                try shell.hub.folder.write("3", to: "c")
                try await shell.hub.listen()
                try await follower.hears("created", path: "c")
                try shell.hub.folder.remove("c")
                try await follower.hears("deleted", path: "c")
                let told = follower.events.compactMap(\.revision)
                #expect(told == told.sorted() && Set(told).count == told.count)
                let since = try shell.bench.nosocks(["events", "--since", cursor, shell.hub.url])
                try await since.hears("in-sync")
                #expect(since.events.compactMap(\.path) == ["b"])
            }
        }

        @Test("Who reads no further ends a command without a word")
        func brokenPipe() async throws {
            try await shell { shell in
                try shell.hub.folder.writeRandom(4_000_000, to: "d/larger")
                _ = try await shell.output("until nosocks ls $hub d/larger 2> /dev/null; do :; done")
                for command in ["cat $hub d/larger", "snapshot $hub", "ls -R $hub", "events --since 0 $hub"] {
                    let program = try await shell.run("nosocks \(command) | head -c 1 > /dev/null")
                    #expect(program.errors == "", "\(command)")
                }
            }
        }

        @Test("What can't be written is no success", .enabled(if: Folder(path: "/dev").exists("full")))
        func fullOutput() async throws {
            try await shell { shell in
                for command in ["cat $hub d/large", "snapshot $hub", "ls -R $hub", "events --since 0 $hub"] {
                    let failure = try await shell.failure("nosocks \(command) > /dev/full")
                    #expect(failure.status == 9, "\(command)")
                    #expect(failure.errors.contains("standard output: No space left on device"))
                }
            }
        }

        @Test("Without a token, or with one that may only look, nothing is given away or changed")
        func access() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("secret", to: "a")
                let added = try await bench.run(
                    Binary.nosocks, "token", "add", "--role", "read", "looker", hub.path)
                #expect(added.ended == 0, "\(added.errors)")
                let look = added.output
                let token = bench.folder.folder("token").text
                try bench.folder.write(look, to: "token")
                try bench.folder.setMode(0o600, of: "token")
                #expect(try await bench.run(Binary.nosocks, "ls", hub.url).ended == 6)
                let listing = try await bench.run(Binary.nosocks, "ls", "--token-file", token, hub.url)
                #expect(listing.output == "a\n")
                for words in [["rm", hub.url, "a"], ["mv", hub.url, "a", "b"], ["put", hub.url, "a"]] {
                    let refused = try await bench.run([Binary.nosocks] + words + ["--token-file", token])
                    #expect(refused.ended == 6, "\(words)")
                }
                #expect(try hub.folder.text("a") == "secret")
            }
        }

        @Test("What is large passes through in little memory")
        func memory() async throws {
            try await shell { shell in
                let size = 400 << 20
                try shell.work.writeSparse("somewhere", size: size, to: "in")
                let put = try shell.bench.start(
                    ["/bin/sh", "-c", "exec \(Binary.nosocks) put \(shell.hub.url) big < in"], in: shell.work)
                try await put.ending()
                #expect(put.ended == 0, "\(put.errors)")
                let script =
                    "/usr/bin/env bash -c 'ulimit -v 4000000; \(Binary.nosocks) cat \(shell.hub.url) big | cmp - in'"
                _ = try await shell.output(script)
                if let peak = Memory(of: try shell.hub.program).peak { #expect(peak < 300) }
                _ = try await shell.output("nosocks rm $hub big")
            }
        }
    }
}
