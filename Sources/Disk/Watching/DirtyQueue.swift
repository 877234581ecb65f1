package import Tree

/// Turns the events of a watcher into paths to look at, when it is worth to look.
///
/// What is complete is due at once; what is being written waits for its end, but not for ever; what vanished waits a
/// moment, because many programs save a file by putting another one in its place. Pure: time is a parameter, counted
/// from anywhere, and does not run backwards.
package struct DirtyQueue: Sendable {
    package enum Event: Hashable, Sendable {
        /// A file was made and is, most likely, about to be written.
        case opened
        /// A file was in a new directory when that was listed: complete, as a rule, or else its writer will be heard of.
        case found
        /// Content changed, and whoever changes it goes on.
        case written
        /// A writer closed it.
        case closed
        /// It is there, complete: renamed to here, a symlink, a directory, a hard link.
        case appeared
        /// Mode, times or owner changed.
        case touched
        /// The name is gone. `wasDirectory` where everything inside went with it without events of its own.
        case vanished(wasDirectory: Bool)
        /// A directory that vanished has another name in the folder now: nothing of it is to be waited for.
        case moved
    }

    /// How long each kind of event waits.
    package struct Delays: Hashable, Sendable {
        package var written = Duration.milliseconds(100)
        package var found = Duration.milliseconds(20)
        /// The most that writes may put off a look, from the first on.
        package var writtenLimit = Duration.seconds(1)
        package var touched = Duration.milliseconds(5)
        /// Without a further deletion anywhere, since a tree often goes or moves as a whole.
        package var vanished = Duration.milliseconds(50)
        /// The same while one deletion follows the other: it may be the root itself that is going, from the inside.
        package var vanishedMany = Duration.milliseconds(300)
        package var vanishedLimit = Duration.seconds(5)
        /// After a write: what is written through a memory map raises no events.
        package var secondLook = Duration.seconds(2)

        package init() {}
    }

    /// A path that waits for its look.
    private struct Waiting {
        var due: Duration
        var firstWrite: Duration?
        var rereading: Bool
    }

    private static let few = 8

    private let delays: Delays
    private var waiting: [RelativePath: Waiting] = [:]
    private var schedule = DeadlineHeap<RelativePath>()
    /// The value: whether all that was inside is gone as well. Such a path stays here even if something new took its
    /// name meanwhile: of what was inside, nobody else tells.
    private var vanished: [RelativePath: Bool] = [:]
    private var firstVanished: Duration?
    /// Former names of directories that have new ones.
    private var moved: Set<RelativePath> = []
    private var lastVanished: Duration = .zero
    private var secondLooks: [RelativePath: Duration] = [:]
    private var secondSchedule = DeadlineHeap<RelativePath>()

    package init(delays: Delays = Delays()) {
        self.delays = delays
    }

    package mutating func note(_ event: Event, at path: RelativePath, now: Duration) {
        switch event {
        case .moved:
            guard vanished.removeValue(forKey: path) != nil else { return }
            if vanished.isEmpty { firstVanished = nil }
            moved.insert(path)
            return
        case .vanished(let wasDirectory):
            waiting[path] = nil
            secondLooks[path] = nil
            // What moved away with a directory is gone from here, whatever had that name since and is gone, too.
            let hasMoved = moved.remove(path) != nil
            vanished[path] = wasDirectory || hasMoved || (vanished[path] ?? false)
            firstVanished = firstVanished ?? now
            lastVanished = now
            return
        case .touched where vanished[path] == false:
            // An unlinked file's own last word.
            return
        case .opened, .found, .written, .closed, .appeared, .touched:
            break
        }
        let returned = vanished[path]
        if returned == false {
            vanished[path] = nil
            if vanished.isEmpty { firstVanished = nil }
        }
        let before = waiting[path]
        let rereading = (before?.rereading ?? false) || returned != nil
        switch event {
        case .opened:
            wait(path, Waiting(due: now + delays.written, firstWrite: now, rereading: true))
        case .found:
            // What was heard of it meanwhile says more.
            guard before == nil else { return }
            wait(path, Waiting(due: now + delays.found, firstWrite: now, rereading: true))
        case .written:
            let first = before?.firstWrite ?? now
            let due = min(now + delays.written, first + delays.writtenLimit)
            wait(path, Waiting(due: due, firstWrite: first, rereading: true))
            lookAgain(at: path, now + delays.secondLook)
        case .closed:
            wait(path, Waiting(due: now, firstWrite: nil, rereading: true))
            lookAgain(at: path, now + delays.secondLook)
        case .appeared:
            wait(path, Waiting(due: now, firstWrite: nil, rereading: rereading))
        case .touched:
            let due = min(before?.due ?? .seconds(Int64.max / 4), now + delays.touched)
            // A writer that is still at it is not hurried by a change of mode.
            let kept = before?.firstWrite != nil ? before?.due ?? due : due
            wait(path, Waiting(due: kept, firstWrite: before?.firstWrite, rereading: rereading))
        case .vanished, .moved:
            break
        }
    }

    /// When there is something to take next; nil where nothing waits.
    package mutating func nextDue() -> Duration? {
        let waitingDue = schedule.first { waiting[$0]?.due == $1 }
        let second = secondSchedule.first { secondLooks[$0] == $1 }
        return [waitingDue, second, vanishedDue, moved.isEmpty ? nil : .zero].compactMap(\.self).min()
    }

    /// Takes what is due, in order of paths. What appeared or changed comes before what vanished, so that content is
    /// found under its new name before the old one is given up.
    package mutating func take(now: Duration) -> [Dirty] {
        var changed: [Dirty] = []
        while let path = schedule.pop(until: now, where: { waiting[$0]?.due == $1 }) {
            guard let entry = waiting.removeValue(forKey: path) else { continue }
            changed.append(Dirty(path: path, rereading: entry.rereading))
        }
        while let path = secondSchedule.pop(until: now, where: { secondLooks[$0] == $1 }) {
            secondLooks[path] = nil
            changed.append(Dirty(path: path, rereading: false))
        }
        changed.sort { $0.path < $1.path }
        changed += moved.sorted().map { Dirty(path: $0, rereading: false, isSubtree: true) }
        moved.removeAll()
        if let due = vanishedDue, due <= now {
            let gone = vanished.map { Dirty(path: $0.key, rereading: false, isSubtree: $0.value) }
            vanished.removeAll()
            firstVanished = nil
            changed += gone.sorted { $0.path < $1.path }
        }
        return changed
    }

    /// What was noted and not taken yet, second looks apart.
    package var settling: Set<RelativePath> {
        Set(waiting.keys).union(vanished.keys).union(moved)
    }

    /// Forgets everything: all of it will be looked at anyway.
    package mutating func removeAll() {
        self = DirtyQueue(delays: delays)
    }

    private var vanishedDue: Duration? {
        guard let firstVanished else { return nil }
        let delay = vanished.count > Self.few ? delays.vanishedMany : delays.vanished
        return min(lastVanished + delay, firstVanished + delays.vanishedLimit)
    }

    private mutating func wait(_ path: RelativePath, _ entry: Waiting) {
        let before = waiting.updateValue(entry, forKey: path)
        if before?.due != entry.due { schedule.push(path, due: entry.due) }
    }

    private mutating func lookAgain(at path: RelativePath, _ due: Duration) {
        // A path that is written all the time needs one second look, not one for each write.
        if let before = secondLooks[path], due - before < .milliseconds(200) { return }
        secondLooks[path] = due
        secondSchedule.push(path, due: due)
    }
}
