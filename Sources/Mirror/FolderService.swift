import Disk
import NIOCore
import Replica
import Sync
import Tree
import WebSocketNIO

/// What a hub's and a peer's service have in common: a folder, one thread on which all is done, and a machine that
/// decides. What the folder tells becomes the machine's events, and what the machine wants done comes back as actions.
protocol FolderService: Actor {
    associatedtype Machine: FolderMachine

    nonisolated var thread: ReplicaThread { get }
    nonisolated var moveWait: MoveWait { get }
    /// What the folder told and nobody has heard yet.
    nonisolated var signals: Mailbox<ReplicaSignal> { get }
    var folder: FolderReplica { get }
    var machine: Machine { get set }
    var scans: ScanQueue { get set }
    var timer: RetryTimer { get set }
    var deletions: DeletionTimer { get set }
    var rest: Rest { get set }
    var waiters: Waiters { get set }
    var control: WebSocketServer? { get set }
    var polls: PollTimer { get set }
    var readings: Readings { get set }
    /// The paths that have problems now.
    var problems: [RelativePath: Problem] { get set }
    var standing: ServiceStanding { get }
    /// Deletions that wait for a person, here and, at a hub, of peers.
    var heldDeletions: [HeldDeletions] { get }
    /// Takes over who may come in, which the book says; false where that can't be read.
    func readTokens() -> Bool
    /// What was offered to the hub and has no verdict yet.
    var offeredPaths: Set<RelativePath> { get }
    /// How it ended; nil while it goes on.
    var end: MirrorEnd? { get }

    func perform(_ actions: [Machine.Action])
    /// Takes note of what is about to be told.
    func heard(_ notice: Notice)
    /// A step of a scan was taken, and the machine has heard of what it found.
    func scanned(_ step: ScanQueue.Step) throws(StoreFailure)
    /// Whether all peers that are connected have durably applied all up to `revision`.
    func haveApplied(_ revision: Revision) -> Bool
    /// Who is to be told, through the control socket, what happens from `start` on.
    nonisolated func follower(from start: FeedStart, on loop: any EventLoop) -> any WebSocketHandler
    func finish(_ how: MirrorEnd)
    /// Nothing has happened for a while: what is kept for the case that it is wanted soon goes.
    func rested()
}

/// When a service last did something.
struct Rest {
    /// What is done when nothing has happened for a while.
    enum Step: CaseIterable {
        case memory, code

        var delay: TimeAmount { self == .memory ? .seconds(1) : .seconds(10) }
    }

    static let tendingDelay = TimeAmount.milliseconds(50)

    var lastWork = NIODeadline.now()
    /// For which steps a look at ``lastWork`` is under way already.
    var due: Set<Step> = []
    /// Whether a step at the folder's history is under way already.
    var isTendingDue = false
}

/// When a folder is compared again that nobody tells about.
struct PollTimer {
    /// When the last comparison was begun.
    var began = NIODeadline.now()
    /// Whether the next one is arranged already.
    var isDue = false
}

extension FolderService {
    func rested() {}
    var offeredPaths: Set<RelativePath> { [] }
    /// Nobody comes to a peer.
    func readTokens() -> Bool { true }

    nonisolated func report(_ event: MirrorEvent) { moveWait.tell(event) }

    /// Hears and tells a notice, and with it the next one where both are one move.
    ///
    /// - Parameter count: How many there are at once: where a folder is copied, nobody looks for what each file may have
    ///   been before.
    /// - Returns: Whether the next one is told.
    func tell(_ notice: Notice, before next: Notice?, among count: Int) -> Bool {
        heard(notice)
        if let next, let both = MirrorEvent(MirrorEvent(notice), followedBy: MirrorEvent(next)) {
            heard(next)
            report(both)
            return true
        }
        var isHalf = false
        switch notice {
        case .applied(let change, let was), .sent(let change, let was):
            if count <= 64 { isHalf = (try? folder.mayBeMoved(change, was: was, offered: offeredPaths)) ?? false }
        default: break
        }
        if moveWait.tell(MirrorEvent(notice), isHalf: isHalf) {
            let wait = moveWait
            thread.loop.scheduleTask(in: .nanoseconds(MoveWait.limit.nanoseconds)) { wait.flush() }
        }
        return false
    }

    /// Runs `body` on the replica's thread, after what was asked for before.
    nonisolated func on(_ body: @escaping @Sendable (isolated Self) -> Void) {
        thread.loop.execute { self.assumeIsolated { body($0) } }
    }

    /// Watches the folder, goes on with what an earlier process left, and looks at everything.
    func beginWithFolder() {
        do {
            try folder.watch { [weak self] signal in self?.hear(signal) }
        } catch {
            report(.unwatched(reason: "\(error)"))
        }
        if case .withoutEvents(let name) = folder.polling {
            report(.unwatched(reason: "\(name) does not tell of what others change on it"))
        }
        folder.readMeter.use { [weak self] bytes in self?.report(.reading(bytes: bytes)) }
        polls.began = .now()
        attempt { () throws(StoreFailure) in perform(try machine.started()) }
        scan(nil)
    }

    /// Compares the folder again after a while, where nothing else tells of all that happens in it. A large folder takes
    /// no more than a tenth of the time.
    private func pollLater() {
        guard folder.polling != nil, !polls.isDue else { return }
        polls.isDue = true
        let took = NIODeadline.now() - polls.began
        let interval = TimeAmount.nanoseconds(folder.settings.pollInterval.nanoseconds)
        thread.loop.scheduleTask(in: max(interval, .nanoseconds(took.nanoseconds * 9))) { [weak self] in
            self?.on { service in
                service.polls = PollTimer()
                if service.end == nil { service.scan(nil) }
            }
        }
    }

    /// Does what can end the service, and arranges for another look at what it left.
    func attempt(_ body: () throws(StoreFailure) -> Void) {
        guard end == nil else { return }
        do {
            try folder.batch { () throws(StoreFailure) in
                try body()
                try lookAtOtherNames()
            }
        } catch {
            finish(.failed(error))
            return
        }
        followRules()
        restLater()
        serveWaiters()
        arrangeDeletions()
        tendLater()
        timer.arrange(
            hasUnstable: machine.hasUnstable, wantsReview: machine.wantsReview, on: thread.loop,
            retryUnstable: { [weak self] in
                self?.on { service in
                    service.timer.unstableFired()
                    service.attempt { () throws(StoreFailure) in
                        service.perform(try service.machine.retryUnstable())
                    }
                }
            },
            retryProblems: { [weak self] in
                self?.on { service in
                    service.timer.problemsFired()
                    service.attempt { () throws(StoreFailure) in
                        service.perform(try service.machine.retryProblems())
                    }
                }
            })
    }

    /// What was written to a file by one of its names is at the others, too, of which nobody tells.
    private func lookAtOtherNames() throws(StoreFailure) {
        let others = try folder.otherNames()
        guard !others.isEmpty, end == nil else { return }
        perform(try machine.changed(others))
        folder.forgetSightings()
    }

    private func arrangeDeletions() {
        deletions.arrange(
            // A scan tells the last of what is missing at its very end.
            waiting: scans.isActive ? 0 : machine.waitingDeletions, credit: machine.deletionCredit,
            hasWindow: machine.hasDeletionWindow, on: thread.loop,
            judge: { [weak self] in
                self?.on { service in
                    // Whoever deletes may be faster than this process: only what is behind all that has happened by now
                    // is the last of it.
                    service.deletions.asked()
                    if !service.folder.barrier(DeletionTimer.barrier) { service.judgeDeletions() }
                }
            },
            forgetCredit: { [weak self] in
                self?.on { service in
                    service.deletions.creditEnded()
                    // What is still to be looked at may be the deletions.
                    if service.machine.isSettled, !service.scans.isActive { service.machine.forgetDeletionCredit() }
                    service.arrangeDeletions()
                }
            },
            beginWindow: { [weak self] in
                self?.on { service in
                    service.deletions.windowEnded()
                    service.machine.beginDeletionWindow()
                }
            })
    }

    /// What had happened when the deletions that wait were to be judged has been told.
    private func judgeDeletions() {
        guard deletions.isAsked else { return }
        deletions.judged()
        attempt { () throws(StoreFailure) in perform(try machine.judgeDeletions()) }
    }

    /// Somebody says that the deletions which are held are meant.
    func confirmDeletions() {
        deletions.restartWindow()
        attempt { () throws(StoreFailure) in perform(try machine.confirmDeletions()) }
    }

    /// Somebody wants back what the deletions which are held would delete.
    func revertDeletions() {
        attempt { () throws(StoreFailure) in perform(try machine.revertDeletions()) }
    }

    /// Looks anew at what rules that have changed leave out, or no longer.
    private func followRules() {
        let changed = folder.takeChangedRules()
        for (path, problem) in changed.problems { report(.problem(path, problem)) }
        for directory in changed.directories { scan(directory, isThorough: true) }
    }

    /// Takes over what of these settings may change while it runs, reads all rules again, and looks at everything.
    func takeOver(_ settings: ReplicaSettings, deletionLimit: DeletionLimit) throws(DiskError) {
        guard end == nil else { return }
        machine.use(deletionLimit)
        // Settled rules that have changed are looked at with the rest.
        defer {
            attempt { () throws(StoreFailure) in
                scan(nil, isThorough: true)
                // There may be room now for what had none.
                perform(try machine.retryProblems())
            }
        }
        try folder.use(settings)
    }

    /// When nothing has happened for a while, memory is given back. Nobody is woken up for it twice.
    private func restLater() {
        rest.lastWork = .now()
        for step in Rest.Step.allCases where rest.due.insert(step).inserted { schedule(step, in: step.delay) }
    }

    private func schedule(_ step: Rest.Step, in delay: TimeAmount) {
        thread.loop.scheduleTask(in: delay) { [weak self] in
            self?.on { service in
                let idle = NIODeadline.now() - service.rest.lastWork
                guard idle >= step.delay else { return service.schedule(step, in: step.delay - idle) }
                service.rest.due.remove(step)
                switch step {
                case .memory: service.letGo()
                case .code: Memory.forgetCode()
                }
            }
        }
    }

    private func letGo() {
        rested()
        guard end == nil, folder.rest() else { return }
        attempt { () throws(StoreFailure) in perform(try machine.retryProblems()) }
    }

    /// History is made smaller by the way: a step of some milliseconds at most, and then other things for much longer.
    private func tendLater() {
        guard folder.wantsTending, !rest.isTendingDue else { return }
        rest.isTendingDue = true
        thread.loop.scheduleTask(in: Rest.tendingDelay) { [weak self] in
            self?.on { service in
                service.rest.isTendingDue = false
                guard service.end == nil else { return }
                if service.folder.tend() { service.tendLater() }
            }
        }
    }

    private nonisolated func hear(_ signal: ReplicaSignal) {
        if signals.put(signal) { on { $0.heard($0.signals.takeAll()) } }
    }

    private func heard(_ signals: [ReplicaSignal]) {
        var judgesDeletions = false
        attempt { () throws(StoreFailure) in
            var dirty: [Dirty] = []
            var barriers: [UInt64] = []
            for signal in signals {
                switch signal {
                case .dirty(let some): dirty += some
                case .reading(let path, let fingerprint, let cuts):
                    guard let base = try folder.likeness(of: path, fingerprint, cuts: cuts) else { continue }
                    if readings.began(path, base: base) { perform(machine.foretell(base)) }
                case .rescan(let path, _): scan(path)
                case .barrier(let id): barriers.append(id)
                case .rootMoved: try folder.check()
                }
            }
            folder.readRules(among: dirty)
            if !dirty.isEmpty { try look(at: dirty) }
            for id in barriers { passedBarrier(id) }
            judgesDeletions = barriers.contains(DeletionTimer.barrier)
        }
        if judgesDeletions { judgeDeletions() }
    }

    private func look(at dirty: [Dirty]) throws(StoreFailure) {
        perform(try machine.changed(dirty))
        let isOver = try readings.looked(at: dirty) { (path) throws(StoreFailure) in
            let record = try folder.record(at: path)
            return (record.offered ?? record.base.entry).largeFile?.digest
        }
        if isOver { perform(machine.foretell(nil)) }
    }

    /// Compares a part of the folder with the index, or all of it (nil), a step at a time, so that everything else gets
    /// its turn.
    func scan(_ directory: RelativePath?, isThorough: Bool = false) {
        let isUnderWay = scans.isActive
        scans.add(directory, isThorough: isThorough)
        if !isUnderWay { on { $0.scanOn() } }
    }

    private func scanOn() {
        attempt { () throws(StoreFailure) in
            // Where a directory was moved, most of what a scan would find missing goes with what has come elsewhere.
            if scans.beginsPart, machine.hasStepsLeft {
                perform(try machine.settled())
                on { $0.scanOn() }
                return
            }
            guard let step = try scans.step(folder) else { return }
            for (path, problem) in step.problems {
                problems[path] = problem
                report(.problem(path, problem))
            }
            folder.readRules(among: step.dirty)
            perform(try machine.changed(step.dirty))
            if step.isWhole {
                report(.scanned(entries: step.seen))
                pollLater()
                if let shortage = folder.watchShortage { report(.unwatched(shortage)) }
            } else {
                report(.scanning(entries: step.seen))
            }
            try scanned(step)
            on { $0.scanOn() }
        }
    }
}
