import Tree

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Whether the trees are what they must be.
struct Judgement {
    private let victims: [Victim]
    private let ledger: Ledger

    init(_ victims: [Victim], _ ledger: Ledger) {
        self.victims = victims
        self.ledger = ledger
    }

    private var folders: [Folder] { victims.map(\.replica.folder) }

    /// Waits until all trees are the same and, if they are judged, hold whatever must be there.
    ///
    /// Trees that are the same may not be so for good: what came out of one is looked at once more after some seconds.
    func trees(judged: Bool) async throws {
        var state = ""
        var seen: [Name: Item]?
        try await eventually("the trees to be right", state: { "\(state)\n\(processes)" }) {
            for victim in victims {
                // Some may have met the end of their disk only now.
                try victim.start()
            }
            let items = try folders.map { try $0.items() }
            guard items.allSatisfy({ $0 == items[0] }) else {
                seen = nil
                state = differences()
                return false
            }
            // Reading it all takes a while, and is done again only for what is new.
            guard seen != items[0] else { return false }
            state = differences()
            guard state.isEmpty else { return false }
            seen = items[0]
            if judged { state = faults(items[0]) }
            return state.isEmpty
        }
    }

    /// What is to be said when nobody works any more: the same by the measure of others, and nothing left over.
    func rest(_ bench: Bench) async throws {
        var faults = differences()
        if faults.isEmpty { faults = try self.faults(folders[0].items()) }
        // These two must see the disks as the processes did.
        let prefix = victims.compactMap(\.disk?.prefix).first ?? []
        let paths = victims.map { "\($0.replica.path)/" }
        for path in paths.dropFirst() {
            let words = ["rsync", "-rlpcni", "--delete", "--exclude=/.nosocks", paths[0], path]
            let program = try await bench.run(prefix + words)
            if program.ended != 0 || !program.output.isEmpty { faults += program.output + program.errors }
        }
        for path in paths {
            let check = "sqlite3 \"$0\"/.nosocks/index.sqlite 'pragma integrity_check'"
            let script = "! command -v sqlite3 >/dev/null || \(check)"
            let program = try await bench.run(prefix + ["sh", "-c", script, path])
            if program.ended != 0 || !["ok\n", ""].contains(program.output) {
                faults += "\(path)'s index: \(program.output)\(program.errors)"
            }
        }
        guard faults.isEmpty else { throw TimedOut(what: "an end in order", state: faults) }
    }

    /// Whether they run at all: whoever stops a machine's processes to measure something stops these too.
    private var processes: String {
        victims.map { victim in
            let id = (try? victim.replica.program.id) ?? 0
            let status = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
            let state = status.split(separator: "\n").first { $0.hasPrefix("State:") } ?? "gone"
            return "\(victim.replica.name), \(id): \(state)"
        }.joined(separator: "\n")
    }

    private func differences() -> String {
        zip(victims, victims.dropFirst()).flatMap { left, right in
            ((try? left.replica.folder.differences(from: right.replica.folder)) ?? ["they can't be compared"]).map {
                "\(left.replica.name) / \(right.replica.name): \($0)"
            }
        }.prefix(20).joined(separator: "\n")
    }

    /// What is wrong with trees that are all the same.
    private func faults(_ items: [Name: Item]) -> String {
        let found = versions(folders[0], items)
        var lines: [String] = []
        let lost = ledger.alive.subtracting(found.keys)
        // An editor that does not know what it destroyed may have destroyed any one of them.
        if lost.count > ledger.blindly {
            lines += lost.map { "lost: \($0), written \(ledger.written[$0] ?? ""), \(whereabouts(of: $0))" }
        }
        for (version, name) in found where !ledger.knows(version) && (items[name]?.size ?? 0) <= 4096 {
            // A larger file may have been seen half-written, and kept so under another name.
            lines.append("invented: \(name), which nobody wrote so")
        }
        lines += items.keys.filter { !Self.isPossible($0) }.map { "out of place: \($0)" }
        return lines.joined(separator: "\n")
    }

    private func versions(_ folder: Folder, _ items: [Name: Item]) -> [Version: Name] {
        var found: [Version: Name] = [:]
        for (name, item) in items {
            switch item.kind {
            case .file: if let version = (try? folder.read(name)).flatMap({ Version($0) }) { found[version] = name }
            case .symlink: found[.symlink(item.target)] = name
            case .directory, .other: break
            }
        }
        return found
    }

    /// Whether somebody could have made a file of this name: no name of the private folder, nor anything from it.
    private static func isPossible(_ name: Name) -> Bool {
        name.bytes.split(separator: UInt8(ascii: "/")).allSatisfy { component in
            let text = String(decoding: component, as: UTF8.self)
            return text.wholeMatch(of: /([a-d]|[0-9]+)(~|\.new-[0-9]+|\.conflict-(hub|one|two)-[0-9a-f]+)*/) != nil
        }
    }

    /// Where lost content can be seen, if not in a tree.
    private func whereabouts(of version: Version) -> String {
        var places: [String] = []
        for victim in victims {
            let folder = victim.replica.folder
            for part in [".nosocks/staging", ".nosocks/history"] as [Name] {
                let inside = folder.folder(part)
                guard let items = try? inside.items(), let name = versions(inside, items)[version] else { continue }
                places.append("\(victim.replica.name)'s \(part)/\(name)")
            }
        }
        return places.isEmpty ? "found nowhere" : "found in \(places.joined(separator: ", "))"
    }
}
