import Sync
import Tree

extension SimStore {
    func place(
        _ entry: Entry, staged: Staged?, at path: RelativePath, expecting expected: Fingerprint?
    ) throws(StoreFailure) -> Placement<Removed> {
        checkMayChange("place")
        try enter()
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent) else { return .noParent }
        let there = disk.node(at: path)
        let kind: SimDisk.Kind
        switch entry {
        case .file(let file):
            guard let staged, staged.content.digest == file.digest else {
                return .problem(Problem(.failed, operation: "place"))
            }
            if unflushed.contains(staged.content) {
                broke("I3", "\(path) was named before its content was durable")
            }
            kind = .file(staged.content, mode: staged.file.mode, mtime: staged.file.mtime)
        case .directory(let directory): kind = .directory(directory.mode)
        case .symlink(let symlink): kind = .symlink(symlink.target)
        case .tombstone: return .problem(Problem(.failed, operation: "place"))
        }
        // It comes anew where nobody could see it go; should that be forgotten, it counts as made here.
        if index.records[path]?.fingerprint == .outOfSight { world.ledger.edited(site.name, path) }
        if case .directory? = there?.kind {
            guard there.map(SimDisk.fingerprint(of:)) == expected else { return .changed }
            disk.willChangeNames()
            if entry.isDirectory {
                disk.set(kind, at: path, keepingInode: true)
                try step()
                return .placed(fingerprint(at: path), replaced: nil)
            }
            guard disk.isEmpty(path) else { return .notEmpty }
            disk.set(kind, at: path)
            consume(staged)
            try step()
            return .placed(fingerprint(at: path), replaced: nil)
        }
        let isExpected = there.map(SimDisk.fingerprint(of:)) == expected
        // An edit may be seen before the exchange or only after it; an empty place is taken or not.
        guard let there else {
            guard expected == nil else { return .changed }
            disk.willChangeNames()
            disk.set(kind, at: path)
            consume(staged)
            // One that the hub has is applied; any other was made here.
            if ConflictName.isConflictCopy(path), index.records[path]?.remote.entry != entry {
                world.ledger.conflict(site.name, path, disk.node(at: path))
            }
            try step()
            return .placed(fingerprint(at: path), replaced: nil)
        }
        if expected == nil || there.kind == .fifo || (!isExpected && there.ctime % 2 == 0) { return .changed }
        disk.willChangeNames()
        let out = takeOut(there, from: path, isExpected: isExpected)
        disk.set(kind, at: path)
        consume(staged)
        try step()
        let fingerprint = fingerprint(at: path)
        return isExpected ? .placed(fingerprint, replaced: out) : .displaced(fingerprint, edit: out)
    }

    private func fingerprint(at path: RelativePath) -> Fingerprint {
        guard let node = disk.node(at: path) else { preconditionFailure("it was just placed") }
        return SimDisk.fingerprint(of: node)
    }

    private func takeOut(_ node: SimDisk.Node, from path: RelativePath, isExpected: Bool) -> Removed {
        if isExpected { checkVictim(node, at: path) }
        return Removed(token: disk.takeOut(node, from: path, expected: isExpected ? node.kind : nil))
    }

    /// What is taken from its place knowingly the hub has accepted once, or it is at another place on this disk: at the
    /// latest when the event is over, for a user may take it from there meanwhile.
    private func checkVictim(_ node: SimDisk.Node, at path: RelativePath) {
        guard let content = node.kind.content, !world.order.acknowledged.contains(content.digest) else { return }
        let isElsewhere = disk.nodes.contains { $0.key != path && $0.value.kind.content == content }
        if !isElsewhere { victims.append((path, content)) }
    }

    func checkVictims() {
        for (path, content) in victims where !disk.contents.contains(content) {
            broke("I2", "\(path) was taken from its place, and nobody else ever had its content")
        }
        victims = []
    }

    /// Where rules leave something out, a machine makes, changes and takes away nothing.
    func checkCounts(_ path: RelativePath) {
        if disk.ignores(path) { broke("I15", "\(path) was touched, and is ignored") }
    }

    /// What a machine changes or takes away it was able to look at.
    func checkMayChange(_ operation: String) {
        if site.isSender { broke("I22", "\(site.name) only sends, and was told to \(operation)") }
    }

    private func checkTouchable(_ node: SimDisk.Node, at path: RelativePath) {
        if node.kind == .fifo { broke("I15", "the special file \(path) was touched") }
    }

    func remove(
        _ path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Removal<Removed> {
        checkMayChange("remove")
        try enter()
        world.beforeRemoval?(path)
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        checkTouchable(there, at: path)
        if case .directory = there.kind {
            guard disk.isEmpty(path) else { return .notEmpty }
            disk.willChangeNames()
            disk.put(nil, at: path)
            try step()
            return .removed(nil)
        }
        disk.willChangeNames()
        let out = takeOut(there, from: path, isExpected: true)
        disk.put(nil, at: path)
        try step()
        return .removed(out)
    }

    func setMetadata(
        _ entry: Entry, at path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Placement<Removed> {
        checkMayChange("setMetadata")
        try enter()
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        checkTouchable(there, at: path)
        disk.willChangeNames()
        switch (there.kind, entry) {
        case (.file(let content, _, _), .file(let file)):
            disk.set(.file(content, mode: file.mode, mtime: file.mtime), at: path, keepingInode: true)
        case (.directory, .directory(let directory)):
            disk.set(.directory(directory.mode), at: path, keepingInode: true)
        default: break
        }
        try step()
        return .placed(fingerprint(at: path), replaced: nil)
    }

    func rename(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Renaming {
        checkMayChange("rename")
        try enter()
        checkCounts(path)
        if let problem = problem(at: path) { return .problem(problem) }
        guard disk.isDirectory(path.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected
        else { return .changed }
        checkTouchable(there, at: path)
        guard disk.node(at: target) == nil else { return .occupied }
        checkCounts(target)
        disk.willChangeNames()
        disk.move(path, to: target)
        world.ledger.conflict(site.name, target, disk.node(at: target))
        checkLoser(of: path, there)
        try step()
        return .renamed
    }

    func move(
        _ path: RelativePath, to target: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Fingerprint? {
        checkMayChange("move")
        try enter()
        checkCounts(path)
        checkCounts(target)
        guard problem(at: path) == nil, problem(at: target) == nil, disk.isDirectory(path.parent),
            disk.isDirectory(target.parent), let there = disk.node(at: path),
            SimDisk.fingerprint(of: there) == expected, disk.node(at: target) == nil
        else { return nil }
        guard case .file = there.kind else { return nil }
        disk.willChangeNames()
        disk.move(path, to: target)
        try step()
        return fingerprint(at: target)
    }

    func formerName(of path: RelativePath, _ fingerprint: Fingerprint) throws(StoreFailure) -> RelativePath? {
        let former = index.records.values.filter {
            $0.path != path && $0.fingerprint?.inode == fingerprint.inode && $0.base.entry.isLive
                && $0.fingerprint?.size == fingerprint.size && disk.node(at: $0.path) == nil
        }
        return former.map(\.path).min()
    }

    /// A version is set aside only where somebody else made another one.
    private func checkLoser(of path: RelativePath, _ node: SimDisk.Node) {
        guard !world.ledger.hasMerged, let record = index.records[path], let entry = SimDisk.entry(of: node) else {
            return
        }
        // What is to come back, or went out of sight, has no base: whoever makes it anew meanwhile makes another one.
        // So does what stands in place of a directory into which it comes.
        guard !site.unmade.contains(where: { $0 == path || $0.isInside(path) }) else { return }
        // A directory keeps its name against a file, whoever made which.
        if record.remote.entry.isLive, !record.remote.entry.isDirectory, record.author == site.name {
            broke("I11", "\(path) was set aside for the replica's own \(record.remote.revision)")
        }
        // Where contents are few, it may have been made here once more.
        if !world.ledger.mayOffer(site.name, path),
            let own = world.hub.log.rows.first(where: { isAncestor($0, of: record, entry) })
        {
            broke("I11", "\(path) was set aside for what was made on top of it, \(own.change.revision)")
        }
        if record.remote.entry.hasSameContent(as: entry) {
            broke("I11", "\(path) was set aside for the same content, at \(record.remote.revision)")
        }
    }

    /// Whether a row has this content, made here, and the hub's newest on top of it.
    private func isAncestor(_ row: SimLog.Row, of record: Record, _ entry: Entry) -> Bool {
        row.change.path == record.path && row.change.author == site.name
            && row.change.revision > record.base.revision && row.change.revision < record.remote.revision
            && row.change.entry.hasSameContent(as: entry)
    }
}
