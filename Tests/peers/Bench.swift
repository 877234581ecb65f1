import NIOCore
import Tree

import struct Crypto.SHA256

/// Runs the scenarios on one hub, one after the other.
struct Bench {
    let hub: HubProcess
    let crowd: Crowd
    let settings: Peers
    var report: Report
    private var saved = 0

    /// How long anything may take before it counts as broken.
    private static let patience = Duration.seconds(60)
    /// So many connect at a time.
    private static let atOnce = 64

    init(hub: HubProcess, crowd: Crowd, settings: Peers) {
        self.hub = hub
        self.crowd = crowd
        self.settings = settings
        report = Report(peers: settings.count, changes: settings.changes, size: settings.size)
    }

    mutating func run(_ scenarios: [Scenario]) async throws {
        try hub.start()
        try await join()
        for scenario in scenarios {
            switch scenario {
            case .fanout: report.fanout = try await changes(among: settings.count)
            case .stalled: report.stalled = try await stalled()
            case .reconnect: report.reconnect = try await reconnect()
            }
        }
    }

    // MARK: Scenarios

    /// The first peer alone, to see what a hub takes that has one; then all the others.
    private mutating func join() async throws {
        crowd.add()
        try await all(1)
        for _ in 0..<5 { _ = try await change(among: 1) }
        let one = try await restingUse()
        let start = NIODeadline.now()
        while crowd.count < settings.count {
            let coming = crowd.count - crowd.liveCount
            for _ in coming..<max(coming, min(Self.atOnce, settings.count - crowd.liveCount)) { crowd.add() }
            try await Task.sleep(for: .milliseconds(1))
            if coming == Self.atOnce { try await progress() }
        }
        try await all(settings.count)
        let took = crowd.lastInSync - start
        for _ in 0..<5 { _ = try await change(among: settings.count) }
        let many = try await restingUse()
        report.joining = Report.Joining(
            seconds: seconds(took), residentOfOne: one.resident, resident: many.resident,
            perPeer: settings.count > 1 ? Double(many.resident - one.resident) / Double(settings.count - 1) : nil)
    }

    private mutating func changes(among count: Int) async throws -> Report.Changes {
        var latencies: [Double] = []
        var toLast: [Double] = []
        var cpu: [Double] = []
        let before = try await restingUse()
        for _ in 0..<settings.changes {
            let one = try await change(among: count)
            latencies.append(one.latency)
            toLast.append(one.cpuToLast)
            cpu.append(one.cpu)
        }
        let after = try await restingUse()
        return Report.Changes(
            readers: count, latency: Spread(latencies), cpuToLast: Spread(toLast), cpu: Spread(cpu),
            residentBefore: before.resident, residentAfter: after.resident)
    }

    /// First what the sockets of those who don't read can take; then more than that.
    private mutating func stalled() async throws -> Report.Stalled {
        let readers = settings.count - settings.stalled
        crowd.stall(true, last: settings.stalled)
        defer { crowd.stall(false, last: settings.stalled) }
        let first = try await changes(among: readers)
        let before = try await restingUse()
        let start = NIODeadline.now()
        // As noise, so that no deflating makes less of it.
        let piece = 48 << 10
        for number in 0..<(settings.bulk << 20) / piece {
            try hub.save(Self.noise(piece), as: "bulk-\(number)")
        }
        // The feed is in order: who has this has all that came before.
        _ = try await change(among: readers)
        let took = NIODeadline.now() - start
        let after = try await restingUse()
        let second = try await changes(among: readers)
        return Report.Stalled(
            stalled: settings.stalled, before: first, bulk: settings.bulk << 20, bulkSeconds: seconds(took),
            bulkCPU: Double(after.cpu - before.cpu) / 1e9, residentBefore: before.resident,
            residentAfter: after.resident, peak: after.peak, after: second)
    }

    /// Something changes while the hub is away, so that each peer has something to get.
    private mutating func reconnect() async throws -> Report.Reconnect {
        var times: [Double] = []
        var cpu: [Double] = []
        let attempts = crowd.attempts
        for _ in 0..<settings.restarts {
            try await all(settings.count)
            hub.kill()
            let digest = try save(expectedBy: settings.count)
            let start = NIODeadline.now()
            try hub.start()
            try await until("all peers are in sync again, and have \(digest)") {
                try crowd.arrived != nil && crowd.liveCount == settings.count
            }
            times.append(seconds(crowd.lastInSync - start))
            cpu.append(Double(try await idleUse().cpu) / 1e9)
        }
        return Report.Reconnect(
            seconds: Spread(times), cpuSeconds: Spread(cpu),
            attemptsPerPeer: Double(crowd.attempts - attempts) / Double(settings.count * settings.restarts))
    }

    // MARK: Steps

    /// One change, from the save until the last peer has it, and what the hub spends on it until it rests again.
    private mutating func change(among count: Int) async throws -> (latency: Double, cpuToLast: Double, cpu: Double) {
        let before = try hub.use
        let start = NIODeadline.now()
        let digest = try save(expectedBy: count)
        try await until("\(count) peers have \(digest)") { try crowd.arrived != nil }
        let toLast = try hub.use
        guard let arrived = try crowd.arrived else { throw Failure("nothing arrived") }
        let after = try await idleUse()
        return (
            Double((arrived - start).nanoseconds) / 1e6, Double(toLast.cpu - before.cpu) / 1e6,
            Double(after.cpu - before.cpu) / 1e6
        )
    }

    /// Saves a change of text, under one of some names, that each peer is to have.
    private mutating func save(expectedBy count: Int) throws -> Digest {
        saved += 1
        var text = Array("change \(saved)\n".utf8)
        let words = ["the ", "folder ", "is ", "the ", "same ", "on ", "many ", "machines ", "let ", "return "]
        while text.count < settings.size { text += Array((words.randomElement() ?? "a ").utf8) }
        text.removeLast(text.count - settings.size)
        guard let digest = Digest(Array(SHA256.hash(data: text))) else { throw Failure("a digest is no digest") }
        crowd.expect(digest, by: count)
        try hub.save(text, as: "note-\(saved % 16).txt")
        return digest
    }

    /// Waits until the hub has nothing to do any more.
    ///
    /// - Returns: What it has used by then.
    private func idleUse() async throws -> HubProcess.Use {
        var last = try hub.use
        while true {
            try await Task.sleep(for: .milliseconds(25))
            let now = try hub.use
            if now.cpu - last.cpu < 100_000 { return now }
            last = now
        }
    }

    /// Waits until the hub has given back the memory that it holds on to while there is something to do.
    private func restingUse() async throws -> HubProcess.Use {
        _ = try await idleUse()
        try await Task.sleep(for: .milliseconds(1500))
        return try await idleUse()
    }

    private func all(_ count: Int) async throws {
        try await until("\(count) peers are in sync") {
            _ = try crowd.arrived
            return crowd.liveCount == count
        }
    }

    private func progress() async throws {
        let live = crowd.liveCount
        try await until("another peer is in sync") {
            _ = try crowd.arrived
            return crowd.liveCount > live
        }
    }

    private func until(_ what: String, _ condition: () throws -> Bool) async throws {
        let start = ContinuousClock.now
        while try !condition() {
            try hub.check()
            guard ContinuousClock.now - start < Self.patience else {
                throw Failure(
                    "it took too long until \(what): \(crowd.liveCount) of \(crowd.count) peers are in sync, "
                        + "and \(crowd.missing) lack what was saved last")
            }
            try await Task.sleep(for: .microseconds(500))
        }
    }

    private func seconds(_ time: TimeAmount) -> Double { Double(time.nanoseconds) / 1e9 }

    /// Bytes that do not shrink.
    private static func noise(_ count: Int) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<count / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
    }
}
