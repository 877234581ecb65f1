import NIOCore
import NIOHTTP1
package import Replica
import Sync
package import Tree
import WebSocket
import WebSocketNIO

/// A peer at work: its machine, its folder, and its connection to the hub, which it makes again whenever it is gone.
package actor PeerService: FolderService {
    package struct Options: Sendable {
        package var hub: HubAddress
        /// How others see this peer.
        package var name: String
        /// End as soon as everything is in sync.
        package var isOnce: Bool
        /// The hub's snapshot wins over what was in the folder before its first sync.
        package var isReplacing: Bool
        /// How many bytes it sends in a second at the most, and how many it receives; nil for as many as it can.
        package var bytesPerSecond: Int?
        /// Which changes it exchanges with the hub.
        package var direction = Direction.both
        /// How many deletions go through without asking.
        package var deletionLimit = DeletionLimit.standard
        /// What lets this peer in, where the hub wants it.
        package var token: AccessToken?
        /// How it knows the hub, where the hub's address is a secure one.
        package var trust = HubTrust.system
        /// Through whom it connects, if not directly.
        package var proxy: HubProxy?

        package init(hub: HubAddress, name: String, isOnce: Bool, isReplacing: Bool) {
            self.hub = hub
            self.name = name
            self.isOnce = isOnce
            self.isReplacing = isReplacing
        }
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.loop.executor.asUnownedSerialExecutor() }

    nonisolated let thread: ReplicaThread
    nonisolated let moveWait: MoveWait
    nonisolated let signals = Mailbox<ReplicaSignal>()
    nonisolated let followers = EventFollowers()
    let folder: FolderReplica
    nonisolated let stagingAhead: StagingAhead
    var machine: PeerMachine<FolderStore>
    var scans = ScanQueue()
    var timer = RetryTimer()
    var deletions = DeletionTimer()
    var rest = Rest()
    var waiters = Waiters()
    var control: WebSocketServer?
    var polls = PollTimer()
    var readings = Readings()
    var problems: [RelativePath: Problem] = [:]
    private(set) var end: MirrorEnd?
    private let options: Options
    private var session: Session?
    private var hubName: String?
    private var epoch = Epoch.none
    /// All peers have applied everything through here.
    private var everywhere: Revision = .zero
    /// What the hub was asked to tell, on which connection.
    private var asked: (attempt: UInt64, revision: Revision) = (0, .zero)
    private let configuration: WebSocketConfiguration
    private var trust: HubTrust
    private var connectedSince = ContinuousClock.now
    /// Counts connections, so that what a former one still tells is not taken for the present one's.
    private var attemptNumber: UInt64 = 0
    private var random = SystemRandomNumberGenerator()
    private var backoff = Backoff()
    /// The next attempt, while it is waited for.
    private var retry: Scheduled<Void>?
    private var saidUnreachable = false
    /// The hub broke the protocol, and nothing has come about since: it will do so again.
    private var isDistrusted = false
    /// What was said last of the proxy, since there was a hub.
    private var saidOfProxy: String?
    private var progress = MirrorEvent.Progress()
    private var uploads = Uploads()
    private var toldProgress = NIODeadline.now()
    private static let progressInterval = TimeAmount.milliseconds(100)
    private var isOutOfSpace = false
    /// Whether a scan met what it could not look into.
    private var hasUnscanned = false
    private var waiter: CheckedContinuation<MirrorEnd, Never>?

    /// Opens the peer on a folder.
    package init(folder opened: sending OpenedFolder, options: Options, report: @escaping MirrorReport) {
        let folder = opened.replica
        thread = ReplicaThread()
        self.options = options
        trust = options.trust
        var configuration = WebSocketConfiguration.client
        configuration.rateLimit = RateLimit(bytesPerSecond: options.bytesPerSecond)
        self.configuration = configuration
        let followers = followers
        moveWait = MoveWait { event in
            report(event)
            followers.tell(event)
        }
        self.folder = folder
        stagingAhead = folder.stagingAhead
        machine = PeerMachine(
            store: FolderStore(folder), name: options.name, replica: folder.id, replacing: options.isReplacing,
            direction: options.direction, deletionLimit: options.deletionLimit)
    }

    /// Watches, connects and follows until it is stopped, is done, or can't go on.
    package func run() async -> MirrorEnd {
        await openControl()
        beginWithFolder()
        folder.putsOffReading = true
        connect()
        return await withCheckedContinuation { continuation in
            waiter = continuation
            if end != nil, session == nil { conclude() }
        }
    }

    /// Says goodbye and ends.
    package func stop() {
        finish(options.isOnce ? .interrupted : .done)
    }

    /// Takes over what of these settings may change while it runs, reads ignore rules again, and looks at everything.
    package func reload(_ settings: ReplicaSettings, deletionLimit: DeletionLimit, bytesPerSecond: Int?) throws {
        configuration.rateLimit?.use(bytesPerSecond: bytesPerSecond)
        try takeOver(settings, deletionLimit: deletionLimit)
    }

    /// Comes back when what the replica has to do lets it: at once, as a rule.
    package func ping() {}

    nonisolated func follower(from start: FeedStart, on loop: any EventLoop) -> any WebSocketHandler {
        PeerEventSocket(self, from: start)
    }

    /// How many conflict copies are in the folder; also after the end.
    package func conflicts() throws(StoreFailure) -> UInt64 { try conflictCopies() }

    func scanned(_ step: ScanQueue.Step) throws(StoreFailure) {
        if step.problems.contains(where: { $0.problem.reason != .special }) { hasUnscanned = true }
        if step.isWhole { perform(try machine.scanned()) }
    }

    var standing: ServiceStanding {
        ServiceStanding(
            role: .peer, name: machine.name, urls: ["\(options.hub)"], hub: session == nil ? nil : hubName,
            isConnected: session != nil,
            cursor: folder.cursor, newest: machine.newest, underway: underway.left > 0 ? underway : nil)
    }

    var offeredPaths: Set<RelativePath> { machine.offeredPaths }

    var heldDeletions: [HeldDeletions] { machine.heldDeletions.map { [$0] } ?? [] }

    /// Asks the hub, once on each connection.
    func haveApplied(_ revision: Revision) -> Bool {
        if revision <= everywhere { return true }
        if machine.isLive, asked.attempt != attemptNumber || asked.revision < revision {
            asked = (attemptNumber, revision)
            perform(machine.awaitEverywhere(revision))
        }
        return false
    }

    // MARK: The connection

    private func connect() {
        guard end == nil else { return }
        retry = nil
        attemptNumber += 1
        let owner = HubLink(peer: self, number: attemptNumber)
        let hub = options.hub
        let proxy = options.proxy?.proxy
        let configuration = configuration
        let tls = hub.isSecure ? trust.tls : nil
        let headers: HTTPHeaders = options.token.map { ["authorization": "Bearer \($0.text)"] } ?? [:]
        Task {
            do throws(WebSocketClientError) {
                _ = try await WebSocketClient.connect(
                    to: hub.socketAddress, path: hub.path, subprotocols: [Session.subprotocol], headers: headers,
                    configuration: configuration, tls: tls, proxy: proxy, handler: Session(owner: owner))
            } catch {
                self.failedToConnect(owner.number, error)
            }
        }
    }

    private func failedToConnect(_ number: UInt64, _ error: WebSocketClientError) {
        guard end == nil, number == attemptNumber else { return }
        switch error {
        case .unreachable, .timedOut: tryLater("\(error)")
        case .proxy(let reason):
            // Whoever can do something about it must hear of it, even if other words were said before.
            if saidOfProxy != reason { saidUnreachable = false }
            saidOfProxy = reason
            let host = options.hub.host
            tryLater(HubAddress.isLoopback(host) ? "\(reason); to go there directly, list \(host) in NO_PROXY" : reason)
        case .refused(let status, let headers, let line):
            switch status.code {
            case 401, 403, 421: finish(.forbidden(line.isEmpty ? "\(error)" : line))
            case 429, 500..<600: tryLater("\(error)")
            default:
                let other = headers["server"].first.map { " (\($0))" } ?? ""
                finish(.notAHub("it speaks HTTP\(other) but not \(Session.subprotocol): \(error)"))
            }
        case .untrusted: finish(.untrusted("\(error)"))
        case .badTLS(let reason): finish(.notAHub("it speaks no TLS that is spoken here: \(reason)"))
        case .badUpgrade: finish(.notAHub("it does not speak \(Session.subprotocol): \(error)"))
        }
    }

    private func tryLater(_ reason: String) {
        if options.isOnce { return finish(.unreachable(reason)) }
        if !saidUnreachable { report(.unreachable(reason: reason)) }
        saidUnreachable = true
        connectLater()
    }

    /// Once, whoever else thinks of it meanwhile: an attempt that is under way counts as the one that was arranged here.
    private func connectLater() {
        let number = attemptNumber
        retry?.cancel()
        retry = thread.loop.scheduleTask(in: backoff.next(using: &random)) { [weak self] in
            self?.on { peer in
                guard number == peer.attemptNumber else { return }
                peer.connect()
            }
        }
    }

    /// The machine or the process has slept: connects at once, or finds out at once whether it still is connected.
    package func wake() {
        backoff.reset()
        if let session {
            session.probe()
        } else if let waiting = retry {
            waiting.cancel()
            connect()
        }
    }

    nonisolated func opened(_ number: UInt64, _ session: Session) {
        on { peer in
            guard peer.end == nil, number == peer.attemptNumber else { return session.close(code: .goingAway) }
            peer.session = session
            peer.connectedSince = .now
            peer.perform(peer.machine.connected())
        }
    }

    nonisolated func event(
        _ number: UInt64,
        _ body: @escaping @Sendable (inout PeerMachine<FolderStore>) throws(StoreFailure) -> [PeerAction<ByteBuffer>]
    ) {
        on { peer in
            guard number == peer.attemptNumber else { return }
            peer.attempt { () throws(StoreFailure) in peer.perform(try body(&peer.machine)) }
            if NIODeadline.now() - peer.toldProgress >= Self.progressInterval { peer.tellProgress() }
        }
    }

    private var underway: Underway { machine.arriving + uploads.underway }

    private func tellProgress() {
        progress.underway = underway
        toldProgress = .now()
        report(.progress(progress))
    }

    nonisolated func closed(_ number: UInt64, _ reason: String) {
        on { peer in
            guard number == peer.attemptNumber, peer.session != nil else { return }
            peer.session = nil
            guard peer.end == nil else { return peer.conclude() }
            peer.perform(peer.machine.disconnected())
            if !peer.saidUnreachable { peer.report(.disconnected(reason: reason)) }
            peer.saidUnreachable = true
            peer.connectLater()
            peer.awaitConnection()
        }
    }

    // MARK: Actions

    func perform(_ actions: [PeerAction<ByteBuffer>]) {
        var rest = actions[...]
        while let action = rest.popFirst() {
            switch action {
            case .send(let message): send(message)
            case .close: session?.close()
            case .notice(let notice):
                var next: Notice?
                if case .notice(let following)? = rest.first { next = following }
                if tell(notice, before: next, among: actions.count) { rest.removeFirst() }
            case .welcomed(let welcome): welcomed(welcome)
            case .rescan: scan(nil)
            case .inSync(let cursor): inSync(cursor)
            case .everywhere(let revision): everywhere = max(everywhere, revision)
            case .end(.said(let goodbye)): finish(.refused(goodbye))
            case .end(.violation(let text)): finish(.violation(text))
            }
        }
    }

    private func send(_ message: Message<ByteBuffer>) {
        if case .goodbye(let goodbye) = message, goodbye.reason == .violation { isDistrusted = true }
        if case .applied(_, let revision) = message {
            isDistrusted = false
            progress.revision = revision
            tellProgress()
        }
        uploads.sends(message)
        session?.send(message)
    }

    func heard(_ notice: Notice) {
        switch notice {
        case .applied(let change, _):
            problems[change.path] = nil
            progress.entries += 1
            if case .file(let file) = change.entry { progress.bytes += file.size }
        case .problem(let path, let problem):
            problems[path] = problem
            if problem.reason == .noSpace { isOutOfSpace = true }
        case .sent(let change, _):
            problems[change.path] = nil
            uploads.ended(change)
        case .conflict, .held: break
        }
    }

    private func welcomed(_ welcome: Welcome) {
        if !isDistrusted { backoff.reset() }
        hubName = welcome.name
        if welcome.epoch != epoch || !welcome.continues { everywhere = .zero }
        epoch = welcome.epoch
        saidUnreachable = false
        saidOfProxy = nil
        progress = MirrorEvent.Progress(revision: welcome.from, head: welcome.head)
        uploads.removeAll()
        if trust != .system, let pin = session?.connection?.serverPin {
            trust = .pin(HubPin(pin))
            report(.trusted(HubPin(pin)))
        }
        report(.connected(hub: welcome.name, isReadOnly: welcome.isReadOnly, since: connectedSince))
    }

    private func inSync(_ cursor: Cursor) {
        uploads.removeAll()
        tellProgress()
        report(.inSync(cursor))
        guard options.isOnce else { return }
        if let held = machine.heldDeletions { return finish(.held(held)) }
        finish(machine.problems.isEmpty && !hasUnscanned ? .done : .problems(outOfSpace: isOutOfSpace))
    }

    func finish(_ how: MirrorEnd) {
        guard end == nil else { return }
        end = how
        moveWait.flush()
        timer.cancel()
        deletions.cancel()
        closeControl()
        followers.endAll()
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
