import Sync
import Tree

// Rules of one replica: names that are ignored at any depth, as with --ignore. They change only while its process does
// not run, and go before the verdict, so that everything must come together again.
extension SimDisk {
    func ignores(_ path: RelativePath) -> Bool {
        guard !ignored.isEmpty else { return false }
        return path.bytes.split(separator: UInt8(ascii: "/")).contains { ignored.contains(Array($0)) }
    }
}

extension SimStore {
    func ignores(_ path: RelativePath, isDirectory: Bool) -> Bool { disk.ignores(path) }

    func isAlone(_ path: RelativePath) -> Bool { path.parent.map { disk.children(of: $0) } ?? [] == [path] }

    /// Told of whatever is about to be done to a path.
    func touch(_ path: RelativePath) {
        if disk.ignores(path) { broke(Violation(invariant: "I15", text: "\(path) was touched, and is ignored")) }
    }
}

extension World {
    /// Before a process begins, somebody may change what is ignored there.
    func changeRules(_ site: Site) {
        guard options.hasRules, !isCalm, random.oneIn(2) else { return }
        let name = Array(Self.names[random.below(options.names)].utf8)
        if site.disk.ignored.remove(name) != nil {
            return note("\(site.name) ignores \(RelativePath.printable(name)) no longer")
        }
        let before = site.disk.ignored
        site.disk.ignored.insert(name)
        // What only the hub had, and what went there unseen, nobody could bring back.
        if site.isHub, site.index.records.values.contains(where: { isMissing($0, site.disk) }) {
            return site.disk.ignored = before
        }
        note("\(site.name) ignores \(RelativePath.printable(name))")
    }

    private func isMissing(_ record: Record, _ disk: SimDisk) -> Bool {
        disk.ignores(record.path) && record.remote.entry.isLive
            && disk.node(at: record.path).flatMap(SimDisk.entry(of:)) != record.remote.entry
    }

    /// Whether a user of the hub must leave this alone, for the same reason.
    func isKept(_ path: RelativePath, _ site: Site) -> Bool {
        guard site.isHub, !site.disk.ignored.isEmpty else { return false }
        return ([path] + site.disk.nodes.keys.filter { $0.isInside(path) }).contains { site.disk.ignores($0) }
    }

    /// Whether nobody has the content any more of what is at `path` or in it. Where it was taken away while it was
    /// ignored, nobody saw it deleted, and it is awaited for ever.
    func isGone(_ path: RelativePath, in head: [RelativePath: Entry]) -> Bool {
        guard options.hasRules else { return false }
        return head.contains { inside, entry in
            guard inside == path || inside.isInside(path), case .file(let file) = entry else { return false }
            return sites.allSatisfy { $0.disk.content(of: file.digest) == nil }
        }
    }

    /// What is somewhere in the end: at the hub, since all agree; where they can't, for want of what is gone, anywhere.
    var contentsAtRest: Set<SimContent> {
        options.hasRules ? sites.reduce(into: []) { $0.formUnion($1.disk.contents) } : hub.disk.contents
    }

    /// All rules go, while no process runs.
    func dropRules() {
        for site in sites where !site.disk.ignored.isEmpty {
            stop(site, powerFails: false)
            site.disk.ignored = []
        }
    }

    /// What is ignored where it was made must not be in the hub's log.
    func checkSent(_ rows: some Sequence<SimIndex.LogRow>, from site: Site) {
        for row in rows where row.change.author == site.name && site.disk.ignores(row.change.path) {
            fail(Violation(invariant: "I15", text: "\(site.name) sent \(row.change.path), and ignores it"))
        }
    }

    func checkOffered(_ message: Message<[UInt8]>, by site: Site) {
        guard case .submit(let offers) = message else { return }
        for offer in offers where !offer.isInquiry && site.disk.ignores(offer.submission.path) {
            fail(Violation(invariant: "I15", text: "\(site.name) offers \(offer.submission.path), and ignores it"))
        }
    }
}
