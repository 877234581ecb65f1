import NIOCore
import Sync
import Tree

/// Knows when what is in the feed came into it, and so how long peers wait for it. On the replica's thread.
final class DeliveryMeter {
    /// What was accepted together, at `time`, on top of the revision `after`.
    private struct Batch {
        var after: Revision
        var time: NIODeadline
    }

    private struct Peer {
        let since: NIODeadline
        /// What its tree holds.
        var applied = Revision.zero
    }

    /// How many batches are told apart. With more, neighbours become one, which is as old as the older of them.
    static let mostBatches = 4096

    /// In order; the first is what was in the feed before.
    private var batches = [Batch(after: .zero, time: .distantPast)]
    private var head = Revision.zero
    private var peers: [SessionID: Peer] = [:]
    /// Each batch that came to a peer which was there already, once for each of those.
    private(set) var latency = Histogram()
    /// Changes that came into the feed.
    private(set) var accepted: UInt64 = 0

    init() {
        batches.reserveCapacity(Self.mostBatches)
    }

    /// All up to this revision was in the feed before.
    func begin(at revision: Revision) { head = revision }

    func accepted(_ changes: [Change], at now: NIODeadline) {
        guard let first = changes.first, let last = changes.last else { return }
        accepted += UInt64(changes.count)
        if batches.count >= Self.mostBatches { halve() }
        batches.append(Batch(after: Revision(rawValue: first.revision.rawValue - 1), time: now))
        head = last.revision
    }

    func came(_ peer: SessionID, at now: NIODeadline) { peers[peer] = Peer(since: now) }
    func left(_ peer: SessionID) { peers[peer] = nil }

    /// A peer's tree holds all up to this revision now. What it found in the feed when it came did not wait for it.
    func applied(_ said: Revision, by id: SessionID, at now: NIODeadline) {
        let revision = min(said, head)
        guard let peer = peers[id], peer.applied < revision else { return }
        peers[id]?.applied = revision
        for position in self.position(behind: peer.applied)..<batches.endIndex {
            guard end(of: position) <= revision else { return }
            let time = batches[position].time
            if time >= peer.since { latency.add((now - time).nanoseconds) }
        }
    }

    /// For how long a peer has lacked the oldest of what its tree does not hold, in nanoseconds: since that came into the
    /// feed, or the peer to the hub.
    func lag(of id: SessionID, holding revision: Revision, at now: NIODeadline) -> Int64 {
        guard let peer = peers[id], revision < head else { return 0 }
        return (now - max(batches[position(behind: revision)].time, peer.since)).nanoseconds
    }

    /// The batch that holds the first revision behind this one, or is the last.
    private func position(behind revision: Revision) -> Int {
        var (low, high) = (1, batches.endIndex)
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].after <= revision { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    private func end(of position: Int) -> Revision {
        position + 1 < batches.endIndex ? batches[position + 1].after : head
    }

    private func halve() {
        let count = batches.count / 2
        for position in 1..<count { batches[position] = batches[2 * position - 1] }
        batches.removeLast(batches.count - count)
    }
}

/// How often something took how long.
struct Histogram {
    /// The buckets' upper bounds, in nanoseconds: from a millisecond to half a minute.
    static let bounds: [Int64] = [
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000,
        1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
    ]

    /// By bucket; the last is for whatever took longer.
    private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    /// In nanoseconds.
    private(set) var sum: Int64 = 0

    mutating func add(_ nanoseconds: Int64) {
        let bucket = Self.bounds.firstIndex { nanoseconds <= $0 } ?? Self.bounds.endIndex
        counts[bucket] += 1
        sum += nanoseconds
    }
}
