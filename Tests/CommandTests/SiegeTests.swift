import Disk
import NIOCore
import Testing
import Tree
import WebSocket
import Wire

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    /// Each of these tests attacks a hub, and demands that the hub serves others meanwhile, takes no more memory than it
    /// says, and ends what attacks it, with a word where there is one. What is bounded, and how, stands in
    /// `Limits.md` of `WebSocketNIO`.
    @Suite("A hub under siege", .serialized)
    struct Siege {
        /// A hub that a siege is laid to, and a peer that works on.
        private struct Ground {
            let hub: Replica
            let one: Replica

            /// The peer's work arrives.
            func isServed(_ name: Name) async throws {
                try one.folder.write("work", to: name)
                try await eventually("\(name) at the hub") { hub.folder.exists(name) }
            }
        }

        /// - Parameters:
        ///   - bound: By how many MiB the hub may have grown at the worst.
        ///   - attack: Ends when the siege is over; calls its argument in the middle of it.
        private func siege(
            growingBy bound: Int, _ options: [String] = [], prepare: (Replica) throws -> Void = { _ in },
            _ attack: (Ground, _ midst: () async throws -> Void) async throws -> Void
        ) async throws {
            try await Bench.run { bench in
                let hub = try await bench.hub(options)
                try prepare(hub)
                let one = try await bench.peer("one", of: hub)
                try await settle(hub, one)
                let ground = Ground(hub: hub, one: one)
                let memory = Memory(of: try hub.program)
                memory.resetPeak()
                let before = memory.now
                try await attack(ground) { try await ground.isServed("midst") }
                try await ground.isServed("after")
                if let before, let peak = memory.peak {
                    print("siege: \(Test.current?.name ?? ""): from \(before) to \(peak) MiB, \(bound) allowed")
                    #expect(peak - before <= bound, "the hub grew from \(before) to \(peak) MiB")
                }
                try await settle(hub, one)
            }
        }

        private func strangers(_ count: Int, at hub: Replica, listen: Bool = true) async throws -> [Stranger] {
            var all: [Stranger] = []
            for _ in 0..<count { all.append(try await Stranger.connect(port: hub.port, listens: listen)) }
            return all
        }

        /// Strangers whose WebSocket is open.
        private func guests(_ count: Int, at hub: Replica) async throws -> [Stranger] {
            let all = try await strangers(count, at: hub)
            for stranger in all { await stranger.send(Stranger.upgrade) }
            try await eventually("\(count) answers") {
                all.allSatisfy { $0.heard.starts(with: Array("HTTP/1.1 101".utf8)) }
            }
            return all
        }

        /// The end of all these connections.
        private func gone(_ all: [Stranger]) async throws {
            try await eventually("\(all.count) ends", state: { "\(all.count { !$0.isGone }) are left" }) {
                all.allSatisfy(\.isGone)
            }
        }

        @Test("Handshakes that dribble in are dropped after ten seconds, and get no answer")
        func slowHandshakes() async throws {
            try await siege(growingBy: 16) { ground, midst in
                let all = try await strangers(100, at: ground.hub)
                let start = ContinuousClock.now
                let dribble = Task {
                    for byte in Stranger.upgrade {
                        for stranger in all { await stranger.send([byte]) }
                        try await Task.sleep(for: .milliseconds(200))
                    }
                }
                try await midst()
                try await gone(all)
                #expect(ContinuousClock.now - start >= .seconds(9))
                dribble.cancel()
                #expect(all.allSatisfy { $0.heard.isEmpty })
            }
        }

        @Test("Guests who say nothing once they are in are sent away after ten seconds, with 1008")
        func silentGuests() async throws {
            try await siege(growingBy: 16) { ground, midst in
                let all = try await guests(100, at: ground.hub)
                try await midst()
                try await gone(all)
                #expect(all.allSatisfy { $0.closeCode == 1008 })
            }
        }

        @Test("A thousand connections at once, from one address, only push each other out")
        func connectFlood() async throws {
            try await siege(growingBy: 32) { ground, midst in
                let all = try await strangers(1000, at: ground.hub)
                try await eventually("most to be gone") { all.count { !$0.isGone } <= 128 }
                try await midst()
                for stranger in all { stranger.close() }
            }
        }

        @Test("Two thousand peers that do nothing cost little each")
        func idlePeers() async throws {
            var limit = rlimit()
            #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            #else
            let resource = RLIMIT_NOFILE
            #endif
            getrlimit(resource, &limit)
            limit.rlim_cur = min(limit.rlim_max, 16_384)
            setrlimit(resource, &limit)
            let count = min(2000, Int(limit.rlim_cur) / 2)
            try await siege(growingBy: 32 + count * 32 / 1024) { ground, midst in
                // They answer pings: however long it takes until all are there, the first ones stay.
                var all: [HostileClient] = []
                for _ in 0..<count { all.append(try await HostileClient(port: ground.hub.port, greets: true)) }
                try await midst()
                #expect(all.allSatisfy { !$0.isGone })
                for client in all { client.close() }
            }
        }

        @Test(
            "Bombs on fifty connections at once inflate to no more than is allowed for all of them, and end with 1009")
        func bombs() async throws {
            var bomb = ByteBuffer()
            let deflater = try #require(Deflater(windowBits: 13, noContextTakeover: true, level: 9))
            [UInt8](repeating: 0, count: 31 << 20).withUnsafeBytes { deflater.deflate($0, into: &bomb) }
            let bytes = Array(bomb.readableBytesView.dropLast(10))
            let frame = Stranger.header(0xC2, length: bomb.readableBytes) + bytes
            // What is allowed for all, and one message of 32 MiB on each of two threads that do not see it in time.
            try await siege(growingBy: 256 + 64 + 16) { ground, midst in
                let all = try await guests(50, at: ground.hub)
                for stranger in all { await stranger.send(frame) }
                try await midst()
                try await gone(all)
                #expect(all.count { $0.closeCode == 1009 } >= 40)
                let others = all.compactMap { [1008, 1009].contains($0.closeCode) ? nil : $0.heard.suffix(80) }
                #expect(others.isEmpty, "\(others)")
            }
        }

        @Test("A bomb in a thousand fragments ends with 1009 as soon as it is too much")
        func fragmentedBomb() async throws {
            var piece = ByteBuffer()
            let deflater = try #require(Deflater(windowBits: 13, noContextTakeover: true, level: 9))
            [UInt8](repeating: 0, count: 1 << 20).withUnsafeBytes { deflater.deflate($0, into: &piece) }
            // Each fragment ends at a byte, as the tail of a flush does.
            let bytes = Array(piece.readableBytesView) + [0, 0, 0xFF, 0xFF]
            try await siege(growingBy: 64 + 16) { ground, midst in
                let all = try await guests(1, at: ground.hub)
                await all[0].send(Stranger.header(0x42, length: bytes.count) + bytes)
                for _ in 0..<1000 where !all[0].isGone {
                    await all[0].send(Stranger.header(0x00, length: bytes.count) + bytes)
                }
                try await midst()
                try await gone(all)
                #expect(all[0].closeCode == 1009)
            }
        }

        @Test("Floods of pings, pongs and empty frames, to whom nobody listens, take turns with everybody else's work")
        func floods() async throws {
            try await siege(growingBy: 32) { ground, midst in
                let ping = Stranger.header(0x89, length: 125) + [UInt8](repeating: 0, count: 125)
                let frames = [ping, Stranger.header(0x8A, length: 0), Stranger.header(0x00, length: 0)]
                var floods: [Task<Void, Never>] = []
                var all: [Stranger] = []
                for frame in frames {
                    let stranger = try await Stranger.connect(port: ground.hub.port, listens: false)
                    all.append(stranger)
                    await stranger.send(Stranger.upgrade)
                    let hello = Array(HostileClient.hello.readableBytesView)
                    await stranger.send(Stranger.header(0x82, length: hello.count) + hello)
                    if frame[0] == 0 { await stranger.send(Stranger.header(0x02, length: 0)) }
                    let run = Array(repeatElement(frame, count: 10_000).joined())
                    floods.append(
                        Task {
                            while !Task.isCancelled && !stranger.isGone { await stranger.send(run) }
                        })
                }
                for number in 0..<10 { try await ground.isServed("during \(number)") }
                try await midst()
                for (flood, stranger) in zip(floods, all) {
                    flood.cancel()
                    stranger.close()
                }
            }
        }

        @Test("Peers that never read what they are sent cost what is on its way to them, and nobody waits for them")
        func neverRead() async throws {
            let count = 20
            try await siege(
                growingBy: count * 2 + 12,
                prepare: { hub in
                    for number in 0..<200 { try hub.folder.writeRandom(60_000, to: "big-\(number)") }
                    for number in 0..<4 { try hub.folder.writeRandom(3_000_000, to: "large-\(number)") }
                }
            ) { ground, midst in
                let all = try await strangers(count, at: ground.hub, listen: false)
                let hello = Array(HostileClient.hello.readableBytesView)
                for stranger in all {
                    await stranger.send(Stranger.upgrade)
                    await stranger.send(Stranger.header(0x82, length: hello.count) + hello)
                }
                for number in 0..<10 {
                    try ground.hub.folder.writeRandom(60_000, to: "more-\(number)")
                    try await ground.isServed("during \(number)")
                }
                try await midst()
                for stranger in all { stranger.close() }
            }
        }

        @Test("Offers whose content never comes are ended at the window")
        func emptyPromises() async throws {
            try await siege(growingBy: 16) { ground, midst in
                let client = try await HostileClient(port: ground.hub.port, greets: true)
                for batch in 0..<40 {
                    let offers = try (0..<100).map { number in
                        let digest = try #require(
                            Digest([UInt8(batch), UInt8(number)] + [UInt8](repeating: 7, count: 30)))
                        return Offer<ByteBuffer>(
                            number: UInt64(batch * 100 + number),
                            submission: Submission(
                                path: try RelativePath("promise-\(batch)-\(number)"), base: .zero,
                                entry: .file(
                                    Entry.File(
                                        size: 4, digest: digest, mode: Mode(rawValue: 0o644),
                                        mtime: Timestamp(seconds: 1, nanoseconds: 0)))),
                            attachment: .none, isInquiry: false)
                    }
                    client.send(MessageEncoder().encode(.submit(offers)))
                }
                try await midst()
                #expect(try await client.closing() != nil)
                #expect(try ground.hub.folder.children().allSatisfy { !"\($0)".contains("promise") })
            }
        }

        @Test("Content that nobody asked for is not kept")
        func unaskedContent() async throws {
            try await siege(growingBy: 32) { ground, midst in
                let client = try await HostileClient(port: ground.hub.port, greets: true)
                for number in 0..<1500 {
                    var content = [UInt8](repeating: 1, count: 60_000)
                    content[0] = UInt8(number & 0xFF)
                    content[1] = UInt8(number >> 8)
                    let digest = Digest(of: content)
                    let supply = Supply(
                        file: digest, list: nil, chunks: [(digest, ByteBuffer(bytes: content))], unavailable: [],
                        listUnavailable: false)
                    client.send(MessageEncoder().encode(.chunks(supply)))
                }
                try await midst()
            }
        }
    }
}
