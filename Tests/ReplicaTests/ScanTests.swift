import Disk
import Synchronization
import TestSupport
import Testing
import Tree

@testable import Replica

@Suite struct ScanTests {
    private func dirty(_ bench: Bench, inside directory: String? = nil) throws -> [String] {
        try found(bench, inside: directory).dirty.map { "\($0.path)" }
    }

    private func found(_ bench: Bench, inside directory: String? = nil) throws -> Scan.Found {
        let scan = bench.replica.scan(inside: try directory.map { try path($0) })
        var all = Scan.Found()
        while !all.isDone {
            // Small steps, so that what is carried from one to the next matters.
            let step = try scan.step(limit: 2)
            all.dirty += step.dirty
            all.problems += step.problems
            all.isDone = step.isDone
        }
        return all
    }

    @Test func `A scan names what is new or changed, then what is gone, and nothing else`() throws {
        let bench = try Bench()
        bench.shell("mkdir -p a/b a-b; touch a/b/c a/z a-b/x a.txt; ln -s a l; mkfifo p")
        let all = ["a", "a/b", "a/b/c", "a/z", "a-b", "a-b/x", "a.txt", "l"]
        let first = try found(bench)
        #expect(first.dirty.map { "\($0.path)" } == all)
        #expect(first.problems.map { "\($0.path)" } == ["p"])
        for name in all { try bench.adopt(name) }
        let second = try found(bench)
        #expect(second.dirty.isEmpty)
        #expect(second.problems.isEmpty)
        bench.shell("printf x > a/z; rm -r a/b; chmod 600 a.txt; touch a0")
        #expect(try dirty(bench) == ["a/z", "a.txt", "a0", "a/b", "a/b/c"])
        #expect(try dirty(bench, inside: "a") == ["a", "a/z", "a/b", "a/b/c"])
        bench.shell("rm -r a")
        #expect(try dirty(bench, inside: "a") == ["a", "a/b", "a/b/c", "a/z"])
    }

    @Test func `Thousands of names are compared in pages`() throws {
        let bench = try Bench()
        bench.shell("for d in 1 2 3 4 5; do mkdir d$d; (cd d$d; seq 1 500 | xargs touch); done")
        let names = try dirty(bench)
        #expect(names.count == 2505)
        for name in names { try bench.adopt(name) }
        bench.shell("rm d3/250 d5/500; touch d1/0")
        #expect(try dirty(bench) == ["d1/0", "d3/250", "d5/500"])
    }

    @Test(.enabled(if: isSuperuser, "mounting needs the superuser"))
    func `What lies under a mount is unknown, not gone`() throws {
        let bench = try Bench()
        bench.shell("mkdir m; touch m/f z")
        for name in ["m", "m/f", "z"] { try bench.adopt(name) }
        try #require(bench.shell("mount -t tmpfs none m") == 0)
        defer { bench.shell("umount m") }
        let seen = try found(bench)
        #expect(seen.dirty.isEmpty)
        #expect(seen.problems.map(\.problem.reason) == [.mount])
    }

    @Test func `A scan under a root that was replaced fails, and names nothing`() throws {
        let bench = try Bench()
        try bench.write("1", to: "f")
        try bench.adopt("f")
        bench.scratch.shell("mv r s; mkdir r")
        #expect(throws: StoreFailure.self) { try dirty(bench) }
    }
}

@Suite(.serialized, .timeLimit(.minutes(15))) struct FollowingTests {
    private final class Mailbox: Sendable {
        private let signals = Mutex<[ReplicaSignal]>([])
        private let arrived = Semaphore()

        func put(_ signal: ReplicaSignal) {
            signals.withLock { $0.append(signal) }
            arrived.signal()
        }

        func take() -> [ReplicaSignal] {
            signals.withLock { signals in
                defer { signals = [] }
                return signals
            }
        }

        var isEmpty: Bool { signals.withLock(\.isEmpty) }
        func wait() { arrived.wait() }
    }

    /// Follows a replica as a machine would, and knows what it was told.
    private final class Follower {
        let bench: Bench
        private let mailbox = Mailbox()
        /// How often something was being read when it was looked at.
        private(set) var reads = 0
        /// The paths that were saved, in order.
        private(set) var saved: [String] = []

        init(settings: ReplicaSettings = ReplicaSettings()) throws {
            bench = try Bench(settings: settings)
            try bench.replica.watch { [mailbox] in mailbox.put($0) }
            try scan(nil)
        }

        private func scan(_ directory: RelativePath?) throws {
            let scan = bench.replica.scan(inside: directory)
            while true {
                let found = try scan.step()
                for dirty in found.dirty { try take(dirty) }
                if found.isDone { return }
            }
        }

        private func take(_ dirty: Dirty) throws {
            let record = try bench.replica.record(at: dirty.path)
            switch try bench.replica.look(
                at: dirty.path, record: record, rereading: dirty.rereading, canWait: true)
            {
            case .present(let entry, let fingerprint): try save(dirty.path, entry, fingerprint)
            case .absent: if record.base.entry.isLive { try save(dirty.path, .tombstone, nil) }
            case .unstable: try take(dirty)
            case .reading: reads += 1
            case .unknown, .ignored: break
            }
        }

        private func save(_ path: RelativePath, _ entry: Entry, _ fingerprint: Fingerprint?) throws {
            saved.append("\(path)")
            try bench.save("\(path)", entry, fingerprint)
        }

        func hearsThatRootMoved() -> Bool {
            let end = ContinuousClock.now + .seconds(20)
            while ContinuousClock.now < end {
                mailbox.wait()
                for case .rootMoved in mailbox.take() { return true }
            }
            return false
        }

        /// Works until the index says of each path what the disk has.
        func settle() throws -> Bool {
            let end = ContinuousClock.now + .seconds(20)
            while ContinuousClock.now < end {
                for signal in mailbox.take() {
                    switch signal {
                    case .dirty(let all): for dirty in all { try take(dirty) }
                    case .rescan(let path, _): try scan(path)
                    case .barrier, .reading: break
                    case .rootMoved: return false
                    }
                }
                let scan = bench.replica.scan()
                if try scan.step(limit: .max).dirty.isEmpty && mailbox.isEmpty { return true }
                mailbox.wait()
            }
            return false
        }
    }

    @Test(arguments: [
        "printf 1 > f; printf 2 >> f; sed -i s/1/3/ f",
        "mkdir -p a/b/c; for i in 1 2 3 4 5 6 7 8 9; do echo $i > a/b/c/$i; done; mv a/b d; rm -r a",
        "mkdir d; echo 1 > d/f; mv d e; echo 2 > e/f; mv e d; rm d/f; mkdir d/f; echo 3 > d/f/g",
        "echo 1 > f; mv f f~; echo 2 > f; rm f~; ln -s f l; mkfifo p; rm f; ln -s l f",
        "git init -q . && git -c user.email=a@b -c user.name=n commit -q --allow-empty -m x && git gc -q",
    ])
    func `The index follows the disk`(script: String) throws {
        let follower = try Follower()
        #expect(follower.bench.shell(script) == 0)
        #expect(try follower.settle())
    }

    @Test func `A large file is read before anybody has to look`() throws {
        var settings = ReplicaSettings()
        settings.readAheadSize = 100_000
        let follower = try Follower(settings: settings)
        let bytes = randomBytes(2 << 20, seed: 8)
        try follower.bench.write(bytes, to: "large")
        #expect(try follower.settle())
        guard case .file(let file) = try follower.bench.present("large").entry else {
            Issue.record("no file")
            return
        }
        #expect(try file.digest == follower.bench.chunkList(file.digest).fileDigest)
    }

    @Test func `A large file that is renamed is gone from its old name only when it has been read`() throws {
        var settings = ReplicaSettings()
        settings.readAheadSize = 100_000
        let follower = try Follower(settings: settings)
        follower.bench.replica.putsOffReading = true
        follower.bench.scratch.shell("mkdir -p outside; head -c 8000000 /dev/urandom > outside/large")
        follower.bench.scratch.shell("mv outside/large r/large")
        #expect(try follower.settle())
        #expect(follower.reads == 1 && follower.saved == ["large"])
        follower.bench.shell("mv large renamed")
        #expect(try follower.settle())
        #expect(follower.reads >= 2 && follower.saved == ["large", "renamed", "large"])
    }

    @Test func `A root that goes away is told`() throws {
        let follower = try Follower()
        follower.bench.scratch.shell("mv r s")
        #expect(follower.hearsThatRootMoved())
    }
}
