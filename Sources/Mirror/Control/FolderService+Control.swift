import Index
import NIOCore
import Replica
import Sync
import Tree
import WebSocketNIO

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Those who wait until what was on the disk when they asked is on the hub.
struct Waiters {
    enum Stage {
        /// The watcher has not yet told of all that had happened before.
        case watcher
        /// A scan is under way.
        case scan
        /// These are not on the hub yet.
        case hub(Set<RelativePath>)
        /// The hub's peers have not applied all up to here yet.
        case peers(Revision)
    }

    struct Waiter {
        var stage: Stage
        let everywhere: Bool
        let call: ControlCall
    }

    var all: [UInt64: Waiter] = [:]
    private var last: UInt64 = 0

    mutating func add(_ call: ControlCall, everywhere: Bool) -> UInt64 {
        last += 1
        all[last] = Waiter(stage: .watcher, everywhere: everywhere, call: call)
        return last
    }

    mutating func end(_ id: UInt64, _ reply: ControlReply) {
        all.removeValue(forKey: id)?.call.reply(reply)
    }

    mutating func endAll(_ reply: ControlReply) {
        for id in all.keys.sorted() { end(id, reply) }
    }
}

extension FolderService {
    /// Lets other processes ask.
    func openControl() async {
        do {
            try folder.clearSocket(ControlSocket.name)
            control = try await ControlSocket.listen(at: folder.socketPath(ControlSocket.name)) {
                [weak self] start, loop in
                self?.follower(from: start, on: loop)
            } answer: { [weak self] request, call in
                guard let self else { return call.reply(.failed("this process is ending")) }
                self.on { $0.answer(request, call) }
            }
        } catch {
            report(.uncontrolled(reason: "\(error)"))
        }
    }

    func closeControl() {
        waiters.endAll(.failed("this process is ending"))
        guard let server = control else { return }
        control = nil
        try? folder.clearSocket(ControlSocket.name)
        Task { try? await server.close() }
    }

    private func answer(_ request: ControlRequest, _ call: ControlCall) {
        guard end == nil else { return call.reply(.failed("this process is ending")) }
        switch request {
        case .status: call.reply(status())
        case .wait(let everywhere): wait(call, everywhere: everywhere)
        case .confirmDeletions:
            let count = heldDeletions.reduce(0) { $0 + $1.count }
            confirmDeletions()
            call.reply(.deletions(count))
        case .revertDeletions:
            let count = machine.heldDeletions?.count ?? 0
            revertDeletions()
            call.reply(.deletions(count))
        case .readTokens: call.reply(readTokens() ? .tokensRead : .failed("its tokens can't be read"))
        }
    }

    private func status() -> ControlReply {
        do throws(StoreFailure) {
            return .status(try replicaStatus(counts: try folder.counts(), conflicts: try conflictCopies()))
        } catch {
            return .failed("\(error)")
        }
    }

    func replicaStatus(counts: Index.Counts, conflicts: UInt64) throws(StoreFailure) -> ReplicaStatus {
        let standing = standing
        let unsettled = UInt64(machine.pendingPaths.count)
        let direction = machine.reconciler.direction
        let watches = folder.watchUsage.map { ReplicaStatus.Watches(used: $0.watched, allowed: $0.allowed) }
        return ReplicaStatus(
            role: standing.role, name: standing.name, process: getpid(), url: standing.urls, hub: standing.hub,
            connected: standing.isConnected, inSync: machine.isSettled && !scans.isActive,
            epoch: "\(standing.cursor.epoch)", revision: standing.cursor.revision.rawValue,
            entries: counts.entries, bytes: counts.bytes,
            pending: direction == .sendOnly ? unsettled : max(counts.unfinished, unsettled),
            underway: standing.underway, problems: pathProblems, conflicts: conflicts, held: heldDeletions,
            peers: standing.peers, watches: watches, direction: ReplicaStatus.Direction(direction),
            unsent: UInt64(machine.backlog.unsent.count))
    }

    private var pathProblems: [ReplicaStatus.PathProblem] {
        let open = machine.problems
        let present = problems.filter { path, problem in
            problem.reason != .special && (open.contains(path) || folder.hasProblem(path))
        }
        return present.sorted { $0.key < $1.key }.map { path, problem in
            ReplicaStatus.PathProblem(path: "\(path)", reason: problem.words)
        }
    }

    /// How many conflict copies are on this disk.
    func conflictCopies() throws(StoreFailure) -> UInt64 { UInt64(try conflictPaths().count) }

    /// Where conflict copies are. One that can't be sent is in no record: it is known as a problem.
    func conflictPaths() throws(StoreFailure) -> Set<RelativePath> {
        let copies = Set(try folder.possibleConflictCopies()).union(machine.problems)
        return copies.filter(ConflictName.isConflictCopy)
    }

    // MARK: Waiting

    private func wait(_ call: ControlCall, everywhere: Bool) {
        let id = waiters.add(call, everywhere: everywhere)
        if !folder.barrier(id) {
            waiters.all[id]?.stage = .scan
            scan(nil)
        }
        if !standing.isConnected { awaitConnection() }
    }

    func passedBarrier(_ id: UInt64) {
        guard case .watcher? = waiters.all[id]?.stage else { return }
        waiters.all[id]?.stage = .scan
    }

    /// Lets those go who have waited long enough.
    func serveWaiters() {
        guard !waiters.all.isEmpty, end == nil else { return }
        for (id, waiter) in waiters.all.sorted(by: { $0.key < $1.key }) {
            guard waiter.call.isOpen else {
                waiters.all[id] = nil
                continue
            }
            advance(id)
        }
    }

    private func advance(_ id: UInt64) {
        guard var waiter = waiters.all[id] else { return }
        if case .scan = waiter.stage, !scans.isActive { waiter.stage = .hub(machine.pendingPaths) }
        if case .hub(let paths) = waiter.stage {
            let rest = paths.filter { machine.isPending($0) }
            guard rest.isEmpty, standing.isConnected else {
                waiters.all[id]?.stage = .hub(rest)
                return
            }
            guard waiter.everywhere else { return waiters.end(id, arrived) }
            waiter.stage = .peers(standing.newest)
        }
        waiters.all[id] = waiter
        if case .peers(let revision) = waiter.stage, haveApplied(revision) { waiters.end(id, arrived) }
    }

    private var arrived: ControlReply {
        let staying = machine.backlog.unsent.sorted().map {
            ReplicaStatus.PathProblem(path: "\($0)", reason: "it stays here, since join was told --receive-only")
        }
        return .arrived(problems: pathProblems + staying, held: heldDeletions)
    }

    /// Nobody waits for a hub that does not come.
    func awaitConnection() {
        guard !waiters.all.isEmpty else { return }
        thread.loop.scheduleTask(in: .seconds(5)) { [weak self] in
            self?.on { service in
                guard !service.standing.isConnected else { return }
                service.waiters.endAll(.unreachable(service.standing.urls.first ?? ""))
            }
        }
    }
}

/// What of a service's state is its own kind's.
struct ServiceStanding {
    var role: ReplicaStatus.Role
    var name: String
    var urls: [String]
    var hub: String?
    var isConnected: Bool
    var cursor: Cursor
    /// The newest revision that holds something of this replica's, or that it has seen.
    var newest: Revision
    var underway: Underway?
    var peers: [ReplicaStatus.Peer] = []
}
