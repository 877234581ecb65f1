import NIOCore
import Replica
import Sync
import Tree

/// What a hub's and a peer's service have in common: a folder, one thread on which all is done, and a machine that
/// decides. What the folder tells becomes the machine's events, and what the machine wants done comes back as actions.
protocol FolderService: Actor {
    associatedtype Machine: FolderMachine

    nonisolated var thread: ReplicaThread { get }
    nonisolated var report: MirrorReport { get }
    /// What the folder told and nobody has heard yet.
    nonisolated var signals: Mailbox<ReplicaSignal> { get }
    var folder: FolderReplica { get }
    var machine: Machine { get set }
    var scans: ScanQueue { get set }
    var timer: RetryTimer { get set }
    var rest: Rest { get set }
    /// How it ended; nil while it goes on.
    var end: MirrorEnd? { get }

    func perform(_ actions: [Machine.Action])
    /// A step of a scan was taken, and the machine has heard of what it found.
    func scanned(_ step: ScanQueue.Step) throws(StoreFailure)
    func finish(_ how: MirrorEnd)
}

/// When a service last did something.
struct Rest {
    static let delay = TimeAmount.seconds(1)

    var lastWork = NIODeadline.now()
    /// Whether a look at ``lastWork`` is under way already.
    var isDue = false
}

extension FolderService {
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
        attempt { () throws(StoreFailure) in perform(try machine.started()) }
        scan(nil)
    }

    /// Does what can end the service, and arranges for another look at what it left.
    func attempt(_ body: () throws(StoreFailure) -> Void) {
        guard end == nil else { return }
        do {
            try folder.batch(body)
        } catch {
            finish(.failed(error))
            return
        }
        followRules()
        restLater()
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

    /// Looks anew at what rules that have changed leave out, or no longer.
    private func followRules() {
        let changed = folder.takeChangedRules()
        for (path, problem) in changed.problems { report(.problem(path, problem)) }
        for directory in changed.directories { scan(directory, isThorough: true) }
    }

    /// Reads all rules again, and looks at everything.
    func lookAtAll() {
        guard end == nil else { return }
        scan(nil, isThorough: true)
    }

    /// When nothing has happened for a while, memory is given back. Nobody is woken up for it twice.
    private func restLater() {
        rest.lastWork = .now()
        guard !rest.isDue else { return }
        rest.isDue = true
        awaitRest(Rest.delay)
    }

    private func awaitRest(_ delay: TimeAmount) {
        thread.loop.scheduleTask(in: delay) { [weak self] in
            self?.on { service in
                let idle = NIODeadline.now() - service.rest.lastWork
                guard idle >= Rest.delay else { return service.awaitRest(Rest.delay - idle) }
                service.rest.isDue = false
                if service.end == nil { service.folder.rest() }
            }
        }
    }

    private nonisolated func hear(_ signal: ReplicaSignal) {
        if signals.put(signal) { on { $0.heard($0.signals.takeAll()) } }
    }

    private func heard(_ signals: [ReplicaSignal]) {
        attempt { () throws(StoreFailure) in
            var dirty: [Dirty] = []
            for signal in signals {
                switch signal {
                case .dirty(let some): dirty += some
                case .rescan(let path, _): scan(path)
                case .rootMoved: try folder.check()
                }
            }
            folder.readRules(among: dirty)
            if !dirty.isEmpty { perform(try machine.changed(dirty)) }
        }
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
            guard let step = try scans.step(folder) else { return }
            for (path, problem) in step.problems { report(.problem(path, problem)) }
            folder.readRules(among: step.dirty)
            perform(try machine.changed(step.dirty))
            if step.isWhole {
                report(.scanned(entries: step.seen))
                if let shortage = folder.watchShortage { report(.unwatched(shortage)) }
            }
            try scanned(step)
            on { $0.scanOn() }
        }
    }
}
