import NIOCore
import NIOHTTP1
import Replica
import Sync
import Tree
import WebSocket
import WebSocketNIO

/// A peer at work: its machine, its folder, and its connection to the hub, which it makes again whenever it is gone.
package actor PeerService {
    package struct Options: Sendable {
        package var hub: HubAddress
        /// How others see this peer.
        package var name: String
        /// End as soon as everything is in sync.
        package var isOnce: Bool
        /// The hub's snapshot wins over what was in the folder before its first sync.
        package var isReplacing: Bool

        package init(hub: HubAddress, name: String, isOnce: Bool, isReplacing: Bool) {
            self.hub = hub
            self.name = name
            self.isOnce = isOnce
            self.isReplacing = isReplacing
        }
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.loop.executor.asUnownedSerialExecutor() }

    private nonisolated let thread: ReplicaThread
    private let options: Options
    private let report: MirrorReport
    private let folder: FolderReplica
    private var machine: PeerMachine<FolderStore>
    private var session: Session?
    private var connectedSince = ContinuousClock.now
    /// Counts connections, so that what a former one still tells is not taken for the present one's.
    private var attemptNumber: UInt64 = 0
    private var random = SystemRandomNumberGenerator()
    private var backoff = Backoff()
    private var saidUnreachable = false
    private nonisolated let signals = Mailbox<ReplicaSignal>()
    private var scans = ScanQueue()
    private var timer = RetryTimer()
    private var progress = MirrorEvent.Progress()
    private var isOutOfSpace = false
    /// Whether a scan met what it could not look into.
    private var hasUnscanned = false
    private var end: MirrorEnd?
    private var waiter: CheckedContinuation<MirrorEnd, Never>?

    /// Opens the peer on a folder.
    package init(folder opened: sending OpenedFolder, options: Options, report: @escaping MirrorReport) {
        let folder = opened.replica
        thread = ReplicaThread()
        self.options = options
        self.report = report
        self.folder = folder
        machine = PeerMachine(
            store: FolderStore(folder), name: options.name, replica: folder.id, replacing: options.isReplacing)
    }

    /// Watches, connects and follows until it is stopped, is done, or can't go on.
    package func run() async -> MirrorEnd {
        do {
            try folder.watch { [weak self] signal in self?.hear(signal) }
        } catch {
            report(.unwatched(reason: "\(error)"))
        }
        attempt { () throws(StoreFailure) in perform(try machine.started()) }
        scans.add(nil)
        scanOn()
        connect()
        return await withCheckedContinuation { continuation in
            waiter = continuation
            if end != nil, session == nil { conclude() }
        }
    }

    /// Says goodbye and ends.
    package func stop() {
        finish(.done)
    }

    // MARK: Events of the folder

    /// Runs `body` on the replica's thread, after what was asked for before.
    private nonisolated func on(_ body: @escaping @Sendable (isolated PeerService) -> Void) {
        thread.loop.execute { self.assumeIsolated { body($0) } }
    }

    private func attempt(_ body: () throws(StoreFailure) -> Void) {
        guard end == nil else { return }
        do {
            try folder.batch(body)
        } catch {
            finish(.failed(error))
            return
        }
        timer.arrange(
            hasUnstable: machine.hasUnstable, wantsReview: machine.wantsReview, on: thread.loop,
            retryUnstable: { [weak self] in
                self?.on { peer in
                    peer.timer.unstableFired()
                    peer.attempt { () throws(StoreFailure) in peer.perform(try peer.machine.retryUnstable()) }
                }
            },
            retryProblems: { [weak self] in
                self?.on { peer in
                    peer.timer.problemsFired()
                    peer.attempt { () throws(StoreFailure) in peer.perform(try peer.machine.retryProblems()) }
                }
            })
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
                case .rescan(let path, _):
                    scans.add(path)
                    scanOn()
                case .rootMoved: try folder.check()
                }
            }
            if !dirty.isEmpty { perform(try machine.changed(dirty)) }
        }
    }

    /// Goes on with the scans that are due, a step at a time, so that everything else gets its turn.
    private func scanOn() {
        attempt { () throws(StoreFailure) in
            guard let step = try scans.step(folder) else { return }
            for (path, problem) in step.problems {
                report(.problem(path, problem))
                if problem.reason != .special { hasUnscanned = true }
            }
            perform(try machine.changed(step.dirty))
            if step.isWhole {
                report(.scanned(entries: step.seen))
                if let shortage = folder.watchShortage { report(.unwatched(shortage)) }
                perform(try machine.scanned())
            }
            on { $0.scanOn() }
        }
    }

    // MARK: The connection

    private func connect() {
        guard end == nil else { return }
        attemptNumber += 1
        let owner = HubLink(peer: self, number: attemptNumber)
        let hub = options.hub
        Task {
            do throws(WebSocketClientError) {
                _ = try await WebSocketClient.connect(
                    to: hub.socketPath.map { .unixSocket(path: $0) } ?? .host(hub.host, port: hub.port), path: hub.path,
                    subprotocols: [Session.subprotocol],
                    handler: Session(owner: owner))
            } catch {
                self.failedToConnect(error)
            }
        }
    }

    private func failedToConnect(_ error: WebSocketClientError) {
        guard end == nil else { return }
        switch error {
        case .unreachable, .timedOut:
            if options.isOnce { return finish(.unreachable("\(error)")) }
            if !saidUnreachable { report(.unreachable(reason: "\(error)")) }
            saidUnreachable = true
            connectLater()
        case .refused(let status, let headers, let line):
            switch status.code {
            case 401, 403: finish(.forbidden(line.isEmpty ? "\(error)" : line))
            case 429, 500..<600:
                if options.isOnce { return finish(.unreachable("\(error)")) }
                if !saidUnreachable { report(.unreachable(reason: "\(error)")) }
                saidUnreachable = true
                connectLater()
            default:
                let other = headers["server"].first.map { " (\($0))" } ?? ""
                finish(.notAHub("it speaks HTTP\(other) but not \(Session.subprotocol): \(error)"))
            }
        case .badUpgrade: finish(.notAHub("it does not speak \(Session.subprotocol): \(error)"))
        }
    }

    private func connectLater() {
        thread.loop.scheduleTask(in: backoff.next(using: &random)) { [weak self] in
            self?.on { $0.connect() }
        }
    }

    fileprivate nonisolated func opened(_ number: UInt64, _ session: Session) {
        on { peer in
            guard peer.end == nil, number == peer.attemptNumber else { return session.close(code: .goingAway) }
            peer.session = session
            peer.connectedSince = .now
            peer.perform(peer.machine.connected())
        }
    }

    fileprivate nonisolated func event(
        _ number: UInt64,
        _ body: @escaping @Sendable (inout PeerMachine<FolderStore>) throws(StoreFailure) -> [PeerAction<ByteBuffer>]
    ) {
        on { peer in
            guard number == peer.attemptNumber else { return }
            peer.attempt { () throws(StoreFailure) in peer.perform(try body(&peer.machine)) }
        }
    }

    fileprivate nonisolated func closed(_ number: UInt64, _ reason: String) {
        on { peer in
            guard number == peer.attemptNumber, peer.session != nil else { return }
            peer.session = nil
            guard peer.end == nil else { return peer.conclude() }
            peer.perform(peer.machine.disconnected())
            if !peer.saidUnreachable { peer.report(.disconnected(reason: reason)) }
            peer.saidUnreachable = true
            peer.connectLater()
        }
    }

    // MARK: Actions

    private func perform(_ actions: [PeerAction<ByteBuffer>]) {
        for action in actions {
            switch action {
            case .send(let message): send(message)
            case .close: session?.close()
            case .notice(let notice): heard(notice)
            case .welcomed(let welcome): welcomed(welcome)
            case .rescan:
                scans.add(nil)
                scanOn()
            case .inSync(let cursor): inSync(cursor)
            case .end(.said(let goodbye)): finish(.refused(goodbye))
            case .end(.violation(let text)): finish(.violation(text))
            }
        }
    }

    private func send(_ message: Message<ByteBuffer>) {
        if case .applied(let revision) = message {
            progress.revision = revision
            report(.progress(progress))
        }
        session?.send(message)
    }

    private func heard(_ notice: Notice) {
        switch notice {
        case .applied(let change, _):
            progress.entries += 1
            if case .file(let file) = change.entry { progress.bytes += file.size }
        case .problem(_, let problem):
            if problem.reason == .noSpace { isOutOfSpace = true }
        case .sent, .conflict: break
        }
        report(MirrorEvent(notice))
    }

    private func welcomed(_ welcome: Welcome) {
        backoff.reset()
        saidUnreachable = false
        progress = MirrorEvent.Progress(revision: welcome.from, head: welcome.head)
        report(.connected(hub: welcome.name, isReadOnly: welcome.isReadOnly, since: connectedSince))
    }

    private func inSync(_ cursor: Cursor) {
        report(.progress(progress))
        report(.inSync(cursor))
        guard options.isOnce else { return }
        finish(machine.problems.isEmpty && !hasUnscanned ? .done : .problems(outOfSpace: isOutOfSpace))
    }

    private func finish(_ how: MirrorEnd) {
        guard end == nil else { return }
        end = how
        timer.cancel()
        folder.close()
        session?.send(.goodbye(Goodbye(reason: .ended, text: "")))
        session?.close(code: .goingAway)
        // The goodbye is on its way; a hub that does not take it is not waited for.
        thread.loop.scheduleTask(in: .seconds(1)) { [weak self] in self?.on { $0.conclude() } }
        if session == nil { conclude() }
    }

    private func conclude() {
        guard let end else { return }
        waiter?.resume(returning: end)
        waiter = nil
    }
}

/// Passes on what the connection to the hub tells.
private struct HubLink: SessionOwner {
    let peer: PeerService
    let number: UInt64

    func opened(_ session: Session) {
        peer.opened(number, session)
    }

    func received(_ session: Session) {
        peer.event(number) { (machine) throws(StoreFailure) in try machine.received(session.arrived.takeAll()) }
    }

    func writable(_ isWritable: Bool) {}

    func supplied() {
        peer.event(number) { (machine) throws(StoreFailure) in try machine.supplied() }
    }

    func closed(_ reason: String) {
        peer.closed(number, reason)
    }
}
