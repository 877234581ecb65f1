import Sync
import Tree

/// What users do to the folders: few names, few contents, so that collisions are the norm.
extension World {
    static let names: [[UInt8]] = ["a", "b", "c"].map { Array($0.utf8) }

    func anyPath() -> RelativePath? {
        var bytes = Self.names[random.below(options.names)]
        for _ in 0..<random.below(options.depth) {
            bytes.append(UInt8(ascii: "/"))
            bytes += Self.names[random.below(options.names)]
        }
        return try? RelativePath(bytes)
    }

    func newContent(after old: SimContent? = nil) -> SimContent {
        let isBig = random.oneIn(4)
        guard options.areContentsUnique else {
            return SimContent([UInt8(random.below(3))], isBig: isBig)
        }
        // The last bytes tell it from all others; the first is shared, as in an edited file.
        lastContent += 1
        let first = old.flatMap { $0.isBig && isBig ? $0.letters.first : nil } ?? UInt8(random.below(3))
        return SimContent([first, UInt8(lastContent >> 8 & 0xff), UInt8(lastContent & 0xff)], isBig: isBig)
    }

    /// The time by the clock on this site's wall, which proves nothing.
    func wallClock(_ site: Site) -> Timestamp {
        let nanoseconds = UInt32(clock % 1000) * 1_000_000 + UInt32(lastContent % 1000)
        return Timestamp(seconds: 1_700_000_000 + clock / 1000 + site.clockOffset, nanoseconds: nanoseconds)
    }

    func isEdited(_ site: Site) -> Bool {
        !options.isSolo || site === sites[min(1, sites.count - 1)]
    }

    /// One thing that a user of this site does, chosen by the seed.
    func edit(_ site: Site) {
        guard isEdited(site), let path = anyPath(), !isLeftAlone(path, at: site) else { return }
        // Whoever made something durable has made durable what was there before.
        site.disk.synchronize()
        switch random.below(14) {
        case 0, 1, 2:
            write(site, path, .file(newContent(), mode: Mode(rawValue: 0o644), mtime: wallClock(site)))
        case 3: write(site, path, .directory(Mode(rawValue: 0o755)))
        case 4: write(site, path, .symlink([UInt8(random.below(3)) + 65]))
        case 5, 6: remove(site, path)
        case 7, 8: move(site, path)
        case 11: settleConflict(site)
        case 12: copy(site, path)
        case 9: touch(site, path)
        case 10: writeInPlace(site, path)
        default: writeThroughOldHandle(site)
        }
    }

    private func release(_ node: SimDisk.Node?) {
        if let content = node?.kind.content { ledger.release(content) }
    }

    func write(_ site: Site, _ path: RelativePath, _ kind: SimDisk.Kind) {
        let disk = site.disk
        guard makeParents(site, path) else { return }
        if kind.isDirectory, disk.isDirectory(path) { return }
        if disk.isDirectory(path) { remove(site, path) }
        note("user \(site.name) writes \(path), number \(lastContent)")
        let old = disk.node(at: path)
        release(old)
        if let content = kind.content { ledger.wrote(content) }
        disk.set(kind, at: path)
        ledger.edited(site.name, path)
        // To make something in place of another thing is to delete that one, should the hub see both.
        deleted(site, path, old)
    }

    /// What nobody could see go is not to go anywhere else.
    private func deleted(_ site: Site, _ path: RelativePath, _ node: SimDisk.Node?) {
        guard site.disk.ignores(path) else { return ledger.deleted(site.name, path, node) }
        if ConflictName.isConflictCopy(path) { ledger.unmake(site.name, path) }
        ledger.overwrote(site.name, node)
        site.unseenDeletions.append(path)
    }

    /// A process begins, and sees what has gone under rules that are no longer in force: it knows none but those that it
    /// begins with, and what one before it had noted as out of sight.
    func seeDeletions(_ site: Site) {
        let records = site.currentIndex.records
        for path in site.unseenDeletions
        where !site.disk.ignores(path) && records[path]?.fingerprint != .outOfSight {
            ledger.deleted(site.name, path, nil)
        }
        site.unseenDeletions = []
    }

    private func makeParents(_ site: Site, _ path: RelativePath) -> Bool {
        for ancestor in path.ancestors where !site.disk.isDirectory(ancestor) {
            if site.disk.node(at: ancestor) != nil { return false }
            site.disk.set(.directory(Mode(rawValue: 0o755)), at: ancestor)
            ledger.edited(site.name, ancestor)
        }
        return true
    }

    func remove(_ site: Site, _ path: RelativePath) {
        let disk = site.disk
        guard disk.node(at: path) != nil else { return }
        note("user \(site.name) removes \(path)")
        for inside in disk.nodes.keys.sorted().reversed() where inside == path || inside.isInside(path) {
            let old = disk.node(at: inside)
            release(old)
            disk.set(nil, at: inside)
            deleted(site, inside, old)
        }
    }

    /// A user takes a conflict copy for what it is a copy of, or for something else, or does without it.
    private func settleConflict(_ site: Site) {
        guard let copy = random.pick(site.disk.nodes.keys.filter(ConflictName.isConflictCopy).sorted()),
            !isLeftAlone(copy, at: site), let original = ConflictName.parts(of: copy)?.original
        else { return }
        switch random.below(6) {
        case 0: remove(site, copy)
        case 1: move(site, copy)
        default:
            // What is changed back to what was agreed on last is no change, and becomes history where others made one.
            let entry = site.disk.node(at: copy).flatMap(SimDisk.entry(of:))
            let base = site.currentIndex.records[original]?.base.entry
            if let entry, base?.hasSameContent(as: entry) == true { release(site.disk.node(at: copy)) }
            move(site, copy, to: original)
        }
    }

    /// A user copies a file as it is, as `cp -a` does, or a conflict copy's content to what it is a copy of.
    private func copy(_ site: Site, _ path: RelativePath) {
        let source = random.pick(site.disk.nodes.keys.filter(ConflictName.isConflictCopy).sorted())
        let isOfConflict = random.oneIn(2)
        guard let from = isOfConflict ? source : anyPath(), let kind = site.disk.node(at: from)?.kind,
            case .file = kind, let target = isOfConflict ? ConflictName.parts(of: from)?.original : path,
            target != from, !isLeftAlone(target, at: site), !isLeftAlone(from, at: site), !site.disk.isDirectory(target)
        else { return }
        note("user \(site.name) copies \(from)")
        write(site, target, kind)
    }

    private func move(_ site: Site, _ path: RelativePath) {
        if let target = anyPath() { move(site, path, to: target) }
    }

    private func move(_ site: Site, _ path: RelativePath, to target: RelativePath) {
        let disk = site.disk
        guard disk.node(at: path) != nil, target != path, !target.isInside(path),
            !path.isInside(target), !isLeftAlone(target, at: site), makeParents(site, target)
        else { return }
        if disk.isDirectory(target) { return }
        note("user \(site.name) moves \(path) to \(target)")
        let old = disk.node(at: target)
        release(old)
        for (inside, node) in disk.nodes where inside == path || inside.isInside(path) {
            deleted(site, inside, node)
            if let content = node.kind.content { ledger.moved(site.name, content) }
            if let moved = try? RelativePath(target.bytes + inside.bytes.dropFirst(path.bytes.count)) {
                ledger.edited(site.name, moved)
                deleted(site, moved, disk.node(at: moved))
            }
        }
        disk.put(nil, at: target)
        disk.move(path, to: target)
    }

    private func touch(_ site: Site, _ path: RelativePath) {
        guard let node = site.disk.node(at: path) else { return }
        note("user \(site.name) touches \(path)")
        let isWide = random.oneIn(2)
        switch node.kind {
        case .file(let content, _, _):
            let mode = Mode(rawValue: isWide ? 0o755 : 0o644)
            site.disk.set(.file(content, mode: mode, mtime: wallClock(site)), at: path, keepingInode: true)
        case .directory:
            site.disk.set(.directory(Mode(rawValue: isWide ? 0o755 : 0o700)), at: path, keepingInode: true)
        case .symlink, .fifo: return
        }
        ledger.edited(site.name, path)
    }

    private func writeInPlace(_ site: Site, _ path: RelativePath) {
        let node = site.disk.node(at: path)
        guard case .file(let old, let mode, _)? = node?.kind else { return }
        note("user \(site.name) edits \(path) in place, number \(lastContent + 1)")
        ledger.release(old)
        ledger.overwrote(site.name, node)
        let content = newContent(after: old)
        ledger.wrote(content)
        site.disk.set(.file(content, mode: mode, mtime: wallClock(site)), at: path, keepingInode: true)
        ledger.edited(site.name, path)
    }

    /// A program that had a file open when it was replaced goes on writing to what came out.
    private func writeThroughOldHandle(_ site: Site) {
        guard let limbo = random.pick(site.disk.limbo), case .file(let old, let mode, _) = limbo.node.kind else {
            return
        }
        note("user \(site.name) writes on to what was \(limbo.path), number \(lastContent + 1)")
        ledger.release(old)
        let content = newContent()
        ledger.wrote(content)
        site.disk.write(.file(content, mode: mode, mtime: wallClock(site)), toTakenOut: limbo.token)
    }
}
