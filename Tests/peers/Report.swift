#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Several measurements of the same.
struct Spread: Codable {
    let median: Double
    /// 99 of 100 are no larger.
    let p99: Double
    let least: Double
    let most: Double

    /// - Parameter values: One at least.
    init(_ values: [Double]) {
        let sorted = values.sorted()
        func at(_ share: Double) -> Double {
            sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        median = at(0.5)
        p99 = at(0.99)
        least = at(0)
        most = at(1)
    }
}

/// All that was measured. Memory is in KiB, the times of changes in milliseconds, all else in seconds and bytes.
struct Report: Codable {
    struct Joining: Codable {
        /// Until all are in sync.
        let seconds: Double
        /// The hub's memory with one peer.
        let residentOfOne: Int
        /// With all of them.
        let resident: Int
        /// What each after the first takes.
        let perPeer: Double?
    }

    struct Changes: Codable {
        /// How many peers are to have each change.
        let readers: Int
        /// From the save until the last of them has it.
        let latency: Spread
        /// The hub's processor time until then.
        let cpuToLast: Spread
        /// The hub's processor time until it has heard of all that they have it.
        let cpu: Spread
        let residentBefore: Int
        let residentAfter: Int
    }

    struct Stalled: Codable {
        let stalled: Int
        let before: Changes
        /// Bytes saved then.
        let bulk: Int
        /// Until all others have them.
        let bulkSeconds: Double
        let bulkCPU: Double
        let residentBefore: Int
        let residentAfter: Int
        /// The most that it ever was by then.
        let peak: Int
        let after: Changes
    }

    struct Reconnect: Codable {
        /// From the start of the hub until all are in sync.
        let seconds: Spread
        /// The hub's processor time until then.
        let cpuSeconds: Spread
        let attemptsPerPeer: Double
    }

    let peers: Int
    let changes: Int
    let size: Int
    var joining: Joining?
    var fanout: Changes?
    var stalled: Stalled?
    var reconnect: Reconnect?

    init(peers: Int, changes: Int, size: Int) {
        self.peers = peers
        self.changes = changes
        self.size = size
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let bytes = Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        guard FileOutput.write(bytes, to: descriptor) else { throw Failure("\(path) can't be written") }
    }

    // MARK: For people

    var table: String {
        var lines = ["\(peers) peers, changes of \(size) bytes; processor time and memory are the hub's"]
        if let joining {
            lines.append("  join       \(show(joining.seconds)) s until all are in sync")
            let each = joining.perPeer.map { "\(show($0)) KiB a peer: " } ?? ""
            lines.append(
                "  memory     \(each)\(joining.residentOfOne) KiB with one, \(joining.resident) KiB with all")
        }
        if let fanout { lines += show(fanout, as: "fanout") }
        if let stalled {
            lines += show(stalled.before, as: "stalled")
            lines.append(
                "  bulk       \(stalled.bulk >> 20) MiB to the others in \(show(stalled.bulkSeconds)) s; memory "
                    + "\(stalled.residentBefore) KiB before, \(stalled.peak) KiB at most, \(stalled.residentAfter) KiB "
                    + "after; processor \(show(stalled.bulkCPU)) s")
            lines += show(stalled.after, as: "after it")
        }
        if let reconnect {
            lines.append(
                "  reconnect  \(show(reconnect.seconds.median)) s (\(show(reconnect.seconds.least)) to "
                    + "\(show(reconnect.seconds.most))), processor \(show(reconnect.cpuSeconds.median)) s, "
                    + "\(show(reconnect.attemptsPerPeer)) attempts a peer")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func show(_ changes: Changes, as name: String) -> [String] {
        let padded = name + String(repeating: " ", count: max(0, 11 - name.count))
        return [
            "  \(padded)\(show(changes.latency.median)) ms to the last of \(changes.readers), "
                + "p99 \(show(changes.latency.p99)) ms",
            "             processor \(show(changes.cpu.median)) ms a change, \(show(changes.cpuToLast.median)) ms of it "
                + "before the last has it; memory \(changes.residentBefore) KiB before, \(changes.residentAfter) KiB after",
        ]
    }

    /// With two digits after the point, or one where the number is large.
    private func show(_ number: Double) -> String {
        let scale = number < 10 ? 100.0 : 10.0
        return "\((number * scale).rounded() / scale)"
    }
}
