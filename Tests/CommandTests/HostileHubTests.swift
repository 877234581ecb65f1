import NIOCore
import Testing
import Tree
import WebSocket
import Wire

extension Commands {
    @Suite("A hub that lies")
    struct HostileHubs {
        /// What a hub says, and how a peer that hears it ends the connection; by ending itself where it has a status.
        struct Lie: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let code: CloseCode
            let status: Program.Status?
            let messages: @Sendable () throws -> [ByteBuffer]

            init(
                _ name: String, closes code: CloseCode = .policyViolation, endsWith status: Program.Status? = nil,
                _ messages: @escaping @Sendable () throws -> [ByteBuffer]
            ) {
                testDescription = name
                self.code = code
                self.status = status
                self.messages = messages
            }
        }

        private static func evil(size: UInt64 = 4) throws -> Entry {
            .file(
                Entry.File(
                    size: size, digest: try #require(Digest(HostileClient.digestOfEvil)), mode: Mode(rawValue: 0o644),
                    mtime: Timestamp(seconds: 1, nanoseconds: 0)))
        }

        private static func feed(_ deliveries: Delivery<ByteBuffer>...) -> [ByteBuffer] {
            [HostileHub.welcome(head: UInt64(deliveries.count)), HostileHub.changes(deliveries)]
        }

        /// A feed with a path that the types forbid: another of its length is replaced in the bytes.
        private static func forged(_ path: [UInt8]) throws -> [ByteBuffer] {
            let stand = [UInt8](repeating: UInt8(ascii: "Q"), count: path.count)
            let content = Tree.Attachment<ByteBuffer>.content(ByteBuffer(string: "evil"))
            let name = String(decoding: stand, as: UTF8.self)
            let messages = feed(try HostileHub.delivery(name, 1, evil(), content))
            var bytes = Array(messages[1].readableBytesView)
            let start = try #require(bytes.indices.first { bytes[$0...].starts(with: stand) })
            bytes.replaceSubrange(start..<(start + path.count), with: path)
            return [messages[0], ByteBuffer(bytes: bytes)]
        }

        static let lies = [
            Lie("a path with ..") { try forged(Array("../outside".utf8)) },
            Lie("a path with .. inside") { try forged(Array("a/../../outside".utf8)) },
            Lie("an absolute path") { try forged(Array("/tmp/nosocks-evil".utf8)) },
            Lie("a path of the peer's own state") { try forged(Array(".nosocks/config.toml".utf8)) },
            Lie("a path with an empty name") { try forged(Array("a//b".utf8)) },
            Lie("a path with a NUL") { try forged([0x61, 0, 0x62]) },
            Lie("a message that only peers send", closes: .normalClosure) {
                [
                    HostileHub.welcome(head: 0),
                    MessageEncoder().encode(.applied(Revision(rawValue: 1), known: Revision(rawValue: 1))),
                ]
            },
            Lie("changes before a welcome", closes: .normalClosure) {
                let directory = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
                return [HostileHub.changes([try HostileHub.delivery("directory", 1, directory)])]
            },
            Lie("a version that was not on offer", endsWith: 8) { [HostileHub.welcome(version: 1, head: 0)] },
            Lie("that it speaks no version in common", endsWith: 8) {
                [MessageEncoder().encode(.goodbye(Goodbye(reason: .version, text: "this hub speaks protocol 7")))]
            },
        ]

        @Test("is left, and nothing of it is written, inside or outside", arguments: lies)
        func lie(lie: Lie) async throws {
            try await Bench.run { bench in
                let hub = try await HostileHub(try lie.messages())
                let place = bench.folder.folder("place")
                try place.makeDirectory()
                try place.write("mine", to: "own")
                let peer = try bench.nosocks(["join", hub.url, place.text, "--json", "-v"])
                try await eventually("the end of the connection") { !hub.endings.isEmpty }
                if let status = lie.status {
                    #expect(try await peer.ending() == status, "\(peer.errors)")
                } else {
                    #expect(hub.endings.first == lie.code)
                }
                #expect(try place.items().keys.sorted() == ["own"])
                #expect(try place.text("own") == "mine")
                #expect(try bench.folder.children().sorted() == ["log", "place"])
                try await hub.close()
            }
        }

        @Test("who says welcome, and breaks the protocol each time, is tried ever more rarely")
        func backoff() async throws {
            try await Bench.run { bench in
                let hub = try await HostileHub([
                    HostileHub.welcome(head: 0),
                    MessageEncoder().encode(.applied(Revision(rawValue: 1), known: Revision(rawValue: 1))),
                ])
                let peer = try bench.nosocks(["join", hub.url, "place", "--json", "-v"])
                try await peer.hears("disconnected")
                let begin = ContinuousClock.now
                // Seven waits of a quarter of a second at the most would be over by then; those that double are drawn
                // from 0.25 s up to 16 s.
                try await eventually("more attempts", state: { peer.errors }) { hub.endings.count >= 8 }
                #expect(ContinuousClock.now - begin > .milliseconds(1800))
                try await hub.close()
            }
        }

        @Test("content that is not what it was said to be gets no name, and all else goes on")
        func otherContent() async throws {
            try await Bench.run { bench in
                let good = Tree.Attachment<ByteBuffer>.content(ByteBuffer(string: "evil"))
                let bad = Tree.Attachment<ByteBuffer>.content(ByteBuffer(string: "good"))
                let hub = try await HostileHub(
                    Self.feed(
                        try HostileHub.delivery("bad", 1, Self.evil(), bad),
                        try HostileHub.delivery("good", 2, Self.evil(), good)))
                let place = bench.folder.folder("place")
                let peer = try bench.nosocks(["join", hub.url, place.text, "--json", "-v"])
                // Both have the same digest, and what is right for one is right for the other.
                try await eventually("what is right", state: { peer.errors }) { place.exists("good") }
                #expect(try place.text("good") == "evil")
                if place.exists("bad") { #expect(try place.text("bad") == "evil") }
                #expect(try await bench.run("grep", "-rlx", "good", "place").output == "")
                try await hub.close()
            }
        }

        @Test("a symlink of its own does not lead it out of the peer's folder")
        func throughSymlink() async throws {
            try await Bench.run { bench in
                let outside = bench.folder.folder("outside")
                try outside.makeDirectory()
                let link = Entry.symlink(Entry.Symlink(target: outside.path.bytes))
                let content = Tree.Attachment<ByteBuffer>.content(ByteBuffer(string: "evil"))
                let hub = try await HostileHub(
                    Self.feed(
                        try HostileHub.delivery("link", 1, link),
                        try HostileHub.delivery("link/evil", 2, Self.evil(), content),
                        try HostileHub.delivery("link/d", 3, .directory(Entry.Directory(mode: Mode(rawValue: 0o777)))),
                        try HostileHub.delivery("good", 4, Self.evil(), content)))
                let place = bench.folder.folder("place")
                let peer = try bench.nosocks(["join", hub.url, place.text, "--json", "-v"])
                try await eventually("what can be", state: { peer.errors }) { place.exists("good") }
                #expect(try place.kind(of: "link") == .symlink)
                #expect(try outside.children() == [])
                try await hub.close()
            }
        }
    }
}
