import TestSupport

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// One round of torture: a hub and two peers, edited on all sides while their processes are killed, stopped, started
/// again, cut off and left without room; and in the end a judgement.
final class Torment {
    /// What a round came to.
    struct Tally {
        var edits = 0
        var kills = 0
        var stops = 0
        var restarts = 0
        var fills = 0
    }

    private static let names: [Name] = ["a", "b", "c", "d"]

    private let seed: UInt64
    private let bench: Bench
    private let relay: Relay
    private let victims: [Victim]
    private var random: SeededRandom
    private var tally = Tally()
    /// Where large files were made: else they would hardly ever be edited.
    private var large: [Name] = ["a"]
    let ledger: Ledger
    let diary: Diary

    /// - Parameters:
    ///   - mayMount: Whether one of them may get a disk that can be filled.
    ///   - prefix: What runs the processes.
    init(seed: UInt64, at bench: Bench, mayMount: Bool, prefix: [String] = []) async throws {
        var random = SeededRandom(seed: seed)
        let ledger = Ledger()
        let diary = Diary()
        let disk = mayMount && !random.oneIn(3) ? try await SmallDisk(bench, mebibytes: 192) : nil
        let tight = random.below(3)
        var victims: [Victim] = []
        func add(_ replica: Replica, _ number: Int) throws {
            let disk = number == tight ? disk : nil
            let editor = try Editor(
                name: replica.name, folder: replica.folder,
                graveyard: (disk?.folder ?? bench.folder).folder("graves-of-\(replica.name)"), ledger: ledger,
                random: SeededRandom(seed: random.next()))
            victims.append(Victim(replica, editor, on: disk, diary))
        }
        let hub = try Replica(at: bench, name: "hub", prefix: prefix, disk: tight == 0 ? disk : nil)
        try await hub.listen()
        try add(hub, 0)
        // The one peer's connection lives some seconds at a time, the other's as long as the processes do.
        let relay = try await Relay(to: hub.port, seed: seed, lifetime: 6)
        for (number, name) in [(1, "one"), (2, "two")] {
            let replica = try Replica(
                at: bench, name: name, hub: hub, url: number == 1 ? relay.url : nil, prefix: prefix,
                disk: tight == number ? disk : nil)
            try replica.start()
            try add(replica, number)
        }
        self.seed = seed
        self.bench = bench
        self.ledger = ledger
        self.diary = diary
        self.relay = relay
        self.victims = victims
        self.random = random
    }

    /// - Returns: What there is to say about it.
    func run(steps: Int) async throws -> String {
        defer { relay.close() }
        defer { try? bench.folder.write(diary.lines.joined(separator: "\n"), to: "diary") }
        do {
            for _ in 0..<steps { try await step() }
            try await conclude()
        } catch {
            try? await keepDisk()
            throw Failure(seed: seed, cause: error, diary: diary.lines)
        }
        return """
            seed \(seed): \(tally.edits) edits, \(tally.kills) kills, \(tally.stops) stops, \(tally.restarts) restarts, \
            \(tally.fills) full disks, \(relay.cuts) cuts, \(ledger.alive.count) of \(ledger.written.count) versions \
            judged, \(ledger.blindly) unknown victims, \(diary.seconds) s
            """
    }

    /// A disk goes with its process; where the rest is kept it is kept too.
    private func keepDisk() async throws {
        for victim in victims {
            try victim.resume()
            try victim.free()
            guard let disk = victim.disk else { continue }
            try await bench.run("cp", "-a", "\(disk.folder.text)/.", "\(bench.folder.text)/disk/")
        }
    }

    // MARK: The storm

    private func step() async throws {
        edit(victims[random.below(victims.count)].editor)
        for victim in victims {
            for name in victim.editor.passStep() { diary.note("\(victim.replica.name): slow write to \(name)") }
        }
        if random.oneIn(12) { try await torment(victims[random.below(victims.count)]) }
        if random.oneIn(100) { try await comeTogether() }
        // A pace, not a wait. What falls into one moment, and what does not, is as important as what it is.
        if random.oneIn(2) { try await Task.sleep(for: .microseconds(random.below(4000))) }
        if random.oneIn(12) { try await Task.sleep(for: .milliseconds(random.below(150))) }
    }

    private func edit(_ editor: Editor) {
        let deed = Deed.any(&random)
        let name = deed == .editLarge ? large[random.below(large.count)] : path(for: deed, in: editor.folder)
        let other = path(for: .overwrite, in: editor.folder)
        var outcome = "done"
        do {
            try editor.act(deed, name, other)
            tally.edits += 1
            if deed == .writeLarge { large.append(name) }
        } catch {
            outcome = "\(error)"
        }
        let takesTwo = [.move, .exchange, .copy].contains(deed)
        diary.note("\(editor.name): \(deed) \(name)\(takesTwo ? " \(other)" : ""): \(outcome)")
    }

    /// Few names, so that collisions are the norm: any, one in a directory that is there, or one that something has.
    private func path(for deed: Deed, in folder: Folder) -> Name {
        let new = Self.names[random.below(Self.names.count)]
        if random.oneIn(4) {
            return (0..<random.below(3)).reduce(new) { name, _ in
                name.appending(Self.names[random.below(Self.names.count)])
            }
        }
        var name: Name = ""
        for _ in 0..<3 {
            let children = ((try? folder.children(of: name)) ?? []).filter { $0 != ".nosocks" }
            guard let child = random.pick(children) else { break }
            name = name.appending(child)
            if random.oneIn(3) { break }
        }
        if deed.needsSomething, name != "" { return name }
        while name != "", (try? folder.kind(of: name)) != .directory {
            let cut = name.bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0
            name = Name(Array(name.bytes[..<cut]))
        }
        return name.bytes.count(where: { $0 == UInt8(ascii: "/") }) < 2 ? name.appending(new) : new
    }

    private func torment(_ victim: Victim) async throws {
        for victim in victims { try victim.checkAlive() }
        switch victim.standing {
        case .down:
            // Some are away for long.
            guard !random.oneIn(3) else { return }
            try victim.start()
            tally.restarts += 1
        case .stopped:
            if random.oneIn(4) {
                try victim.kill()
                tally.kills += 1
            } else {
                try victim.resume()
            }
        case .running:
            switch random.below(10) {
            case 0..<5:
                try victim.kill()
                tally.kills += 1
                if random.oneIn(2) {
                    try victim.start()
                    tally.restarts += 1
                }
            case 5: try await victim.end()
            case 6, 7:
                try victim.stop()
                tally.stops += 1
            default:
                guard let tight = victims.first(where: { $0.disk != nil }) else { return }
                if tight.isFull {
                    try tight.free()
                } else if try tight.fill(leaving: random.oneIn(2) ? 0 : random.below(300_000)) {
                    tally.fills += 1
                }
            }
        }
    }

    /// Everybody runs, and has room.
    private func calm(in order: [Victim]) throws {
        for victim in order {
            try victim.free()
            try victim.start()
        }
    }

    /// Until they are the same, so that what follows is done to what all know.
    private func comeTogether() async throws {
        diary.note("all come together")
        try calm(in: victims)
        try await Judgement(victims, ledger).trees(judged: false)
    }

    private func beginAnew() async throws {
        for victim in victims.shuffled(using: &random) { try await victim.end() }
        try calm(in: victims.shuffled(using: &random))
    }

    // MARK: The end

    private func conclude() async throws {
        for victim in victims { _ = victim.editor.passStep(all: true) }
        diary.note("the end")
        relay.calmDown()
        try calm(in: victims)
        // What runs on must get there as well as what begins anew.
        if random.oneIn(2) { try await beginAnew() }
        let judgement = Judgement(victims, ledger)
        for victim in victims { try victim.editor.countGraves() }
        try await judgement.trees(judged: true)
        for victim in victims.dropFirst() { try await victim.replica.program.hears("in-sync") }
        // What was in hand is finished, and nothing is different for it.
        for victim in victims.shuffled(using: &random) { try await victim.end() }
        for victim in victims { try victim.editor.countGraves() }
        try await judgement.rest(bench)
    }

    /// All that it takes to do it again.
    struct Failure: Error, CustomStringConvertible {
        let seed: UInt64
        let cause: any Error
        let diary: [String]

        var description: String {
            "seed \(seed): \(cause)\nWhat was done:\n  \(diary.joined(separator: "\n  "))"
        }
    }
}
