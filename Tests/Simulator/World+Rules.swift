import Sync
import Tree

// Rules of one replica: names that are ignored at any depth. A peer's are edited while its process runs, which then looks
// at everything anew, and while it does not; the hub's are those that its process was started with. All go before the
// verdict, so that replicas must agree again.
extension SimDisk {
    func ignores(_ path: RelativePath) -> Bool {
        guard !ignored.isEmpty else { return false }
        return path.bytes.split(separator: UInt8(ascii: "/")).contains { ignored.contains(Array($0)) }
    }
}

extension SimStore {
    func ignores(_ path: RelativePath, isDirectory: Bool) -> Bool { disk.ignores(path) }

    func isAlone(_ path: RelativePath) -> Bool {
        let prefix = path.parent.map { $0.bytes + [UInt8(ascii: "/")] } ?? []
        return !disk.nodes.keys.contains {
            $0 != path && $0.bytes.starts(with: prefix) && !$0.bytes[prefix.count...].contains(UInt8(ascii: "/"))
        }
    }
}

extension World {
    /// Somebody edits what is ignored here.
    func editRules(_ site: Site) {
        guard let name = random.pick(Array(Self.names.prefix(options.names))) else { return }
        if site.isHub { stop(site, powerFails: false) }
        if site.disk.ignored.contains(name) {
            endIgnoring([name], at: site)
            note("\(site.name) ignores \(RelativePath.printable(name)) no longer")
        } else {
            site.disk.ignored.insert(name)
            // What the hub alone had, and what it was still to get, nobody could bring back.
            if site.isHub, site.currentIndex.records.values.contains(where: { isMissing($0, site.disk) }) {
                site.disk.ignored.remove(name)
                return
            }
            note("\(site.name) ignores \(RelativePath.printable(name))")
        }
        followRules(site)
    }

    /// What is ignored no longer is as if it were made now.
    private func endIgnoring(_ names: Set<[UInt8]>, at site: Site) {
        let before = site.disk.nodes.keys.filter { site.disk.ignores($0) }
        site.disk.ignored.subtract(names)
        for path in before where !site.disk.ignores(path) { ledger.edited(site.name, path) }
    }

    /// A process that runs looks at everything anew.
    private func followRules(_ site: Site) {
        run(site) { () throws(StoreFailure) in try scan(site, isThorough: true) }
    }

    private func isMissing(_ record: Record, _ disk: SimDisk) -> Bool {
        disk.ignores(record.path) && record.remote.entry.isLive
            && disk.node(at: record.path).flatMap(SimDisk.entry(of:)) != record.remote.entry
    }

    /// Whether a user of the hub leaves this alone: what is ignored there, or was and has not been seen again, nobody
    /// else has, for all that is known, and nobody would see it go.
    func isLeftAlone(_ path: RelativePath, at site: Site) -> Bool {
        guard site.isHub, options.faults.contains(.rules) else { return false }
        let concerns = { (there: RelativePath) in there == path || there.isInside(path) }
        return site.disk.ignores(path)
            || site.disk.nodes.keys.contains { concerns($0) && site.disk.ignores($0) }
            || site.currentIndex.records.values.contains { concerns($0.path) && $0.fingerprint == .outOfSight }
    }

    /// Whether rules of the peer or of the hub keep a path from being synced: those of this path, or of something in it,
    /// for which a directory stays.
    func isKeptOut(_ path: RelativePath, at peer: Site, _ index: SimIndex) -> Bool {
        guard options.faults.contains(.rules) else { return false }
        let isIgnored = { (path: RelativePath) in peer.disk.ignores(path) || self.hub.disk.ignores(path) }
        return isIgnored(path) || index.records.keys.contains { $0.isInside(path) && isIgnored($0) }
    }

    /// All rules go.
    func dropRules() {
        for site in sites where !site.disk.ignored.isEmpty {
            note("\(site.name) ignores nothing any more")
            if site.isHub { stop(site, powerFails: false) }
            endIgnoring(site.disk.ignored, at: site)
            followRules(site)
        }
    }
}
