import Testing

extension Commands {
    @Suite("Edits while the other side is away")
    struct Offline {
        /// Whose process is killed without warning, and whether it is the hub's.
        enum Killed: String, CaseIterable, Sendable {
            case hub
            case peer
        }

        /// Runs `edits` on a hub and two peers in sync while one of them is down, and lets it come back.
        private func apart(
            _ killed: Killed, before: (Folder) throws -> Void, edits: (_ hub: Folder, _ one: Folder) throws -> Void,
            check: (_ hub: Replica, _ one: Replica) throws -> Void
        ) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try before(hub.folder)
                try await settle(hub, one, two)
                try await hub.wait(all: true)
                let gone = killed == .hub ? hub : one
                try gone.kill()
                if killed == .hub { try await one.program.hears("disconnected") }
                try edits(hub.folder, one.folder)
                if killed == .hub {
                    try await hub.listen()
                } else {
                    try await one.join()
                }
                try await settle(hub, one, two)
                try check(hub, one)
            }
        }

        @Test("what each did alone reaches the other", arguments: Killed.allCases)
        func independent(killed: Killed) async throws {
            try await apart(killed) { folder in
                try folder.write("1", to: "edited-by-hub")
                try folder.write("1", to: "edited-by-one")
                try folder.write("1", to: "deleted-by-hub")
                try folder.write("1", to: "deleted-by-one")
                try folder.makeDirectory("d")
                try folder.write("1", to: "d/f")
            } edits: { hub, one in
                try hub.write("2", to: "edited-by-hub")
                try one.write("2", to: "edited-by-one")
                try hub.remove("deleted-by-hub")
                try one.remove("deleted-by-one")
                try hub.makeDirectory("new-by-hub")
                try one.makeDirectory("new-by-one")
                try one.write("3", to: "new-by-one/f")
                try one.rename("d", to: "renamed-by-one")
            } check: { (hub, _) throws in
                let names: [Name] = [
                    "edited-by-hub", "edited-by-one", "new-by-hub", "new-by-one", "new-by-one/f", "renamed-by-one",
                    "renamed-by-one/f",
                ]
                #expect(try hub.folder.items().keys.sorted() == names)
                #expect(try hub.folder.text("edited-by-hub") == "2")
                #expect(try hub.folder.text("edited-by-one") == "2")
            }
        }

        @Test("two versions of one file are both kept, everywhere", arguments: Killed.allCases)
        func conflict(killed: Killed) async throws {
            try await apart(killed) { folder in
                try folder.write("first", to: "report.txt")
                try folder.write("first", to: "agreed")
            } edits: { hub, one in
                for folder in [hub, one] { try folder.write("the same", to: "agreed") }
                try hub.write("of hub", to: "report.txt")
                try one.write("of one", to: "report.txt")
            } check: { (hub, one) throws in
                let names = try hub.folder.children().filter { $0 != ".nosocks" }
                #expect(names.count == 3)
                let copy = try #require(names.first { $0 != "agreed" && $0 != "report.txt" })
                // SHA-256 of "of one", as sha256sum says; by its first 8 digits every replica gives the same name.
                #expect("\(copy)".wholeMatch(of: /report\.conflict-one-[0-9a-f]{8}\.txt/) != nil)
                #expect(try hub.folder.text("report.txt") == "of hub")
                #expect(try hub.folder.text(copy) == "of one")
                #expect(try one.program.events.contains { $0.event == "conflict" && $0.copy == "\(copy)" })
            }
        }

        @Test("an edit beats a delete, whoever made it", arguments: Killed.allCases)
        func editBeatsDelete(killed: Killed) async throws {
            try await apart(killed) { folder in
                try folder.write("1", to: "a")
                try folder.write("1", to: "b")
                try folder.makeDirectory("d")
                try folder.write("1", to: "d/in")
            } edits: { hub, one in
                try hub.write("2", to: "a")
                try one.remove("a")
                try hub.remove("b")
                try one.write("2", to: "b")
                try hub.removeTree("d")
                try one.write("new", to: "d/new")
            } check: { (hub, _) throws in
                #expect(try hub.folder.items().keys.sorted() == ["a", "b", "d", "d/new"])
                #expect(try hub.folder.text("a") == "2")
                #expect(try hub.folder.text("b") == "2")
            }
        }

        @Test("what both deleted is gone, and a directory takes the name from a file", arguments: Killed.allCases)
        func deletedByBoth(killed: Killed) async throws {
            try await apart(killed) { folder in
                try folder.write("1", to: "a")
                try folder.makeDirectory("d")
            } edits: { hub, one in
                for folder in [hub, one] {
                    try folder.remove("a")
                    try folder.remove("d")
                }
                try hub.makeDirectory("n.x")
                try hub.write("in", to: "n.x/in")
                try one.write("file", to: "n.x")
                try one.makeDirectory("m.x")
                try one.write("in", to: "m.x/in")
                try hub.write("file", to: "m.x")
            } check: { (hub, _) throws in
                #expect(!hub.folder.exists("a"))
                #expect(!hub.folder.exists("d"))
                #expect(try hub.folder.text("n.x/in") == "in")
                #expect(try hub.folder.text("m.x/in") == "in")
                let copies = try hub.folder.children().filter { "\($0)".contains(/^[nm]\.conflict-.*\.x$/) }
                #expect(copies.count == 2)
                for copy in copies { #expect(try hub.folder.text(copy) == "file") }
            }
        }

        /// What may be at a name.
        enum Kind: String, CaseIterable, Sendable {
            case file
            case directory
            case symlink

            func make(_ text: String, at name: Name, in folder: Folder) throws {
                switch self {
                case .file: try folder.write(text, to: name)
                case .directory:
                    try folder.makeDirectory(name)
                    try folder.write(text, to: "\(name)/in")
                case .symlink: try folder.link(name, to: Name(stringLiteral: text))
                }
            }

            func edit(_ text: String, at name: Name, in folder: Folder) throws {
                switch self {
                case .file: try folder.write(text, to: name)
                case .directory: try folder.write(text, to: "\(name)/in")
                case .symlink:
                    try folder.remove(name)
                    try folder.link(name, to: Name(stringLiteral: text))
                }
            }
        }

        @Test(
            "whatever one side makes of a name that the other edits, or edits in, nothing of it is lost",
            arguments: Kind.allCases, Kind.allCases)
        func kinds(old: Kind, new: Kind) async throws {
            for killed in Killed.allCases {
                try await apart(killed) { folder in
                    try old.make("before", at: "hubs", in: folder)
                    try old.make("before", at: "ones", in: folder)
                } edits: { hub, one in
                    for (maker, editor, name) in [(hub, one, "hubs"), (one, hub, "ones")] {
                        let name = Name(stringLiteral: name)
                        try maker.removeTree(name)
                        try new.make("made", at: name, in: maker)
                        try old.edit("edited", at: name, in: editor)
                    }
                } check: { (hub, _) throws in
                    let items = try hub.folder.items()
                    var texts: [String] = []
                    for (name, item) in items {
                        switch item.kind {
                        case .file: texts.append(try hub.folder.text(name))
                        case .symlink: texts.append("\(item.target)")
                        case .directory, .other: break
                        }
                    }
                    #expect(texts.sorted() == ["edited", "edited", "made", "made"], "\(items.keys.sorted())")
                }
            }
        }

        @Test("two directories that were each moved into the other lose nothing", arguments: Killed.allCases)
        func intoEachOther(killed: Killed) async throws {
            try await apart(killed) { folder in
                for name: Name in ["a", "b", "c"] {
                    try folder.makeDirectory(name)
                    try folder.write("in \(name)", to: "\(name)/f")
                }
            } edits: { hub, one in
                try hub.rename("a", to: "b/a")
                try one.rename("b", to: "a/b")
                try hub.rename("c", to: "b/a/c")
                try one.write("edited", to: "c/f")
            } check: { (hub, _) throws in
                let items = try hub.folder.items()
                let texts = try items.filter { $0.value.kind == .file }.keys.map { try hub.folder.text($0) }
                #expect(Set(texts).isSuperset(of: ["in a", "in b", "edited"]), "\(items.keys.sorted())")
            }
        }

        @Test("three versions of one file are all kept")
        func threeVersions() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try hub.folder.write("first", to: "file")
                try await settle(hub, one, two)
                for replica in [hub, one, two] { try replica.kill() }
                for replica in [hub, one, two] { try replica.folder.write("of \(replica.name)", to: "file") }
                try await hub.listen()
                try await one.join()
                try await two.join()
                try await settle(hub, one, two)
                let names = try hub.folder.children().filter { $0 != ".nosocks" }
                #expect(Set(try names.map { try hub.folder.text($0) }) == ["of hub", "of one", "of two"])
                #expect(names.count == 3)
                #expect(try hub.folder.text("file") == "of hub")
            }
        }
    }
}
