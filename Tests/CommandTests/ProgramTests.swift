import Testing

extension Commands {
    @Suite("What programs do")
    struct Programs {
        /// A way to save, and what the file holds afterwards.
        struct Save: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let expected: String
            let save: @Sendable (Bench, Folder) async throws -> Void

            init(
                _ name: String, leaves expected: String,
                _ save: @escaping @Sendable (Bench, Folder) async throws -> Void
            ) {
                testDescription = name
                self.expected = expected
                self.save = save
            }
        }

        static let saves = [
            Save("an atomic save", leaves: "saved") { _, folder in
                try folder.write("saved", to: ".file.tmp")
                try folder.rename(".file.tmp", to: "file")
            },
            Save("many atomic saves in a row", leaves: "save 99") { _, folder in
                for number in 0..<100 {
                    try folder.write("save \(number)", to: ".file.tmp")
                    try folder.rename(".file.tmp", to: "file")
                }
            },
            Save("backup and create", leaves: "saved") { _, folder in
                try folder.rename("file", to: "file~")
                try folder.write("saved", to: "file")
                try folder.remove("file~")
            },
            Save("a backup that stays", leaves: "saved") { _, folder in
                try folder.rename("file", to: "file.bak")
                try folder.write("saved", to: "file")
            },
            Save("in place", leaves: "saved") { _, folder in try folder.write("saved", to: "file") },
            Save("in place, of the same size", leaves: "0023456789") { _, folder in
                try folder.overwrite("00", at: 0, of: "file")
            },
            Save("in place, with the old time put back", leaves: "0000456789") { _, folder in
                let time = try folder.item("file").mtime
                try folder.overwrite("0000", at: 0, of: "file")
                try folder.setTime(seconds: time[0], nanoseconds: time[1], of: "file")
            },
            Save("an append", leaves: "0123456789 and more") { _, folder in
                try folder.append(" and more", to: "file")
            },
            Save("a mapping", leaves: "01map56789") { _, folder in
                try folder.overwriteMapped("map", at: 2, of: "file")
            },
            Save("truncation", leaves: "012") { bench, folder in
                try await bench.shell("truncate -s 3 file", in: folder)
            },
            Save("sed -i", leaves: "01234five6789") { bench, folder in
                try await bench.shell("sed -i s/5/five/ file", in: folder)
            },
            Save("removal and creation", leaves: "again") { _, folder in
                try folder.remove("file")
                try folder.write("again", to: "file")
            },
            Save("vim's: a probe of the directory, a backup, a new file", leaves: "saved") { bench, folder in
                try await bench.shell(
                    "> 4913; chmod 600 4913; rm 4913; mv file file~; printf saved > file; chmod 644 file; rm file~",
                    in: folder)
            },
            Save("emacs': a lock that is a symlink to nowhere, a copy of itself, a backup", leaves: "saved") {
                bench, folder in
                try await bench.shell(
                    "ln -s me@host.4711:1 '.#file'; printf sav > '#file#'; mv file file~; printf saved > file; "
                        + "rm '.#file' '#file#'", in: folder)
            },
            Save("a writer that takes its time", leaves: "abcdefgh") { bench, folder in
                try await bench.shell("for c in a b c d e f g h; do printf $c; sleep 0.15; done > file", in: folder)
            },
            Save("space first, and then bit by bit what fills it", leaves: "abcdefgh") { bench, folder in
                try await bench.shell(
                    """
                    truncate -s 0 file; truncate -s 8 file; n=0
                    for c in a b c d e f g h; do
                        printf $c | dd of=file bs=1 seek=$n conv=notrunc status=none; n=$((n + 1)); sleep 0.1
                    done
                    """, in: folder)
            },
            Save("a log that is appended to, rotated and begun anew", leaves: "3 4 ") { bench, folder in
                try await bench.shell(
                    "for n in 1 2; do printf \"$n \" >> file; sleep 0.1; done; mv file file.1; "
                        + "for n in 3 4; do printf \"$n \" >> file; sleep 0.1; done", in: folder)
            },
            Save("a hard link and a rename over it", leaves: "saved") { bench, folder in
                try await bench.shell("ln file backup; printf saved > new; mv new file; rm backup", in: folder)
            },
        ]

        @Test("a save comes out right on the other side, from peer and hub", arguments: saves)
        func comesOut(save: Save) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                for (from, to) in [(one, hub), (hub, one)] {
                    try from.folder.write("0123456789", to: "file")
                    try await settle(hub, one)
                    try await save.save(bench, from.folder)
                    #expect(try from.folder.text("file") == save.expected)
                    try await settle(hub, one)
                    #expect(try to.folder.text("file") == save.expected)
                    #expect(try to.folder.children().filter { "\($0)".contains("conflict") } == [])
                }
            }
        }

        @Test("a git repository follows, and git finds it sound on the other side")
        func git() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let (theirs, mine) = (hub.folder.folder("repo"), one.folder.folder("repo"))
                try mine.makeDirectory()
                try await bench.shell(
                    """
                    git init -q -b main .
                    mkdir -p src/deep; for n in $(seq 60); do echo "$n of main" > src/deep/$n; done
                    git add -A && git commit -qm first
                    git checkout -q -b side
                    for n in $(seq 30); do echo "$n of side" > src/deep/$n; done
                    git mv src/deep src/moved && git add -A && git commit -qm second
                    git checkout -q main
                    """, in: mine)
                try await settle(hub, one)
                // git looks at the files anew, since its index tells of the other side's inodes, and finds no change.
                let check = "git fsck --full --strict 2>&1; git status --short"
                #expect(try await bench.shell(check, in: theirs) == "")

                try await bench.shell("git checkout -q side && git gc -q", in: theirs)
                try await settle(hub, one)
                #expect(try await bench.shell(check, in: mine) == "")
                #expect(try await bench.shell("git log --format=%s", in: mine) == "second\nfirst\n")
                try await bench.shell("git checkout -q main && git merge -q side", in: mine)
                try await settle(hub, one)
                #expect(try await bench.shell(check, in: theirs) == "")
                // To look is to write: git notes in its index what it found unchanged.
                try await settle(hub, one)
                #expect(try await bench.judge(hub, one) == "")
            }
        }

        @Test("tar and rsync put down a tree with old times, over another")
        func unpacked() async throws {
            try await Bench.run { bench in
                let source = bench.folder.folder("source")
                try source.makeDirectory()
                for directory in 0..<8 {
                    try source.makeDirectory("d\(directory)")
                    for file in 0..<25 {
                        let name: Name = "d\(directory)/\(file)"
                        try source.write(String(repeating: "\(file)", count: file * 100), to: name)
                        try source.setTime(seconds: 1_000_000_000 + file, nanoseconds: file, of: name)
                    }
                    try source.link("d\(directory)/link", to: "1")
                    try source.setMode(0o550, of: "d\(directory)")
                }
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try await bench.shell("tar c --format=posix -C ../source . | tar xp", in: one.folder)
                try await settle(hub, one, two)
                #expect(try hub.folder.items().count == 8 * 27)

                try await bench.shell("chmod 755 d*; rm -r d1 d2; rm d*/3; cp d3/7 d4/8", in: two.folder)
                try await settle(hub, one, two)
                try await bench.shell("rsync -a --delete --exclude=/.nosocks ../source/ ./", in: hub.folder)
                try await settle(hub, one, two)
                #expect(try two.folder.items().count == 8 * 27)
                for other in [hub, one] { #expect(try await bench.judge(other, two) == "") }
            }
        }
    }
}
