import NIOCore
import Testing
import Tree
import WebSocket
import Wire

extension Commands {
    @Suite("A peer that lies")
    struct HostilePeer {
        /// What a stranger sends, and whether it shakes hands before.
        struct Attack: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let greets: Bool
            let code: CloseCode?
            let messages: @Sendable () throws -> [ByteBuffer]

            init(
                _ name: String, greets: Bool = true, endsWith code: CloseCode? = nil,
                _ messages: @escaping @Sendable () throws -> [ByteBuffer]
            ) {
                testDescription = name
                self.greets = greets
                self.code = code
                self.messages = messages
            }
        }

        private static func offer(
            _ path: String, _ entry: Entry, _ attachment: Tree.Attachment<ByteBuffer> = .none, number: UInt64 = 1
        ) throws -> Offer<ByteBuffer> {
            Offer(
                number: number, submission: Submission(path: try RelativePath(path), base: .zero, entry: entry),
                attachment: attachment, isInquiry: false)
        }

        /// A file whose digest is nobody's, or the one given.
        private static func file(_ size: UInt64, _ digest: Digest? = Digest([UInt8](repeating: 7, count: 32))) -> Entry
        {
            guard let digest else { return .tombstone }
            return .file(
                Entry.File(
                    size: size, digest: digest, mode: Mode(rawValue: 0o644),
                    mtime: Timestamp(seconds: 1, nanoseconds: 0)))
        }

        private static func submit(_ offers: Offer<ByteBuffer>...) -> ByteBuffer {
            MessageEncoder().encode(.submit(offers))
        }

        /// A submission whose path is `path`, which the types forbid: another of its length is replaced in the bytes.
        private static func forged(_ path: [UInt8], inPlaceOf text: String = "Q") throws -> ByteBuffer {
            let parts = Array(text.utf8)
            let stand = path.indices.map { parts[$0 % parts.count] }.dropLast() + [UInt8(ascii: "Q")]
            let content = ByteBuffer(string: "evil")
            let offer = try offer(String(decoding: stand, as: UTF8.self), file(4), .content(content))
            var bytes = Array(submit(offer).readableBytesView)
            let start = try #require(bytes.indices.first { bytes[$0...].starts(with: stand) })
            bytes.replaceSubrange(start..<(start + path.count), with: path)
            return ByteBuffer(bytes: bytes)
        }

        static let attacks = [
            Attack("random bytes", greets: false, endsWith: .policyViolation) {
                [ByteBuffer(bytes: (0..<5000).map { _ in UInt8.random(in: 0...127) } + [0])]
            },
            Attack("random bytes after hello") {
                [ByteBuffer(bytes: [6, 0xff, 0xff] + [UInt8](repeating: 9, count: 99))]
            },
            Attack("an empty message", endsWith: .policyViolation) { [ByteBuffer()] },
            Attack("a hello cut short", greets: false, endsWith: .policyViolation) {
                let hello = HostileClient.hello
                return [hello.getSlice(at: 0, length: hello.readableBytes / 2) ?? hello]
            },
            Attack("no hello", greets: false) {
                [MessageEncoder().encode(.applied(Revision(rawValue: 1), known: Revision(rawValue: 1)))]
            },
            Attack("a second hello") { [HostileClient.hello] },
            Attack("what only hubs say") { [MessageEncoder().encode(.caughtUp(Revision(rawValue: 5)))] },
            Attack("a message that inflates to 48 MiB", endsWith: .messageTooBig) {
                [ByteBuffer(repeating: 0, count: 48 << 20)]
            },
            Attack("a count of more than there is", endsWith: .policyViolation) {
                [ByteBuffer(bytes: [5, 3, 0, 0xff, 0xff, 0x03])]
            },
            Attack("a file of an absurd size", endsWith: .policyViolation) {
                [submit(try offer("absurd", file(1 << 62)))]
            },
            Attack("a path with ..", endsWith: .policyViolation) { [try forged(Array("../outside".utf8))] },
            Attack("a path with .. inside", endsWith: .policyViolation) { [try forged(Array("a/../../b".utf8))] },
            Attack("an absolute path", endsWith: .policyViolation) { [try forged(Array("/tmp/nosocks-evil".utf8))] },
            Attack("a path with a NUL", endsWith: .policyViolation) { [try forged([0x61, 0, 0x62])] },
            Attack("a path of the hub's own state", endsWith: .policyViolation) {
                [try forged(Array(".nosocks/lock".utf8))]
            },
            Attack("a path with an empty name", endsWith: .policyViolation) { [try forged(Array("a//b".utf8))] },
            Attack("a name of 256 bytes", endsWith: .policyViolation) {
                // The path that takes its place is as long, and one name.
                [try forged([UInt8](repeating: UInt8(ascii: "n"), count: 256), inPlaceOf: "Q/")]
            },
            Attack("content that has another digest") {
                [submit(try offer("evil", file(4), .content(ByteBuffer(string: "evil"))))]
            },
            Attack("content that has another size") {
                [submit(try offer("evil", file(9), .content(ByteBuffer(string: "evil"))))]
            },
            Attack("a chunk list that has another digest") {
                let digest = try #require(Digest([UInt8](repeating: 3, count: 32)))
                let chunks = [UInt32](repeating: 10_000, count: 10).map { Chunk(size: $0, digest: digest) }
                let list = ChunkList(fileSize: 100_000, chunks: chunks).encoded()
                return [submit(try offer("evil", file(100_000), .list(ByteBuffer(bytes: list))))]
            },
        ]

        @Test("is sent away with a close code, writes nothing, and the hub serves on", arguments: attacks)
        func attack(attack: Attack) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.write("text", to: "file")
                let one = try await bench.peer("one", of: hub)
                try await settle(hub, one)
                let before = try bench.folder.items().keys.filter { !"\($0)".contains(".nosocks") }.sorted()

                let client = try await HostileClient(port: hub.port, greets: attack.greets)
                for message in try attack.messages() { client.send(message) }
                let code = try await client.closing()
                #expect(code != nil, "the connection was lost without a word")
                if let expected = attack.code { #expect(code == expected) }

                #expect(try bench.folder.items().keys.filter { !"\($0)".contains(".nosocks") }.sorted() == before)
                try one.folder.write("goes on", to: "after")
                try await settle(hub, one)
                #expect(try hub.folder.items().keys.sorted() == ["after", "file"])
                let two = try await bench.peer("two", of: hub)
                try await settle(hub, one, two)
            }
        }

        @Test("whoever says to be the hub itself, or to speak later versions alone, is told why it has to go")
        func impossibleHello() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let first = try await HostileClient(port: hub.port, greets: true)
                let id = try await first.welcome().replica
                let itself = MessageEncoder().encode(
                    .hello(Hello(versions: 2...2, replica: id, name: "hub", cursor: .start)))
                let later = MessageEncoder().encode(
                    .hello(Hello(versions: 7...9, replica: 1, name: "late", cursor: .start)))
                for (hello, reason) in [(itself, Goodbye.Reason.sameReplica), (later, .version)] {
                    let client = try await HostileClient(port: hub.port, greets: true, saying: hello)
                    _ = try await client.closing()
                    #expect(client.goodbye?.reason == reason)
                }
                #expect(try hub.program.events.count { $0.event == "peer-joined" } == 1)
            }
        }

        @Test("a hub that is only for reading takes nothing from one who offers all the same")
        func offersToReadOnly() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--read-only"])
                try hub.folder.write("text", to: "file")
                let client = try await HostileClient(port: hub.port, greets: true)
                #expect(try await client.welcome().isReadOnly)
                let entry = Self.file(4, Digest(HostileClient.digestOfEvil))
                let evil = Tree.Attachment<ByteBuffer>.content(ByteBuffer(string: "evil"))
                client.send(Self.submit(try Self.offer("evil", entry, evil)))
                client.send(Self.submit(try Self.offer("file", .tombstone, number: 2)))
                try await eventually("two verdicts") { client.settlements.count == 2 }
                #expect(client.settlements.map(\.verdict) == [.refused(.readOnly), .refused(.readOnly)])
                #expect(try hub.folder.items().keys.sorted() == ["file"])
            }
        }

        @Test("a symlink of its own does not lead it out of the folder")
        func throughSymlink() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let outside = bench.folder.folder("outside")
                try outside.makeDirectory()
                let client = try await HostileClient(port: hub.port, greets: true)
                let digest = try #require(Digest(HostileClient.digestOfEvil))
                let link = Entry.symlink(Entry.Symlink(target: outside.path.bytes))
                let entry = Self.file(4, digest)
                client.send(Self.submit(try Self.offer("link", link)))
                let evil = Tree.Attachment<ByteBuffer>.content(ByteBuffer(string: "evil"))
                client.send(Self.submit(try Self.offer("link/evil", entry, evil, number: 2)))
                client.send(Self.submit(try Self.offer("good", entry, evil, number: 3)))
                for name: Name in ["link", "good"] {
                    try await eventually("\(name)") { hub.folder.exists(name) }
                }
                #expect(try outside.children() == [])
                #expect(try hub.folder.text("good") == "evil")
            }
        }

        @Test("raw bytes instead of frames end the connection and nothing else", arguments: RawAttack.allCases)
        func raw(attack: RawAttack) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                let answer = try await RawClient.talk(port: hub.port, attack)
                #expect(attack.expects(answer), "\(answer)")
                let one = try await bench.peer("one", of: hub)
                try one.folder.write("text", to: "file")
                try await settle(hub, one)
            }
        }
    }
}
