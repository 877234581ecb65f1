import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    /// What is renamed at one place is renamed at the others: nothing is copied, and nothing becomes history.
    @Suite("Renames")
    struct Renames {
        private func inodes(_ folder: Folder, in directory: Name) throws -> [UInt64] {
            try folder.children(of: directory).map { try UInt64(folder.status(directory.appending($0)).st_ino) }
        }

        private func history(_ replica: Replica) throws -> [Name] {
            try replica.folder.children(of: ".nosocks/history") + replica.folder.children(of: ".nosocks/staging")
        }

        @Test("The files of a renamed directory are the same files afterwards", arguments: ["hub", "one"])
        func directory(actor: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                let at = bench.folder.folder(Name(stringLiteral: actor))
                try at.makeDirectory("tree")
                try at.makeDirectory("tree/inner")
                for number in 0..<300 { try at.write("content \(number % 250)", to: "tree/inner/\(number)") }
                try at.writeRandom(200_000, to: "tree/inner/chunked")
                try at.write("", to: "tree/inner/empty")
                try at.write("", to: "tree/inner/empty as well")
                try await settle(hub, one, two)
                let before = try Set(inodes(two.folder, in: "tree/inner"))
                let kept = try history(two)

                try at.rename("tree", to: "other")
                try await settle(hub, one, two)
                let children = try two.folder.children(of: "other/inner")
                #expect(children.count == 303)
                // Which of several files of the same content went where is nobody's business.
                let made = try children.filter { name in
                    try !before.contains(UInt64(two.folder.status("other/inner/\(name)").st_ino))
                }
                #expect(made == [])
                #expect(try history(two).count == kept.count)
                #expect(!two.folder.exists("tree"))
            }
        }

        @Test("A large file that is renamed by itself is not copied either")
        func largeFile() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.writeRandom(6 << 20, to: "large")
                try await settle(hub, one)
                let before = try one.folder.status("large").st_ino
                try hub.folder.rename("large", to: "renamed")
                try await settle(hub, one)
                #expect(try one.folder.status("renamed").st_ino == before)
                #expect(!one.folder.exists("large"))
            }
        }

        @Test("Who has a file open goes on writing to it, whatever it is called by now")
        func open() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.makeDirectory("d")
                try hub.folder.write("0123456789", to: "d/log")
                try await settle(hub, one)
                let writer = try OpenFile(one.folder, "d/log", O_WRONLY)
                try hub.folder.rename("d", to: "e")
                try await settle(hub, one)
                try writer.write(Array(" and more".utf8), at: 10)
                try await settle(hub, one)
                #expect(try hub.folder.text("e/log") == "0123456789 and more")
                #expect(try hub.folder.items().keys.sorted() == ["e", "e/log"])
            }
        }

        @Test("An edit that meets a rename keeps its name, and both are there")
        func edited() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.makeDirectory("d")
                try hub.folder.write("0123456789", to: "d/file")
                try await settle(hub, one)
                try await one.stop()
                try hub.folder.rename("d", to: "e")
                try one.folder.append(" and more", to: "d/file")
                try await one.join()
                try await settle(hub, one)
                #expect(try hub.folder.text("d/file") == "0123456789 and more")
                #expect(try hub.folder.text("e/file") == "0123456789")
            }
        }
    }
}
