import Sync
import Tree

/// What users do to the folders: few names, few contents, so that collisions are the norm.
extension World {
    static let names = ["a", "b", "c"]

    private func path() -> RelativePath? {
        var bytes = Array(Self.names[random.below(options.names)].utf8)
        for _ in 0..<random.below(options.depth) { bytes += Array("/\(Self.names[random.below(options.names)])".utf8) }
        return try? RelativePath(bytes)
    }

    private func content() -> SimContent {
        let isBig = random.oneIn(4)
        guard options.areContentsUnique else {
            return SimContent([UInt8(random.below(3))], isBig: isBig)
        }
        // The last byte tells it from all others; the first ones are shared, as in an edited file.
        ledgerCount += 1
        return SimContent(
            [UInt8(random.below(3)), UInt8(ledgerCount >> 8 & 0xff), UInt8(ledgerCount & 0xff)], isBig: isBig)
    }

    private func mtime() -> Timestamp {
        nextMtime += 1
        return Timestamp(seconds: nextMtime, nanoseconds: 0)
    }

    /// One thing that a user of this site does, chosen by the seed.
    func edit(_ site: Site) {
        if options.isSolo, site !== sites[min(1, sites.count - 1)] { return }
        guard let path = path(), !isKept(path, site) else { return }
        let disk = site.disk
        switch random.below(12) {
        case 0, 1, 2: write(disk, site, path, .file(content(), mode: Mode(rawValue: 0o644), mtime: mtime()))
        case 3: write(disk, site, path, .directory(Mode(rawValue: 0o755)))
        case 4: write(disk, site, path, .symlink([UInt8(random.below(3)) + 65]))
        case 5, 6: remove(disk, site, path)
        case 7, 8: move(disk, site, path)
        case 9: touch(disk, site, path)
        case 10: writeInPlace(disk, site, path)
        default: writeThroughOldHandle(disk, site)
        }
    }

    private func release(_ node: SimDisk.Node?) {
        if case .file(let content, _, _)? = node?.kind { ledger.release(content) }
    }

    private func write(_ disk: SimDisk, _ site: Site, _ path: RelativePath, _ kind: SimDisk.Kind) {
        guard makeParents(disk, site, path) else { return }
        if case .directory = kind, disk.isDirectory(path) { return }
        if disk.isDirectory(path) { remove(disk, site, path) }
        note("user \(site.name) writes \(path), number \(ledgerCount)")
        release(disk.node(at: path))
        if case .file(let content, _, _) = kind { ledger.wrote(content) }
        disk.set(kind, at: path)
        ledger.edited(site.name, path)
        // To make something in place of another thing is to delete that one, should the hub see both.
        if !disk.ignores(path) { ledger.deleted(site.name, path) }
    }

    private func makeParents(_ disk: SimDisk, _ site: Site, _ path: RelativePath) -> Bool {
        for ancestor in path.ancestors where !disk.isDirectory(ancestor) {
            if disk.node(at: ancestor) != nil { return false }
            disk.set(.directory(Mode(rawValue: 0o755)), at: ancestor)
            ledger.edited(site.name, ancestor)
        }
        return true
    }

    private func remove(_ disk: SimDisk, _ site: Site, _ path: RelativePath) {
        guard disk.node(at: path) != nil else { return }
        note("user \(site.name) removes \(path)")
        for inside in disk.nodes.keys.sorted().reversed() where inside == path || inside.isInside(path) {
            release(disk.node(at: inside))
            if !disk.ignores(inside) { ledger.deleted(site.name, inside) }
            disk.set(nil, at: inside)
        }
    }

    private func move(_ disk: SimDisk, _ site: Site, _ path: RelativePath) {
        guard disk.node(at: path) != nil, let target = self.path(), target != path, !isKept(target, site),
            !target.isInside(path),
            !path.isInside(target), makeParents(disk, site, target)
        else { return }
        if disk.isDirectory(target) { return }
        note("user \(site.name) moves \(path) to \(target)")
        release(disk.node(at: target))
        for inside in disk.nodes.keys where inside == path || inside.isInside(path) {
            if !disk.ignores(inside) { ledger.deleted(site.name, inside) }
            if let moved = try? RelativePath(target.bytes + inside.bytes.dropFirst(path.bytes.count)) {
                ledger.edited(site.name, moved)
                if !disk.ignores(moved) { ledger.deleted(site.name, moved) }
            }
        }
        disk.put(nil, at: target)
        disk.move(path, to: target)
    }

    private func touch(_ disk: SimDisk, _ site: Site, _ path: RelativePath) {
        guard case .file(let content, _, _)? = disk.node(at: path)?.kind else { return }
        note("user \(site.name) touches \(path)")
        disk.set(
            .file(content, mode: Mode(rawValue: random.oneIn(2) ? 0o755 : 0o644), mtime: mtime()), at: path,
            keepingInode: true)
        ledger.edited(site.name, path)
    }

    private func writeInPlace(_ disk: SimDisk, _ site: Site, _ path: RelativePath) {
        guard case .file(let old, let mode, _)? = disk.node(at: path)?.kind else { return }
        note("user \(site.name) edits \(path) in place, number \(ledgerCount + 1)")
        ledger.release(old)
        var content = content()
        if old.isBig, content.isBig { content.letters = Array(old.letters.prefix(1) + content.letters.dropFirst()) }
        ledger.wrote(content)
        disk.set(.file(content, mode: mode, mtime: mtime()), at: path, keepingInode: true)
        ledger.edited(site.name, path)
    }

    /// A program that had a file open when it was replaced goes on writing to what came out.
    private func writeThroughOldHandle(_ disk: SimDisk, _ site: Site) {
        guard let place = disk.limbo.indices.randomElement(using: &random),
            case .file(let old, let mode, _) = disk.limbo[place].node.kind
        else { return }
        note("user \(site.name) writes on to what was \(disk.limbo[place].path), number \(ledgerCount + 1)")
        ledger.release(old)
        let content = content()
        ledger.wrote(content)
        disk.limbo[place].node.kind = .file(content, mode: mode, mtime: mtime())
    }
}
