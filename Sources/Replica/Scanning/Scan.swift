import Disk
import Index
package import Tree

/// Compares a part of the folder with the index, a step at a time, and says where to look.
///
/// Both are read in the same order, so one pass over each is enough: what is on the disk and not in the index, or
/// differs, may be new; what is in the index, in a directory that could be listed, and not on the disk may be deleted.
/// That is said at the end, when all that is there is known: so what was renamed is met under its new name first.
package final class Scan {
    /// What some steps found.
    package struct Found: Sendable {
        /// Look at these.
        package var dirty: [Dirty] = []
        /// What cannot be mirrored, told once.
        package var problems: [(path: RelativePath, problem: Problem)] = []
        /// Whether there are no more steps.
        package var isDone = false
        /// How many names were met on the disk.
        package var seen = 0
    }

    private let replica: FolderReplica
    private let directory: RelativePath?
    private var walk: Walk
    private var records: [Record] = []
    private var nextRecord = 0
    private var lastRecord: RelativePath?
    private var hasMoreRecords = true
    /// Nothing is known of what is inside of this, nor of it itself if so said.
    private var blind: (path: RelativePath, itself: Bool, isIgnored: Bool)?
    private var isBlind = false
    private var hasBegun = false
    /// Was in the index and is not on the disk.
    private var missing: ArraySlice<Dirty> = []
    private var isCompared = false
    /// Whether the part to be scanned is ignored itself.
    private var isIgnored = false
    private let isWhole: Bool
    private let isThorough: Bool
    /// Rule files that were met.
    private var rulesMet: Set<RelativePath?> = []

    private static let page = 1000

    init(_ replica: FolderReplica, inside directory: RelativePath?, isThorough: Bool) {
        self.replica = replica
        self.directory = directory
        self.isThorough = isThorough
        isWhole = directory == nil
        let watcher = replica.watcher
        walk = Walk(replica.root, inside: directory, excluding: replica.rules) { watcher?.watch($0, $1) }
    }

    /// Takes up to `limit` names further.
    package func step(limit: Int = 512) throws(StoreFailure) -> Found {
        var found = Found()
        if !hasBegun {
            hasBegun = true
            try replica.check()
            if isWhole { replica.watcher?.beginningOfWalk() }
            if let directory {
                found.dirty.append(Dirty(path: directory, rereading: false))
                isIgnored = replica.ignores(directory, isDirectory: true)
                if isIgnored { blind = (directory, true, true) }
            }
        }
        while !isCompared, found.seen < limit {
            guard let item = isIgnored ? nil : walk.next() else {
                try skipRecords(before: nil)
                if isWhole { replica.watcher?.endOfWalk() }
                readMissingRules()
                // Whatever was found missing was missing under this root.
                try replica.check()
                isCompared = true
                break
            }
            found.seen += 1
            try take(item, &found)
        }
        guard isCompared else { return found }
        found.dirty += missing.prefix(limit)
        missing.removeFirst(min(limit, missing.count))
        found.isDone = missing.isEmpty
        return found
    }

    /// Rules that were known, and whose file the walk did not meet: it is gone, or what holds it is ignored by now.
    private func readMissingRules() {
        for directory in replica.rules.directories(inside: directory) where !rulesMet.contains(directory) {
            replica.rules.read(directory)
        }
        if isWhole { replica.rules.knowsAll() }
    }

    private func take(_ item: Walk.Item, _ found: inout Found) throws(StoreFailure) {
        switch item {
        case .found(let path, let status):
            try skipRecords(before: path)
            let record = try record(at: path)
            if path.isRuleFile { rulesMet.insert(path.parent) }
            if status.kind == .special {
                tell(path, Problem(.special, operation: "stat"), &found)
                return
            }
            guard status.device == replica.root.identity.device else {
                // Where it is a directory, the walk fails to list it next, and that is told.
                if status.kind != .directory { tell(path, Problem(.mount, operation: "stat"), &found) }
                return blind = (path, true, false)
            }
            replica.told[path] = nil
            let isPending = isThorough && record?.isPending == true
            guard record?.fingerprint != status.fingerprint || isPending else { return }
            found.dirty.append(Dirty(path: path, rereading: false))
        case .unlisted(let path, let problem):
            if let path {
                // A mount point is unknown itself, too.
                if blind?.path != path { blind = (path, false, false) }
                tell(path, problem, &found)
            } else {
                isBlind = true
            }
        case .unknown(let path, let problem):
            try skipRecords(before: path)
            blind = (path, true, false)
            tell(path, problem, &found)
        case .excluded(let path):
            try skipRecords(before: path)
            blind = (path, true, true)
        case .skipped(let directory, let name):
            // There is no path to say it of but that of the directory.
            if let directory {
                let isNested = RelativePath.stateName.withUTF8Buffer { name.elementsEqual($0) }
                tell(directory, Problem(isNested ? .special : .nameNotPossible, operation: "list"), &found)
            }
        }
    }

    private func tell(_ path: RelativePath, _ problem: Problem, _ found: inout Found) {
        guard replica.told.updateValue(problem, forKey: path) != problem else { return }
        found.problems.append((path, problem))
    }

    // MARK: The index's side

    /// Takes the records that come before `path`: none of them is on the disk.
    private func skipRecords(before path: RelativePath?) throws(StoreFailure) {
        while let record = try peek() {
            if let path, !PathOrder.precedes(record.path, path) { return }
            nextRecord += 1
            guard !isBlind else { continue }
            if isUnknown(record.path) {
                // What is ignored is looked at once, to be lost sight of.
                guard blind?.isIgnored == true, record.isInSight else { continue }
                missing.append(Dirty(path: record.path, rereading: false))
                continue
            }
            if record.fingerprint == .outOfSight,
                replica.ignores(record.path, isDirectory: record.base.entry.isDirectory)
            {
                continue
            }
            let wasThere = record.fingerprint != nil || (record.offered ?? record.base.entry).isLive
            let isPending = isThorough && record.isPending
            if wasThere || isPending { missing.append(Dirty(path: record.path, rereading: false)) }
        }
    }

    private func record(at path: RelativePath) throws(StoreFailure) -> Record? {
        guard let record = try peek(), record.path == path else { return nil }
        nextRecord += 1
        return record
    }

    private func peek() throws(StoreFailure) -> Record? {
        if nextRecord < records.count { return records[nextRecord] }
        guard hasMoreRecords else { return nil }
        records = try replica.indexed { () throws(IndexError) in
            try replica.index.records(
                inside: directory, after: lastRecord, limit: Self.page, includingGone: false)
        }
        nextRecord = 0
        lastRecord = records.last?.path
        hasMoreRecords = records.count == Self.page
        return records.first
    }

    private func isUnknown(_ path: RelativePath) -> Bool {
        guard let blind else { return false }
        return path.isInside(blind.path) || (blind.itself && path == blind.path)
    }
}
