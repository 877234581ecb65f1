import NIOCore
import Synchronization
import Tree

/// All peers, and what they wait for together.
final class Crowd: Sendable {
    private struct Awaited {
        /// Content that so many peers are to have.
        var digest: Digest?
        var missing = 0
        /// When the last of them had it.
        var arrived: NIODeadline?
        var failure: Failure?
    }

    let port: Int
    let content = ContentCheck()
    private let group: any EventLoopGroup
    private let peers = Mutex<[Peer]>([])
    private let awaited = Mutex(Awaited())
    private let live = Atomic(0)
    /// When one was in sync last.
    private let lastCaughtUp = Atomic(NIODeadline.now().uptimeNanoseconds)
    private let attempted_ = Atomic(0)

    init(port: Int, group: any EventLoopGroup) {
        self.port = port
        self.group = group
    }

    /// How many peers are connected and have once been in sync since.
    var liveCount: Int { live.load(ordering: .acquiring) }
    var count: Int { peers.withLock(\.count) }
    /// How often a peer has tried to connect.
    var attempts: Int { attempted_.load(ordering: .relaxed) }

    // MARK: What is asked of them

    /// One more peer connects.
    func add() {
        peers.withLock { peers in
            let peer = Peer(number: peers.count, crowd: self, loop: group.next())
            peers.append(peer)
            peer.connect()
        }
    }

    /// The last ones read no further, or read on.
    func stall(_ isStalled: Bool, last count: Int) {
        for peer in peers.withLock({ $0.suffix(count) }) { peer.stall(isStalled) }
    }

    func leave() {
        for peer in peers.withLock(\.self) { peer.leave() }
    }

    /// From now on, so many peers are to get this content.
    func expect(_ digest: Digest, by count: Int) {
        awaited.withLock { awaited in
            awaited.digest = digest
            awaited.missing = count
            awaited.arrived = nil
        }
    }

    /// When the last peer had what was expected; nil while one has not.
    var arrived: NIODeadline? {
        get throws(Failure) {
            let (arrived, failure) = awaited.withLock { ($0.arrived, $0.failure) }
            if let failure { throw failure }
            return arrived
        }
    }

    /// How many peers lack what is expected.
    var missing: Int { awaited.withLock(\.missing) }
    /// When a peer was in sync last that had not been.
    var lastInSync: NIODeadline { .uptimeNanoseconds(lastCaughtUp.load(ordering: .acquiring)) }

    // MARK: What they tell

    func attempted() { attempted_.add(1, ordering: .relaxed) }

    func caughtUp() {
        lastCaughtUp.store(NIODeadline.now().uptimeNanoseconds, ordering: .releasing)
        live.add(1, ordering: .acquiringAndReleasing)
    }

    func lost() { live.subtract(1, ordering: .acquiringAndReleasing) }

    func has(_ digest: Digest) {
        awaited.withLock { awaited in
            guard awaited.digest == digest, awaited.missing > 0 else { return }
            awaited.missing -= 1
            if awaited.missing == 0 { awaited.arrived = .now() }
        }
    }

    /// Nothing that is measured from here on would mean anything.
    func fail(_ reason: String) {
        awaited.withLock { $0.failure = $0.failure ?? Failure(reason) }
    }
}
