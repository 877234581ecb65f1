import Index
import NIOCore
import NIOHTTP1
import Replica
import Sync
import Tree

/// What one step of a walk found.
struct WalkItem: Sendable {
    let path: RelativePath
    let version: Version
    let author: String
}

/// The walks through a hub's entries that are under way. On the replica's thread.
final class TreeWalks {
    private var walks: [UInt64: TreeWalk] = [:]
    private var lastID: UInt64 = 0

    var isEmpty: Bool { walks.isEmpty }

    subscript(id: UInt64) -> TreeWalk? { walks[id] }

    func begin(_ walk: TreeWalk) -> UInt64 {
        lastID += 1
        walks[lastID] = walk
        return lastID
    }

    func end(_ id: UInt64) { walks[id] = nil }

    /// Something is about to get another version.
    func changed(_ former: WalkItem) {
        for walk in walks.values { walk.changed(former) }
    }
}

/// Goes through the entries of a directory as they were at one instant, a page at a time, while changes go on.
///
/// It is copy-on-write: whoever changes what the walk has not come to yet leaves the former version with it, and where the
/// walk comes to that path it hands out that one. So all pages together are the entries at the revision at which it began,
/// nothing is held up, and a walk costs memory for what changed before it came there alone.
final class TreeWalk {
    /// More changes than that before it came there end a walk.
    private static let mostKept = 200_000
    static let pageSize = 256

    let directory: RelativePath?
    let isRecursive: Bool
    private var position: RelativePath?
    private var isDone = false
    private var kept: [RelativePath: WalkItem] = [:]
    private(set) var isOverrun = false

    init(of directory: RelativePath?, isRecursive: Bool) {
        self.directory = directory
        self.isRecursive = isRecursive
    }

    private func concerns(_ path: RelativePath) -> Bool {
        isRecursive ? directory.map { path.isInside($0) } ?? true : path.parent == directory
    }

    func changed(_ former: WalkItem) {
        guard !isDone, kept[former.path] == nil, concerns(former.path) else { return }
        if let position, !PathOrder.precedes(position, former.path) { return }
        guard kept.count < Self.mostKept else {
            isOverrun = true
            return
        }
        kept[former.path] = former
    }

    /// The next entries in the index's order; nil at the end.
    func next(in folder: FolderReplica) throws(StoreFailure) -> [WalkItem]? {
        guard !isDone else { return nil }
        let records = try folder.records(
            inside: directory, after: position, isRecursive: isRecursive, limit: Self.pageSize)
        var items = records.map { WalkItem(path: $0.path, version: $0.remote, author: $0.author) }
        isDone = records.count < Self.pageSize
        let end = records.last?.path
        if !kept.isEmpty {
            let passed = kept.keys.filter { path in isDone || end.map { !PathOrder.precedes($0, path) } ?? true }
            var former: [RelativePath: WalkItem] = [:]
            for path in passed { former[path] = kept.removeValue(forKey: path) }
            items = items.map { former.removeValue(forKey: $0.path) ?? $0 }
            if !former.isEmpty {
                items.append(contentsOf: former.values)
                items.sort { PathOrder.precedes($0.path, $1.path) }
            }
        }
        position = end ?? position
        return items.filter { $0.version.entry.isLive }
    }
}

/// Hears of what a hub accepts, right before and right after it is durable. On the replica's thread.
struct Appending {
    let walks: TreeWalks
    let feed: FeedBoard
    let meter: DeliveryMeter
    let loop: any EventLoop

    /// What these changes replace, one each; nothing where nobody wants to know.
    func former(of changes: [Change], in folder: FolderReplica) throws(StoreFailure) -> [WalkItem] {
        guard !walks.isEmpty || feed.isFollowed else { return [] }
        var latest: [RelativePath: WalkItem] = [:]
        var former: [WalkItem] = []
        for change in changes {
            let before: WalkItem
            if let known = latest[change.path] {
                before = known
            } else {
                let record = try folder.record(at: change.path)
                before = WalkItem(path: change.path, version: record.remote, author: record.author)
            }
            former.append(before)
            latest[change.path] = WalkItem(path: change.path, version: change.version, author: change.author)
        }
        return former
    }

    func appended(_ changes: [Change], former: [WalkItem], cursor: Cursor, in folder: FolderReplica) {
        for item in former { walks.changed(item) }
        if feed.append(changes, former: former, cursor: cursor, isHalf: isHalf(changes, former, in: folder)) {
            let feed = feed
            loop.scheduleTask(in: .nanoseconds(MoveWait.limit.nanoseconds)) { feed.flush() }
        }
        meter.accepted(changes, at: .now())
    }

    /// Whether the last of these may be a file's new name. Whoever cannot find that out is told of a new file.
    private func isHalf(_ changes: [Change], _ former: [WalkItem], in folder: FolderReplica) -> Bool {
        guard feed.isFollowed, let last = changes.last, let was = former.last?.version.entry else { return false }
        return (try? folder.mayBeMoved(last, was: was)) ?? false
    }
}

/// A walk that has begun.
struct WalkStart: Sendable {
    let id: UInt64
    /// The revision whose entries it goes through.
    let cursor: Cursor
    /// What is at the path itself that is walked through, dead or alive; nil for the folder.
    let top: WalkItem?
}

extension HubService {
    /// Begins a walk through what is inside a directory, now or as it was. It must be ended.
    func beginWalk(of directory: RelativePath?, isRecursive: Bool, at past: Revision?) throws -> WalkStart {
        guard end == nil else { throw HTTPFailure.ending }
        let walk = TreeWalk(of: directory, isRecursive: isRecursive)
        var top = try directory.map { path in
            let record = try machine.reconciler.record(at: path)
            return WalkItem(path: path, version: record.remote, author: record.author)
        }
        var cursor = machine.cursor
        if let past, past < cursor.revision {
            cursor = Cursor(epoch: cursor.epoch, revision: past)
            try forEachFormer(since: past) { former in
                walk.changed(former)
                if former.path == directory { top = former }
            }
        }
        return WalkStart(id: walks.begin(walk), cursor: cursor, top: top)
    }

    /// What there was, at a revision, of all that has changed since: as if it were changing only now.
    private func forEachFormer(since past: Revision, _ body: (WalkItem) -> Void) throws {
        var last = past
        while true {
            let page = try folder.feed(after: last, limit: 512)
            guard let end = page.last else { return }
            for change in page {
                guard let entry = try folder.entry(at: change.path, asOf: past) else {
                    throw HTTPFailure.noLonger(past, machine.cursor)
                }
                if case .file(let file) = entry, try folder.reading(file, at: change.path)?.isWhole != true {
                    throw HTTPFailure.noLonger(past, machine.cursor, for: change.path)
                }
                body(WalkItem(path: change.path, version: Version(revision: past, entry: entry), author: change.author))
            }
            last = end.revision
        }
    }

    func walk(_ id: UInt64) throws -> [WalkItem]? {
        guard end == nil, let walk = walks[id] else { throw HTTPFailure.ending }
        guard !walk.isOverrun else { throw HTTPFailure(.serviceUnavailable, "Too much has changed meanwhile.") }
        return try walk.next(in: folder)
    }

    func endWalk(_ id: UInt64) { walks.end(id) }
}

extension HTTPFailure {
    /// What there was at a revision can't be told, or not be had, any more.
    fileprivate static func noLonger(
        _ revision: Revision, _ now: Cursor, for path: RelativePath? = nil
    ) -> HTTPFailure {
        let what = path.map { "the content that \($0) had then" } ?? "all that there was then"
        return HTTPFailure(
            .gone, "This hub is at revision \(now.revision), and no longer has \(what), at \(revision).",
            headers: ["x-nosocks-cursor": "\(now)"])
    }
}

extension Visit {
    /// Goes through a directory's entries as they are at one instant, or as they were at a revision.
    func walk(
        _ directory: RelativePath?, isRecursive: Bool, at past: Revision? = nil,
        begun: (WalkStart) async throws -> Void, each: ([WalkItem]) async throws -> Void
    ) async throws {
        let start = try await hub.beginWalk(of: directory, isRecursive: isRecursive, at: past)
        do {
            try await begun(start)
            while let items = try await hub.walk(start.id) { try await each(items) }
        } catch {
            await hub.endWalk(start.id)
            throw error
        }
        await hub.endWalk(start.id)
    }
}
