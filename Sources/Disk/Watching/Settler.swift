internal import CLinux
internal import Synchronization
import Tree

/// What the watcher's second thread does: gives events their paths, lets ``DirtyQueue`` settle them, and follows the
/// directories that come, go and move.
struct Settler {
    /// The second half of a rename comes right behind the first; what did not come by then moved out of the root.
    private static let movingLimit = Duration.milliseconds(500)

    private let watcher: Watcher
    private let start = ContinuousClock.now
    private var queue: DirtyQueue
    /// Watches of directories of which the first half of a rename was seen, and until when to wait for the other.
    private var moving: [Int32: Duration] = [:]
    /// The other end of such a rename is somewhere in the root: what was there is not going for good.
    private var departed: (cookie: UInt32, path: RelativePath)?
    /// The same of a file: if this process renamed it, nothing is to be told.
    private var departedFile: (cookie: UInt32, path: RelativePath)?
    private var nextPoll: Duration
    /// Barriers that were met, and what was settling then and was not delivered yet.
    private var barriers: [(id: UInt64, waiting: Set<RelativePath>)] = []

    init(_ watcher: Watcher) {
        self.watcher = watcher
        queue = DirtyQueue(delays: watcher.delays)
        nextPoll = watcher.pollInterval
    }

    private var now: Duration { start.duration(to: .now) }

    mutating func run() {
        while let events = watcher.inbox.take(waiting: timeToNext()) {
            for event in events { handle(event) }
            tellDeparted()
            dropMoved()
            poll()
            let due = queue.take(now: now)
            if !due.isEmpty { watcher.deliver(.dirty(due)) }
            if !barriers.isEmpty { passBarriers(due) }
        }
    }

    private mutating func passBarriers(_ delivered: [Dirty]) {
        for index in barriers.indices { barriers[index].waiting.subtract(delivered.lazy.map(\.path)) }
        for barrier in barriers where barrier.waiting.isEmpty { watcher.deliver(.barrier(barrier.id)) }
        barriers.removeAll(where: \.waiting.isEmpty)
    }

    private mutating func timeToNext() -> Duration? {
        let hasUnwatched = watcher.state.withLock { !$0.unwatched.isEmpty }
        let moments = [queue.nextDue(), moving.values.min(), hasUnwatched ? nextPoll : nil]
        return moments.compactMap(\.self).min().map { max(.zero, $0 - now) }
    }

    private mutating func handle(_ event: RawEvent) {
        if let departedFile, departedFile.cookie != event.cookie || !event.kind.contains(.movedTo) { tellDeparted() }
        if event.kind.contains(.overflow) {
            queue.removeAll()
            watcher.deliver(.rescan(nil, .overflow))
            // Their ends may be among what was lost, and what they wait for is found by the scan.
            let lost = watcher.state.withLock { state in
                defer { state.barriers = [:] }
                return state.barriers.values.sorted()
            }
            for id in barriers.map(\.id) + lost { watcher.deliver(.barrier(id)) }
            barriers = []
            return
        }
        let location = watcher.state.withLock { state in
            state.tree.location(of: event.watch)
        }
        if location == .root && !event.kind.isDisjoint(with: [.selfDeleted, .selfMoved, .unmounted]) {
            watcher.deliver(.rootMoved)
        }
        if event.kind.contains(.ignored) {
            if let id = watcher.state.withLock({ $0.barriers.removeValue(forKey: event.watch) }) {
                barriers.append((id, queue.settling))
                return
            }
            watcher.state.withLock { $0.tree.remove(event.watch) }
            return
        }
        guard !event.name.isEmpty else { return }
        let directory: RelativePath?
        switch location {
        case .root: directory = nil
        case .at(let path): directory = path
        case .nowhere: return
        }
        // What no path can be, as the state folder, is not mirrored.
        guard let path = try? RelativePath.child(event.name, of: directory), !isExcluded(path, event) else { return }
        if event.kind.contains(.isDirectory) {
            handleDirectory(event, at: path)
        } else {
            handleFile(event, at: path)
        }
    }

    /// Rules that have come count at once, so that what comes behind them is judged by them.
    private func isExcluded(_ path: RelativePath, _ event: RawEvent) -> Bool {
        guard let exclusion = watcher.exclusion else { return false }
        let isDirectory = event.kind.contains(.isDirectory)
        if exclusion.excludes(path, isDirectory: isDirectory) { return true }
        if !isDirectory, !event.kind.isDisjoint(with: [.closed, .movedTo]) { exclusion.completed(path) }
        return false
    }

    private mutating func handleFile(_ event: RawEvent, at path: RelativePath) {
        if event.kind.contains(.movedTo), let departed = departedFile, departed.cookie == event.cookie,
            watcher.placements.origin(of: path) == departed.path, isOwn(event, path)
        {
            departedFile = nil
            return
        }
        tellDeparted()
        if isOwn(event, path) { return }
        if event.kind.contains(.movedFrom), event.cookie != 0 {
            departedFile = (event.cookie, path)
            return
        }
        // Of what one writer did, the last counts.
        if event.kind.contains(.closed) {
            queue.note(.closed, at: path, now: now)
        } else if event.kind.contains(.written) {
            queue.note(.written, at: path, now: now)
        } else if event.kind.contains(.created) {
            created(path)
        } else if event.kind.contains(.movedTo) {
            queue.note(.appeared, at: path, now: now)
        } else if !event.kind.isDisjoint(with: [.deleted, .movedFrom]) {
            queue.note(.vanished(wasDirectory: false), at: path, now: now)
        } else if event.kind.contains(.touched) {
            queue.note(.touched, at: path, now: now)
        }
    }

    /// The file has moved, and not by this process, or out of the root.
    private mutating func tellDeparted() {
        guard let path = departedFile?.path else { return }
        departedFile = nil
        queue.note(.vanished(wasDirectory: false), at: path, now: now)
    }

    private func isOwn(_ event: RawEvent, _ path: RelativePath) -> Bool {
        guard !event.kind.isDisjoint(with: [.movedTo, .movedFrom]) else { return false }
        return watcher.placements.explain(path, try? watcher.root.status(of: path))
    }

    private mutating func created(_ path: RelativePath) {
        // Only a file that was made with open(2) is written and closed; a symlink or another hard link has no more
        // events to come. What is gone again has its deletion behind this event.
        guard let status = try? watcher.root.status(of: path) else { return }
        let isBeginning = status.kind == .file && status.links < 2
        queue.note(isBeginning ? .opened : .appeared, at: path, now: now)
    }

    private mutating func handleDirectory(_ event: RawEvent, at path: RelativePath) {
        let name = event.name
        if event.kind.contains(.created) {
            enter(path, isComplete: false)
        } else if event.kind.contains(.movedTo) {
            // Its watches go on, and get their new places as it is entered.
            enter(path, isComplete: true)
            if let departed, departed.cookie == event.cookie { queue.note(.moved, at: departed.path, now: now) }
            departed = nil
        } else if event.kind.contains(.movedFrom) {
            let watch = watcher.state.withLock { $0.tree.detach(name, of: event.watch) }
            if let watch { moving[watch] = now + Self.movingLimit }
            departed = (event.cookie, path)
            queue.note(.vanished(wasDirectory: true), at: path, now: now)
        } else if event.kind.contains(.deleted) {
            queue.note(.vanished(wasDirectory: true), at: path, now: now)
        } else if event.kind.contains(.touched) {
            queue.note(.touched, at: path, now: now)
        }
    }

    /// Watches and lists a directory that is new at `path`. `isComplete` where it was moved to here, so that its files
    /// are not being written right now, or if so, not more than any other.
    private mutating func enter(_ path: RelativePath, isComplete: Bool) {
        if !watcher.placements.explain(path, try? watcher.root.status(of: path)) {
            queue.note(.appeared, at: path, now: now)
        }
        var walk = Walk(watcher.root, inside: path, excluding: watcher.exclusion) { [watcher] in watcher.watch($0, $1) }
        var directories = [path]
        while let item = walk.next() {
            switch item {
            case .found(let found, let status):
                if status.kind == .directory { directories.append(found) }
                if watcher.placements.explain(found, status) { continue }
                let isBeginning = status.kind == .file && !isComplete
                queue.note(isBeginning ? .found : .appeared, at: found, now: now)
            case .unlisted(let directory, _):
                watcher.deliver(.rescan(directory, .unreadable))
            case .unknown(let found, _):
                queue.note(.touched, at: found, now: now)
            case .skipped, .excluded:
                break
            }
        }
        for directory in directories { tellUnmet(in: directory) }
    }

    /// What this process placed in a directory before that was watched, and somebody took away before that, has no event.
    private mutating func tellUnmet(in directory: RelativePath) {
        for path in watcher.placements.unmet(in: directory) {
            // What came after the directory was listed has its event still to come.
            let status = try? watcher.root.status(of: path)
            if status == nil, !watcher.placements.explain(path, nil) { queue.note(.touched, at: path, now: now) }
        }
    }

    /// Lets go of directories that were moved out of the root.
    private mutating func dropMoved() {
        guard !moving.isEmpty else { return }
        let now = now
        for (moved, due) in moving where due <= now {
            moving[moved] = nil
            watcher.state.withLock { state in
                for watch in state.tree.removeSubtree(moved) {
                    _ = clinux_inotify_remove(watcher.inotify.raw, watch)
                }
            }
        }
    }

    private mutating func poll() {
        guard now >= nextPoll else { return }
        nextPoll = now + watcher.pollInterval
        // A directory whose parent is compared as well would be compared twice.
        let tops = watcher.state.withLock { state in
            state.unwatched.filter { path in
                guard let path else { return true }
                return !state.unwatched.contains(nil) && !path.ancestors.contains { state.unwatched.contains($0) }
            }
        }
        for path in tops { watcher.deliver(.rescan(path, .unwatched)) }
    }
}
