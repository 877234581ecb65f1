import Sync
import Tree

extension SimStore {
    func removed() throws(StoreFailure) -> [Removed] {
        disk.limbo.map { Removed(token: $0.token) }
    }

    func review(_ removed: Removed) throws(StoreFailure) -> Review {
        try enter()
        guard let limbo = disk.takenOut(removed.token) else { return .gone }
        guard let entry = SimDisk.entry(of: limbo.node) else { return .gone }
        guard limbo.node.kind != limbo.expected else { return .settled }
        return .edited(entry, from: limbo.path)
    }

    func restore(_ removed: Removed, at path: RelativePath) throws(StoreFailure) -> Bool {
        checkMayChange("restore")
        try enter()
        guard let limbo = disk.takenOut(removed.token) else { return false }
        guard disk.isDirectory(path.parent), disk.node(at: path) == nil else { return false }
        checkCounts(path)
        disk.willChangeNames()
        disk.put(limbo.node, at: path)
        disk.forget(removed.token)
        world.ledger.conflict(site.name, path, disk.node(at: path))
        try step()
        return true
    }

    func retire(_ removed: Removed, holding entry: Entry?) throws(StoreFailure) -> Bool {
        try enter()
        guard let limbo = disk.takenOut(removed.token) else { return true }
        if let entry {
            guard SimDisk.entry(of: limbo.node)?.hasSameContent(as: entry) == true else { return false }
        } else {
            guard limbo.node.kind == limbo.expected else { return false }
        }
        disk.willChangeNames()
        disk.retire(removed.token)
        try step()
        return true
    }
}
