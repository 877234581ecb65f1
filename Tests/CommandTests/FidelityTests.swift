import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    @Suite("What a folder can hold")
    struct Fidelity {
        /// A way to fill a folder, and what it is called.
        struct Content: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let make: @Sendable (Folder) throws -> Void

            init(_ name: String, _ make: @escaping @Sendable (Folder) throws -> Void) {
                testDescription = name
                self.make = make
            }
        }

        static let contents = [
            Content("empty files and directories") { folder in
                try folder.write("", to: "empty")
                try folder.makeDirectory("void")
                try folder.makeDirectory("void/void")
            },
            Content("files around the sizes at which they are cut") { folder in
                for size in [1, 4095, 65535, 65536, 65537, 200_000] { try folder.writeRandom(size, to: "\(size)") }
            },
            Content("a sparse file") { try $0.writeSparse("island", size: 20 << 20, to: "sparse") },
            Content("symlinks of every kind") { folder in
                try folder.makeDirectory("d")
                try folder.write("in", to: "d/f")
                try folder.link("to-file", to: "d/f")
                try folder.link("to-directory", to: "d")
                try folder.link("dangling", to: "nowhere")
                try folder.link("absolute", to: "/etc")
                try folder.link("out", to: "../../..")
                try folder.link("loop", to: "loop")
                try folder.link("long", to: Name([UInt8](repeating: UInt8(ascii: "x"), count: 4000)))
                try folder.link("raw", to: Name([0xff, 0xfe]))
            },
            Content("permission bits") { folder in
                for mode: mode_t in [0o400, 0o444, 0o600, 0o604, 0o644, 0o664, 0o700, 0o755, 0o777] {
                    try folder.write("\(mode)", to: "f\(mode)")
                    try folder.setMode(mode, of: "f\(mode)")
                }
                for mode: mode_t in [0o700, 0o711, 0o750, 0o777] {
                    try folder.makeDirectory("d\(mode)")
                    try folder.setMode(mode, of: "d\(mode)")
                }
            },
            Content("times") { folder in
                let times = [(0, 0), (0, 1), (-1, 999_999_999), (1_700_000_000, 123_456_789), (4_102_444_800, 7)]
                for (seconds, nanoseconds) in times {
                    let name: Name = "t\(seconds).\(nanoseconds)"
                    try folder.write("time", to: name)
                    try folder.setTime(seconds: seconds, nanoseconds: nanoseconds, of: name)
                }
            },
            Content("names as bytes") { folder in
                let names: [[UInt8]] = [
                    [0xff, 0xc0, 0x80], Array("line\nbreak".utf8), Array(" ".utf8), Array("-rf".utf8),
                    Array("back\\slash".utf8), Array("\u{1b}[31m".utf8), Array("...".utf8), Array("*?".utf8),
                    [UInt8](repeating: UInt8(ascii: "n"), count: 255), Array("Name".utf8), Array("name".utf8),
                    Array("caf\u{e9}".utf8), Array("cafe\u{301}".utf8), [0xed, 0xa0, 0x80], Array("🧦".utf8),
                ]
                for (number, name) in names.enumerated() { try folder.write("\(number)", to: Name(name)) }
                try folder.makeDirectory(Name([0xfe, 0x0a]))
                try folder.write("in", to: Name([0xfe, 0x0a, 0x2f, 0xff]))
            },
            Content("a deep path") { folder in
                var path: Name = "deep"
                for level in 0..<15 {
                    try folder.makeDirectory(path)
                    path = path.appending(Name([UInt8](repeating: UInt8(ascii: "a") + UInt8(level), count: 200)))
                }
                try folder.write("bottom", to: path)
            },
        ]

        @Test("arrives whole in a snapshot, and live from a peer", arguments: contents)
        func arrives(content: Content) async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                try hub.folder.makeDirectory("snapshot")
                try content.make(hub.folder.folder("snapshot"))
                let before = try hub.folder.items()
                try await hub.listen()
                let one = try await bench.peer("one", of: hub)
                #expect(try one.folder.differences(from: hub.folder) == [])
                try one.folder.makeDirectory("live")
                try content.make(one.folder.folder("live"))
                let two = try await bench.peer("two", of: hub)
                try await settle(hub, one, two)
                for (name, item) in before { #expect(try two.folder.item(name) == item) }
                #expect(try hub.folder.items().keys.contains { $0.bytes.starts(with: Array("live/".utf8)) })
                #expect(try await bench.judge(hub, two) == "")
            }
        }

        @Test("a large file arrives, and so do an edit in its middle, a copy and a new name")
        func large() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try hub.folder.writeRandom(40 << 20, to: "large")
                try await settle(hub, one)
                try one.folder.overwrite("an edit", at: 17 << 20, of: "large")
                try await settle(hub, one)
                try one.folder.rename("large", to: "renamed")
                try await bench.shell("cp renamed copy && truncate -s 30M renamed", in: one.folder)
                try await settle(hub, one)
                #expect(try hub.folder.item("copy").size == 40 << 20)
            }
        }

        @Test("an entry becomes one of another kind, and another again")
        func kinds() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                let makers: [(Item.Kind, (Folder) throws -> Void)] = [
                    (.file, { try $0.write("file", to: "it") }),
                    (
                        .directory,
                        { folder in
                            try folder.makeDirectory("it")
                            try folder.write("in", to: "it/in")
                        }
                    ),
                    (.symlink, { try $0.link("it", to: "elsewhere") }),
                ]
                // Every change of kind is one step of this walk.
                for (step, index) in [0, 1, 2, 0, 2, 1, 0].enumerated() {
                    let folder = step.isMultiple(of: 2) ? one.folder : hub.folder
                    if folder.exists("it") { try folder.removeTree("it") }
                    try makers[index].1(folder)
                    try await settle(hub, one)
                    #expect(try hub.folder.kind(of: "it") == makers[index].0, "step \(step)")
                }
            }
        }

        @Test("setuid, setgid and sticky bits travel neither way, nor do owners")
        func specialBits() async throws {
            try await Bench.run { bench in
                let hub = try Replica(at: bench, name: "hub")
                func make(_ folder: Folder, _ prefix: String) async throws {
                    // Whoever may not give files away keeps them.
                    try await bench.shell(
                        "echo x > \(prefix)f; mkdir \(prefix)d; chown 1234:1234 \(prefix)* || true; "
                            + "chmod 6755 \(prefix)f; chmod 3777 \(prefix)d", in: folder)
                }
                try await make(hub.folder, "hubs-")
                try await hub.listen()
                let one = try await bench.peer("one", of: hub)
                try await make(one.folder, "ones-")
                for (folder, prefix) in [(one.folder, "hubs-"), (hub.folder, "ones-")] {
                    let (file, directory): (Name, Name) = (
                        "\(Name(stringLiteral: prefix))f", "\(Name(stringLiteral: prefix))d"
                    )
                    try await eventually("\(file) and \(directory)") {
                        (try? folder.item(file).mode) == 0o755 && (try? folder.item(directory).mode) == 0o777
                    }
                    #expect(try folder.status(file).st_uid == geteuid())
                    #expect(try folder.status(directory).st_uid == geteuid())
                }
                // Nor does what arrives take them from where it was made.
                #expect(try hub.folder.item("hubs-f").mode == 0o6755)
            }
        }

        @Test("a name that changes only its case, and metadata alone, arrive")
        func metadata() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let one = try await bench.peer("one", of: hub)
                try one.folder.write("text", to: "readme")
                try one.folder.makeDirectory("d")
                try await settle(hub, one)
                try one.folder.rename("readme", to: "README")
                try await settle(hub, one)
                #expect(try hub.folder.children().contains("README"))
                try hub.folder.setMode(0o751, of: "README")
                try hub.folder.setMode(0o700, of: "d")
                try hub.folder.setTime(seconds: 5, nanoseconds: 5, of: "README")
                try await settle(hub, one)
                #expect(try one.folder.item("README").mode == 0o751)
                // No version of the file was in conflict with another.
                #expect(try one.folder.items().count == 2)
            }
        }
    }
}
