import NIOCore
import NIOHTTP1
import Replica
import Sync
import Synchronization
import Tree
import WebSocketNIO

extension HubService {
    /// What an operator watches, in Prometheus' text format.
    func metrics() throws -> MetricsText {
        guard end == nil else { throw HTTPFailure.ending }
        var text = MetricsText()
        let head = machine.cursor.revision
        let peers = machine.peers
        text.gauge("nosocks_revision", "The newest revision.", head.rawValue)
        text.gauge("nosocks_peers", "Peers that are connected.", UInt64(peers.count))
        text.begin("nosocks_peer_lag_revisions", "gauge", "By how much each peer is behind.")
        for peer in peers {
            text.sample(
                "nosocks_peer_lag_revisions", head.rawValue - min(head.rawValue, peer.applied.rawValue),
                labels: [("peer", peer.name), ("id", "\(peer.id.rawValue)")])
        }
        text.gauge(
            "nosocks_pending_paths", "Paths on this disk that are not in the feed.", UInt64(machine.pendingPaths.count))
        text.gauge("nosocks_problem_paths", "Paths that have a problem now.", UInt64(machine.problems.count))
        text.gauge("nosocks_conflict_copies", "Conflict copies in the folder.", try conflictCopies())
        text.gauge(
            "nosocks_held_deletions", "Deletions that wait for a person.",
            UInt64(heldDeletions.reduce(0) { $0 + $1.count }))
        let counters = http.counters
        text.gauge(
            "nosocks_http_active", "HTTP requests that are being served.",
            UInt64(max(0, counters.active.load(ordering: .relaxed))))
        text.gauge(
            "nosocks_event_followers", "Programs that follow the events.",
            UInt64(max(0, counters.followers.load(ordering: .relaxed))))
        text.counter(
            "nosocks_http_requests_total", "HTTP requests that were let in.", counters.requests.load(ordering: .relaxed)
        )
        text.counter(
            "nosocks_http_sent_bytes_total", "Bytes of content sent over HTTP.",
            counters.bytesSent.load(ordering: .relaxed))
        text.counter(
            "nosocks_http_received_bytes_total", "Bytes of content received over HTTP.",
            counters.bytesReceived.load(ordering: .relaxed))
        return text
    }
}

/// Prometheus' text exposition format, version 0.0.4.
struct MetricsText: Sendable {
    private(set) var text = ""

    mutating func begin(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ value: UInt64, labels: [(name: String, value: String)] = []) {
        let inside = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        text += "\(name)\(labels.isEmpty ? "" : "{\(inside)}") \(value)\n"
    }

    mutating func gauge(_ name: String, _ help: String, _ value: UInt64) {
        begin(name, "gauge", help)
        sample(name, value)
    }

    mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        begin(name, "counter", help)
        sample(name, value)
    }

    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }
}

extension Visit {
    func sendMetrics() async throws {
        let text = try await hub.metrics().text
        try await exchange.answer(
            HTTPAnswer(
                status: .ok,
                headers: ["content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store"],
                body: ByteBuffer(string: text)))
    }
}
