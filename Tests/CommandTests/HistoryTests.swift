import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("What was, and the way back")
    struct History {
        /// The lines of `nosocks log` for a path, without times.
        private func log(_ bench: Bench, _ words: String...) async throws -> [String] {
            let program = try await bench.run([Binary.nosocks, "log"] + words)
            #expect(program.ended == 0, "\(program.errors)")
            return program.output.split(separator: "\n").map { line in
                let columns = line.split(separator: "\t")
                return (columns[..<1] + columns[2...]).joined(separator: " ")
            }
        }

        private func restore(_ bench: Bench, _ words: String..., status: Int32 = 0) async throws {
            let program = try await bench.run([Binary.nosocks, "restore"] + words)
            #expect(program.ended == status, "\(program.errors)")
        }

        /// Three versions of a note, and a folder that was deleted, made by the hub; in sync.
        private func past(_ hub: Replica, _ peer: Replica) async throws {
            try hub.folder.write("one", to: "note")
            try hub.folder.makeDirectory("dir", mode: 0o750)
            try hub.folder.makeDirectory("dir/empty")
            try hub.folder.write("deep", to: "dir/deep")
            try hub.folder.link("dir/link", to: "deep")
            try await settle(hub, peer)
            for text in ["two", "three"] {
                try hub.folder.write(text, to: "note")
                try await settle(hub, peer)
            }
            try hub.folder.removeTree("dir")
            // What it was is written down by then.
            try await peer.program.hears("deleted", path: "dir")
            try await settle(hub, peer)
        }

        @Test("the log says what was done, by whom, and what is kept; also when nothing runs")
        func log() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try await past(hub, one)
                let note = "\(one.folder.text)/note"
                let here = try await log(bench, note)
                #expect(
                    here.map { String($0.drop { $0.isNumber }) } == [
                        " hub changed here note", " hub changed history note", " hub changed history note",
                    ])
                let atHub = try await log(bench, hub.folder.text, "note")
                #expect(
                    atHub.map { String($0.drop { $0.isNumber }) } == [
                        " hub modified here note", " hub modified - note", " hub created - note",
                    ])
                let dir = try await log(bench, "\(one.folder.text)/dir")
                #expect(dir.count == 8)
                #expect(dir.filter { $0.contains(" deleted - ") }.count == 4)
                #expect(try await log(bench, "-n", "1", one.folder.text).count == 1)
                try await one.stop()
                #expect(try await log(bench, note) == here)
                try hub.kill()
                #expect(try await log(bench, hub.folder.text, "note") == atHub)
                let nowhere = try await bench.nosocks(["log", "/"]).ending()
                #expect(nowhere == 1)
            }
        }

        @Test("a version comes back to everybody, and what it replaced is kept")
        func comesBack() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try await past(hub, one)
                let note = "\(one.folder.text)/note"
                try await restore(bench, note)
                #expect(try one.folder.text("note") == "two")
                try await settle(hub, one)
                #expect(try hub.folder.text("note") == "two")
                let revision = try #require(try await log(bench, note).last?.split(separator: " ").first)
                try await restore(bench, "--revision", String(revision), note)
                try await settle(hub, one)
                #expect(try hub.folder.text("note") == "one")
                // Everything that was ever there still is: those that were replaced here, too.
                for text in ["one", "two", "three"] {
                    let kept = try await log(bench, note).filter { $0.contains(" history ") }
                    var found: [String] = []
                    for line in kept {
                        let name = String(line.split(separator: " ")[0])
                        found.append(
                            try await bench.run(Binary.nosocks, "restore", "--to", "-", "--revision", name, note).output
                        )
                    }
                    #expect(found.contains(text))
                }
                // The replica has taken over what was handed to it.
                try await eventually("the folder to be empty") {
                    try one.folder.folder(".nosocks").children(of: "aside").isEmpty
                }
            }
        }

        @Test("all that was deleted in a folder comes back, with modes and links")
        func folderComesBack() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try await past(hub, one)
                try await restore(bench, "\(one.folder.text)/dir/")
                try await settle(hub, one)
                #expect(try hub.folder.items().keys.sorted() == ["dir", "dir/deep", "dir/empty", "dir/link", "note"])
                #expect(try hub.folder.status("dir").st_mode & 0o777 == 0o750)
                #expect(try hub.folder.text("dir/deep") == "deep")
                #expect(try hub.folder.text("note") == "three")
                try await restore(bench, "\(one.folder.text)/dir/", status: 1)
            }
        }

        @Test("it works without a process, and what was replaced is kept by the next one")
        func withoutProcess() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try await past(hub, one)
                // Killed: what came out is not even history yet, and the index has a log.
                try one.kill()
                let note = "\(one.folder.text)/note"
                try one.folder.write("offline", to: "note")
                try await restore(bench, note)
                #expect(try one.folder.text("note") == "two")
                let kept = try await log(bench, note).filter { $0.contains(" history ") }
                #expect(kept.count == 3 && kept.contains { $0.hasPrefix("@") })
                try await one.join()
                try await settle(hub, one)
                let name = try #require(kept.first { $0.hasPrefix("@") }?.split(separator: " ").first)
                try await restore(bench, "--revision", String(name), note)
                try await settle(hub, one)
                #expect(try hub.folder.text("note") == "offline")
            }
        }

        @Test("to a new file or to stdout, whole; errors say what is wrong")
        func elsewhere() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.writeRandom(3 << 20, to: "large")
                try await settle(hub, one)
                let first = try hub.folder.read("large")
                try hub.folder.append("more", to: "large")
                try await settle(hub, one)
                let large = "\(one.folder.text)/large"
                let copy = bench.folder.folder("copy").text
                try await restore(bench, "--to", copy, large)
                #expect(try bench.folder.read("copy") == first)
                try await restore(bench, "--to", copy, large, status: 1)
                try await bench.shell("\(Binary.nosocks) restore --to - \(large) > out", in: bench.folder)
                #expect(try bench.folder.read("out") == first)
                try await restore(bench, "\(one.folder.text)/never", status: 1)
                try await restore(bench, "--revision", "99", large, status: 1)
                try await restore(bench, "--revision", "x", large, status: 2)
                try await restore(bench, "/never", status: 1)
                #expect(try one.folder.items().keys.sorted() == ["large"])
            }
        }

        @Test("a name that is no UTF-8 has its history, too")
        func bytes() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let name = Name([0x66, 0xff])
                try hub.folder.write("one", to: name)
                try await settle(hub, one)
                try hub.folder.write("two", to: name)
                try await settle(hub, one)
                try await bench.shell("\(Binary.nosocks) restore \"$(printf 'f\\377')\"", in: one.folder)
                #expect(try one.folder.text(name) == "one")
            }
        }

        @Test("history stays within its size, the oldest out first, and syncing goes on")
        func limit() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub, ["--history-size", "2M"])
                for _ in 0..<8 {
                    try hub.folder.writeRandom(700_000, to: "file")
                    try await settle(hub, one)
                }
                try await one.stop()
                try await one.join()
                try await eventually("history to be small") {
                    let names = try one.folder.folder(".nosocks").children(of: "history")
                    return try names.reduce(0) {
                        try $0 + Int(one.folder.folder(".nosocks/history").status($1).st_blocks) * 512
                    } <= 2 << 20
                }
                let kept = try await log(bench, "\(one.folder.text)/file").filter { $0.contains(" history ") }
                #expect(kept.count == 2)
                let revisions = kept.compactMap { Int($0.prefix { $0.isNumber }) }
                #expect(revisions == [7, 6])
            }
        }

        @Test("SIGKILL while versions are packed: each that is kept can be had, and the others go on")
        func kill() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub)
                try hub.folder.writeRandom(2 << 20, to: "log")
                try await one.join()
                var versions: [[UInt8]] = []
                for round in 0..<8 {
                    for _ in 0..<3 {
                        versions.append(try hub.folder.read("log"))
                        try hub.folder.append("more of round \(round)\n", to: "log")
                        try await settle(hub, one)
                    }
                    // It packs when it has looked at what came out again: at a start, or after some seconds.
                    try one.kill()
                    try await one.start().hears("in-sync")
                    try await Task.sleep(for: .microseconds(Int.random(in: 0...150_000)))
                    try one.kill()
                    try await one.join()
                }
                try await eventually("packs, and one whole file") {
                    let names = try one.folder.folder(".nosocks").children(of: "history")
                    return names.filter { !"\($0)".hasSuffix(".pack") }.count == 1
                        && names.filter { "\($0)".hasSuffix(".pack") }.count > 8
                }
                let log = "\(one.folder.text)/log"
                let kept = try await self.log(bench, log).filter { $0.contains(" history ") }
                #expect(kept.count == versions.count)
                for (number, line) in kept.reversed().enumerated() {
                    let revision = String(line.split(separator: " ")[0])
                    let copy: Name = "copy-\(number)"
                    try await restore(bench, "--revision", revision, "--to", bench.folder.folder(copy).text, log)
                    #expect(try bench.folder.read(copy) == versions[number], "\(line)")
                }
            }
        }

        @Test("on a full disk nothing is lost: restore ends with 9, and works when there is space")
        func fullDisk() async throws {
            guard try await Mounting.isPossible() else { return }
            try await Bench.run { bench in
                let disk = try await SmallDisk(bench, mebibytes: 24)
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", hub: hub, disk: disk)
                try hub.folder.writeRandom(1 << 20, to: "file")
                let first = try hub.folder.read("file")
                try await one.join()
                try hub.folder.writeRandom(1 << 20, to: "file")
                try await settle(hub, one)
                // What a process has still to write down would find no room either, and that ends it with 9.
                #expect(try await one.stop() == 0)
                try disk.fill(leaving: 0)
                let words = disk.prefix + [Binary.nosocks, "restore", "\(one.path)/file"]
                #expect(try await bench.start(words).ending() == 9)
                #expect(try one.folder.read("file") == hub.folder.read("file"))
                try disk.free()
                #expect(try await bench.start(words).ending() == 0)
                try await one.join()
                try await settle(hub, one)
                #expect(try hub.folder.read("file") == first)
            }
        }

        @Test("a file that is held open when it is replaced is reviewed again when nothing else happens")
        func heldOpen() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                for name in ["held", "other"] as [Name] { try hub.folder.write("one", to: name) }
                try await settle(hub, one)
                let open = try #require(FileHandle.appending(one.folder, "held"))
                for name in ["held", "other"] as [Name] { try hub.folder.write("two", to: name) }
                try await settle(hub, one)
                // The other has been reviewed, and so this one was met while it was open.
                try await eventually("a review") {
                    try one.folder.folder(".nosocks").children(of: "staging").count == 1
                }
                #expect(systemWrite(open, "more", 4) == 4)
                close(open)
                try await eventually("the edit") {
                    try one.folder.children().contains { "\($0)".hasPrefix("held.conflict-one-") }
                }
            }
        }
    }
}

private enum FileHandle {
    /// Opens a file as a program that appends to it does.
    static func appending(_ folder: Folder, _ name: Name) -> Int32? {
        let descriptor = folder.with(name) { open($0, O_WRONLY | O_APPEND | O_CLOEXEC) }
        return descriptor < 0 ? nil : descriptor
    }
}

private func systemWrite(_ descriptor: Int32, _ text: String, _ count: Int) -> Int {
    write(descriptor, text, count)
}
