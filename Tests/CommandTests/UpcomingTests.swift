import NIOCore
import Testing
import Tree
import Wire

extension Commands {
    @Suite("Another version of a large file is coming")
    struct Upcoming {
        private static let size = 24 << 20

        /// The digest of what the hub and all others agree on at `path`.
        private static func digest(of path: String, heardBy client: HostileClient) async throws -> Digest {
            try await eventually("\(path)") { client.entries[path] != nil }
            return try #require(client.entries[path]?.largeFile?.digest)
        }

        @Test("all others hear of it while it is being read, at the hub or at a peer", arguments: ["hub", "one"])
        func isTold(actor: String) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.writeRandom(Self.size, to: "large")
                let one = try await bench.peer("one", of: hub)
                let two = try await bench.peer("two", of: hub)
                try await settle(hub, one, two)
                let client = try await HostileClient(port: hub.port, greets: true)
                let former = try await Self.digest(of: "large", heardBy: client)
                try await eventually("it is up to date") { client.isCaughtUp }

                let at = bench.folder.folder(Name(stringLiteral: actor))
                try at.overwrite("edited", at: Self.size / 2, of: "large")
                try await settle(hub, one, two)
                try await eventually("that it is over") { client.upcoming.last == .some(nil) }
                #expect(client.upcoming.first == former)
                for replica in [hub, one, two] {
                    try await eventually("staging to be empty") {
                        try replica.folder.children(of: ".nosocks/staging").isEmpty
                    }
                }
            }
        }

        @Test("what has nothing in common with it is not told, and that it was touched is told once")
        func isNotTold() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.writeRandom(Self.size, to: "large")
                let one = try await bench.peer("one", of: hub)
                try await settle(hub, one)
                let client = try await HostileClient(port: hub.port, greets: true)
                _ = try await Self.digest(of: "large", heardBy: client)
                try await eventually("it is up to date") { client.isCaughtUp }
                for seconds in [1_000_000_000, 1_100_000_000, 1_200_000_000] {
                    try await bench.run("touch", "-d", "@\(seconds)", "hub/large")
                    try await settle(hub, one)
                }
                // By the hub; and by the peer, which reads what it gave another time.
                #expect(client.upcoming.filter { $0 != nil }.count <= 2)
                let count = client.upcoming.count
                try hub.folder.writeRandom(Self.size, to: "other")
                let former = try await Self.digest(of: "other", heardBy: client)
                try hub.folder.writeRandom(Self.size, to: "other")
                try await eventually("its other content") { client.entries["other"]?.largeFile?.digest != former }
                #expect(client.upcoming.count == count)
            }
        }

        @Test("who hears of it copies what is there, and lets go of the copy when it is over")
        func isCopied() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub()
                try hub.folder.writeRandom(Self.size, to: "large")
                let client = try await HostileClient(port: hub.port, greets: true)
                let digest = try await Self.digest(of: "large", heardBy: client)
                func staged() throws -> [Name] { try hub.folder.children(of: ".nosocks/staging") }
                client.send(MessageEncoder().encode(.upcoming(digest)))
                try await eventually("a copy") { try staged().count == 1 }
                client.send(MessageEncoder().encode(.upcoming(nil)))
                try await eventually("an end of it") { try staged().isEmpty }
                client.send(MessageEncoder().encode(.upcoming(digest)))
                try await eventually("another copy") { try staged().count == 1 }
                client.close()
                try await eventually("an end of that, too") { try staged().isEmpty }
            }
        }

        @Test("nobody who may only read has a hub copy anything")
        func readsOnly() async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(["--read-only"])
                try hub.folder.writeRandom(Self.size, to: "large")
                let client = try await HostileClient(port: hub.port, greets: true)
                let digest = try await Self.digest(of: "large", heardBy: client)
                client.send(MessageEncoder().encode(.upcoming(digest)))
                let submission = Submission(path: try RelativePath("large"), base: .zero, entry: .tombstone)
                let offer = Offer<ByteBuffer>(
                    number: 1, submission: submission, attachment: .none, isInquiry: false)
                client.send(MessageEncoder().encode(.submit([offer])))
                try await eventually("a verdict") { client.settlements.count == 1 }
                #expect(try hub.folder.children(of: ".nosocks/staging").isEmpty)
            }
        }
    }
}
