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
        addPeers(to: &text)
        try addFolder(to: &text)
        addChanges(to: &text)
        addTraffic(to: &text)
        addRequests(to: &text)
        return text
    }

    private func addPeers(to text: inout MetricsText) {
        let head = machine.cursor.revision
        let now = NIODeadline.now()
        let peers = machine.peers
        text.gauge("nosocks_revision", "The newest revision.", head.rawValue)
        text.gauge("nosocks_peers", "Peers that are connected.", UInt64(peers.count))
        text.begin("nosocks_peer_lag_revisions", "gauge", "By how many revisions each peer is behind.")
        for peer in peers {
            text.sample(
                "nosocks_peer_lag_revisions", head.rawValue - min(head.rawValue, peer.applied.rawValue),
                labels: peer.labels)
        }
        text.begin(
            "nosocks_peer_lag_seconds", "gauge",
            "For how long each peer has lacked the oldest change that it does not have, since it is connected.")
        for peer in peers {
            let lag = counters.deliveries.lag(of: peer.id, holding: peer.applied, at: now)
            text.sample("nosocks_peer_lag_seconds", nanoseconds: lag, labels: peer.labels)
        }
        text.histogram(
            "nosocks_delivery_seconds",
            "From a batch of changes entering the feed until a connected peer holds it durably on its disk.",
            counters.deliveries.latency)
    }

    private func addFolder(to text: inout MetricsText) throws {
        text.gauge(
            "nosocks_pending_paths", "Paths on this disk that are not in the feed.", UInt64(machine.pendingPaths.count))
        text.gauge("nosocks_problem_paths", "Paths that have a problem now.", UInt64(machine.problems.count))
        text.gauge("nosocks_conflict_copies", "Conflict copies in the folder.", try conflictCopies())
        text.gauge(
            "nosocks_held_deletions", "Deletions that wait for a person.",
            UInt64(heldDeletions.reduce(0) { $0 + $1.count }))
        guard let watches = folder.watchUsage else { return }
        text.gauge("nosocks_watches", "Directories that this process watches.", UInt64(watches.watched))
        text.gauge(
            "nosocks_watches_allowed", "Directories that all programs of this user may watch together.",
            UInt64(watches.allowed))
    }

    private func addChanges(to text: inout MetricsText) {
        text.counter(
            "nosocks_accepted_changes_total", "Changes that entered the feed, whoever made them.",
            counters.deliveries.accepted)
        text.counter(
            "nosocks_applied_changes_total", "Changes of others that were put in place on this disk.", counters.applied)
        text.counter(
            "nosocks_local_changes_total", "Changes made on this disk that entered the feed.", counters.sent)
        text.counter("nosocks_conflicts_total", "Conflict copies that were made on this disk.", counters.conflicts)
    }

    /// Of both subprotocols.
    private func addTraffic(to text: inout MetricsText) {
        let traffic = counters.traffic
        text.counter(
            "nosocks_message_sent_bytes_total", "Bytes of WebSocket messages sent, before compression.",
            traffic.messagesSent.load(ordering: .relaxed))
        text.counter(
            "nosocks_message_received_bytes_total", "Bytes of WebSocket messages received, after inflating.",
            traffic.messagesReceived.load(ordering: .relaxed))
        text.counter(
            "nosocks_wire_sent_bytes_total", "Bytes of WebSocket frames sent, as on the wire but for TLS.",
            traffic.wireSent.load(ordering: .relaxed))
        text.counter(
            "nosocks_wire_received_bytes_total", "Bytes of WebSocket frames received, as on the wire but for TLS.",
            traffic.wireReceived.load(ordering: .relaxed))
    }

    private func addRequests(to text: inout MetricsText) {
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
    }
}

extension HubPeerState {
    /// Two may have one name.
    fileprivate var labels: [(name: String, value: String)] { [("peer", name), ("id", "\(id.rawValue)")] }
}

/// Prometheus' text exposition format, version 0.0.4.
struct MetricsText: Sendable {
    private(set) var text = ""

    mutating func begin(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ value: UInt64, labels: [(name: String, value: String)] = []) {
        sample(name, "\(value)", labels)
    }

    /// In seconds, as all times are.
    mutating func sample(_ name: String, nanoseconds: Int64, labels: [(name: String, value: String)] = []) {
        sample(name, Self.seconds(nanoseconds), labels)
    }

    private mutating func sample(_ name: String, _ value: String, _ labels: [(name: String, value: String)]) {
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

    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        begin(name, "histogram", help)
        var count: UInt64 = 0
        for (bound, more) in zip(Histogram.bounds.map(Self.seconds) + ["+Inf"], histogram.counts) {
            count += more
            sample("\(name)_bucket", count, labels: [("le", bound)])
        }
        sample("\(name)_sum", nanoseconds: histogram.sum)
        sample("\(name)_count", count)
    }

    private static func seconds(_ nanoseconds: Int64) -> String { "\(Double(nanoseconds) / 1e9)" }

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
