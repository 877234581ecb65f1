import Mirror
import Tree

/// A replica's status in a person's words.
struct StatusText {
    private let status: ReplicaStatus
    private let isColored: Bool

    init(_ status: ReplicaStatus, isColored: Bool) {
        self.status = status
        self.isColored = isColored
    }

    /// What matters most, in so many lines: what is left out of peers and problems is counted, and figures for the
    /// curious go first.
    func lines(atMost limit: Int) -> [String] {
        var lines = [role] + place + [("state", state), ("holds", holds)]
        let settled = conflicts + held
        if limit >= .max { lines += curiosities }
        // One line each for peers and problems in any case.
        let room = limit - lines.count - settled.count
        let half = min(peers.count, max(1, room / 2))
        let problems = shortened(self.problems, to: max(1, room - half), "problem", "paths")
        lines += shortened(peers, to: max(1, room - problems.count), "peer", "peers") + settled + problems
        return lines.map(line)
    }

    private typealias Line = (name: String, text: String)

    private func line(_ line: Line) -> String {
        let padding = String(repeating: " ", count: max(1, 12 - line.name.count))
        let text = "\(line.name)\(padding)\(line.text)"
        guard isColored else { return text }
        switch line.name {
        case "problem", "held": return Color.red(text)
        case "conflicts": return Color.yellow(text)
        default: return text
        }
    }

    private var role: Line { ("role", "\(status.role.rawValue) \(status.name), process \(status.process)") }

    private var place: [Line] {
        guard status.role == .peer else { return [("listens", status.url.joined(separator: ", "))] }
        let state = status.connected ? "connected to \(status.hub ?? "the hub")" : "not connected"
        let direction = status.direction.map { ", \($0.rawValue)" } ?? ""
        return [("hub", "\(status.url.first ?? ""), \(state)\(direction)")]
    }

    private var state: String {
        if !status.connected { return "not connected; what changes here is sent when the hub is back" }
        if status.inSync {
            let staying = status.unsent == 1 ? "1 path" : "\(status.unsent) paths"
            return status.unsent > 0 ? "in sync, and \(staying) with changes that stay here" : "in sync"
        }
        let count = status.pending
        guard count > 0 else { return "getting in step" }
        let paths = "\(count == 1 ? "1 path" : "\(count) paths") on the way"
        guard let underway = status.underway else { return paths }
        return "\(paths), \(Wording.bytes(underway.done)) of \(Wording.bytes(underway.done + underway.left))"
    }

    private var holds: String { "\(Wording.entries(Int(clamping: status.entries))), \(Wording.bytes(status.bytes))" }

    private var curiosities: [Line] {
        let watches = status.watches.map { [("watches", "\($0.used) of \($0.allowed)")] } ?? []
        return [("revision", "\(status.revision) of history \(status.epoch)")] + watches
    }

    private var peers: [Line] {
        // Who is behind comes first.
        status.peers.sorted { ($1.lag, $0.name) < ($0.lag, $1.name) }.map { peer in
            let lag = peer.lag == 0 ? "in step" : peer.lag == 1 ? "1 revision behind" : "\(peer.lag) revisions behind"
            return ("peer", "\(peer.name) at \(peer.address), \(lag)\(peer.readOnly ? ", read-only" : "")")
        }
    }

    private var conflicts: [Line] {
        status.conflicts > 0 ? [("conflicts", Wording.conflicts(status.conflicts))] : []
    }

    private var held: [Line] { status.held.map { ("held", "\(Wording.held($0)); \(Wording.remedy($0))") } }

    private var problems: [Line] { status.problems.map { ("problem", "\($0.path): \($0.reason)") } }

    private func shortened(_ lines: [Line], to limit: Int, _ name: String, _ noun: String) -> [Line] {
        guard lines.count > limit else { return lines }
        let more = lines.count - (limit - 1)
        let count = limit > 1 ? "and \(more) more" : "\(more) \(noun)"
        return lines.prefix(limit - 1) + [(name, "\(count); nosocks status -v tells all")]
    }
}
