import NIOCore
import NIOHTTP1
import NIOPosix
package import Replica
import Sync
import Synchronization
package import Tree
import WebSocket
import WebSocketNIO

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A hub at work: its machine, its folder, and the peers' connections.
///
/// Runs the machine's actions and feeds it events, all on the replica's thread.
package actor HubService: FolderService {
    package struct Options: Sendable {
        /// Where to listen; port 0 takes a free one.
        package var listeners: [HubListener]
        /// How others see the hub.
        package var name: String
        /// Who may come in; anyone who can connect, where it is empty.
        package var book = TokenBook()
        /// Reads who is in the book's file now, besides the holder of the name that is kept; nil where that can't be.
        package var listed: (@Sendable () -> (book: TokenBook, keeping: String)?)?
        /// Whoever comes in may look, and change nothing.
        package var isReadOnly = false
        /// Web pages that may use the hub, as browsers name them in the Origin header.
        package var origins: Set<String> = []
        package var maxPeers = 10_000
        /// How many deletions go through without asking.
        package var deletionLimit = DeletionLimit.standard
        /// The connections' limits and times.
        var webSocket = WebSocketConfiguration()
        /// What the secure ones of the addresses speak TLS with.
        package var tls: HubTLS?

        /// Lets all connections together send so many bytes in a second at the most, and receive so many.
        package mutating func limit(bytesPerSecond: Int?) {
            webSocket.rateLimit = RateLimit(bytesPerSecond: bytesPerSecond)
        }

        package init(listeners: [HubListener], name: String) {
            self.listeners = listeners
            self.name = name
        }

        /// Shares out so many connections between peers and those who are not in yet.
        package mutating func fit(connections: Int) {
            webSocket.maxHandshakes = min(webSocket.maxHandshakes, connections / 4)
            maxPeers = min(maxPeers, connections - webSocket.maxHandshakes)
        }
    }

    /// An address can't be listened at.
    package struct ListenFailure: Error {
        package let address: HubAddress
        package let reason: String
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.loop.executor.asUnownedSerialExecutor() }

    nonisolated let thread: ReplicaThread
    nonisolated let moveWait: MoveWait
    nonisolated let signals = Mailbox<ReplicaSignal>()
    let folder: FolderReplica
    nonisolated let stagingAhead: StagingAhead
    var machine: HubMachine<FolderStore>
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
    let options: Options
    /// How others see it.
    nonisolated let name: String
    var sessions: [SessionID: (session: Session, peer: HubPeer)] = [:]
    nonisolated let lastSession = Atomic<UInt64>(0)
    nonisolated let sessionCount = Atomic(0)
    nonisolated let gatekeeper: Gatekeeper
    /// What is served over HTTP without a WebSocket.
    nonisolated let http: HTTPSide
    /// The walks through the tree that are under way.
    let walks = TreeWalks()
    var tally = Tally()
    let counters = HubCounters()
    private let frames = SharedFrames()
    private var servers: [WebSocketServer] = []
    private var listening: [HubAddress] = []
    /// What sessions did and the machine has not heard yet. Where many did something, it hears all of it together.
    nonisolated let events = Mailbox<SessionEvent>()
    /// What sessions said after their first word, before the folder had been looked at once: until then it waits.
    var keptBack: [SessionEvent] = []
    /// The sessions whose first word was heard before that.
    var greeted: Set<SessionID> = []
    /// How long a guest has to say hello once it is in.
    static let patience = TimeAmount.seconds(10)
    /// Whoever's word came first need not wait much longer for an answer because many others' came with it.
    static let longestBatch = TimeAmount.milliseconds(5)
    /// So many sessions hold little, and their event loops deflate beside this thread.
    private static let few = 16
    private var waiter: CheckedContinuation<MirrorEnd, Never>?

    /// Opens the hub on a folder.
    package init(
        folder opened: sending OpenedFolder, options: Options, report: @escaping MirrorReport
    ) throws(StoreFailure) {
        let folder = opened.replica
        thread = ReplicaThread()
        var options = options
        options.webSocket.traffic = counters.traffic
        self.options = options
        name = options.name
        self.folder = folder
        stagingAhead = folder.stagingAhead
        http = HTTPSide(uploads: folder.uploads, isReadOnly: options.isReadOnly, maxExchanges: options.maxPeers)
        let feed = http.feed
        moveWait = MoveWait { event in
            report(event)
            feed.tell(event)
        }
        gatekeeper = Gatekeeper(
            Gatekeeper.Rules(
                origins: options.origins, isReadOnly: options.isReadOnly, maxPeers: options.maxPeers,
                wantsToken: options.listeners.contains(where: \.address.isInTheOpen)),
            book: options.book)
        machine = try HubMachine(
            store: FolderStore(folder), name: options.name, replica: folder.id, deletionLimit: options.deletionLimit
        ) {
            UInt64.random(in: 1...UInt64.max)
        }
        machine.isFolderKnown = false
        http.feed.begin(at: machine.cursor)
        counters.deliveries.begin(at: machine.cursor.revision)
        machine.store.onAppend = Appending(
            walks: walks, feed: http.feed, meter: counters.deliveries, loop: thread.loop)
    }

    /// Listens, watches and serves until it is stopped or can't go on.
    ///
    /// - Throws: where the address can't be listened at; nothing was changed then.
    package func run() async throws(ListenFailure) -> MirrorEnd {
        await openControl()
        // What was written in the book before somebody could be told of it counts before anybody comes in.
        _ = readTokens()
        do throws(ListenFailure) {
            for listener in options.listeners { try await listen(at: listener) }
        } catch {
            closeControl()
            throw error
        }
        beginWithFolder()
        return await withCheckedContinuation { continuation in
            waiter = continuation
            concludeIfDone()
        }
    }

    private func listen(at listener: HubListener) async throws(ListenFailure) {
        let address = listener.address
        do {
            let server = try await WebSocketServer.bind(
                to: listener.place, configuration: options.webSocket, tls: address.isSecure ? options.tls?.server : nil,
                answer: { [weak self] request in self?.decide(request) ?? .upgradeRequired },
                decide: { [weak self] request in self?.decide(request) ?? .reject(.upgradeRequired) })
            servers.append(server)
            let taken = server.port.map { HubAddress(host: address.host, port: $0, isSecure: address.isSecure) }
            let found = address.socketPath == nil ? taken ?? address : address
            listening.append(found)
            report(.listening(found))
        } catch let error as IOError {
            throw ListenFailure(address: address, reason: String(cString: strerror(error.errnoCode)))
        } catch is SocketAddressError.UnknownHost {
            throw ListenFailure(address: address, reason: "this name does not resolve")
        } catch {
            throw ListenFailure(address: address, reason: "\(error)")
        }
    }

    /// Says goodbye to everyone and ends.
    package func stop() {
        guard end == nil else { return }
        perform(machine.stop())
        finish(.done)
    }

    /// Takes over what of these settings may change while it runs, reads ignore rules again, and looks at everything.
    package func reload(
        _ settings: ReplicaSettings, deletionLimit: DeletionLimit, origins: Set<String>, bytesPerSecond: Int?
    ) throws {
        options.webSocket.rateLimit?.use(bytesPerSecond: bytesPerSecond)
        gatekeeper.use(origins: origins)
        try takeOver(settings, deletionLimit: deletionLimit)
    }

    /// Comes back when what the replica has to do lets it: at once, as a rule.
    package func ping() {}

    /// How many conflict copies are in the folder; also after the end.
    package func conflicts() throws(StoreFailure) -> UInt64 { try conflictCopies() }

    // MARK: Events

    func scanned(_ step: ScanQueue.Step) throws(StoreFailure) {
        guard step.isWhole else { return }
        // Whatever was renamed before this scan was met in it under both names.
        machine.forgetDeletionCredit()
        guard !machine.isFolderKnown else { return }
        report(.inSync(machine.cursor))
        perform(try machine.folderIsKnown())
        http.open()
        // Nobody was served so far, so that nothing had to wait for large files.
        folder.putsOffReading = true
        on { $0.hearSessions() }
    }

    // MARK: Actions

    func perform(_ actions: [HubAction<ByteBuffer>]) {
        var rest = actions[...]
        while let action = rest.popFirst() {
            switch action {
            case .send(let message, let ids): send(message, to: ids)
            case .close(let id): sessions[id]?.session.close()
            case .notice(let notice):
                var next: Notice?
                if case .notice(let following)? = rest.first { next = following }
                if tell(notice, before: next, among: actions.count) { rest.removeFirst() }
            case .joined(let id, let name): report(.peerJoined(name: name, address: sessions[id]?.peer.address ?? ""))
            case .left(_, let name): report(.peerLeft(name: name))
            case .goOn: tell(.resumed)
            }
        }
    }

    func heard(_ notice: Notice) {
        counters.count(notice)
        switch notice {
        case .problem(let path, let problem): problems[path] = problem
        case .applied(let change, _), .sent(let change, _): problems[change.path] = nil
        case .conflict, .held: break
        }
    }

    var standing: ServiceStanding {
        let head = machine.cursor.revision
        let peers = machine.peers.map { peer in
            ReplicaStatus.Peer(
                name: peer.name, address: sessions[peer.id]?.peer.address ?? "", readOnly: peer.isReadOnly,
                applied: peer.applied.rawValue,
                lag: head.rawValue - min(head.rawValue, peer.applied.rawValue))
        }
        return ServiceStanding(
            role: .hub, name: machine.name, urls: listening.map { "\($0)" }, isConnected: true, cursor: machine.cursor,
            newest: head,
            peers: peers)
    }

    var heldDeletions: [HeldDeletions] {
        (machine.heldDeletions.map { [$0] } ?? []) + machine.refusedDeletions
    }

    func rested() { frames.forget() }

    func haveApplied(_ revision: Revision) -> Bool { machine.haveApplied(revision) }

    /// Encodes and deflates once, however many it goes to. Where there are many, others will come to what one alone is sent
    /// of the feed.
    private func send(_ message: Message<ByteBuffer>, to ids: [SessionID]) {
        var isShared = ids.count > 1
        if case .changes = message, sessions.count > Self.few { isShared = true }
        let receivers = ids.compactMap { sessions[$0] }
        if isShared {
            Session.send(message, to: receivers.map(\.session), with: frames, of: sessions.count)
        } else {
            for (session, _) in receivers { session.send(message) }
        }
        for (session, peer) in receivers where session.isFull {
            machine.full(peer.id)
            session.awaitRoom()
        }
    }

    func finish(_ how: MirrorEnd) {
        guard end == nil else { return }
        end = how
        moveWait.flush()
        timer.cancel()
        deletions.cancel()
        closeControl()
        http.close()
        folder.close()
        for (session, _) in sessions.values { session.close(code: .goingAway) }
        let servers = servers
        Task { for server in servers { try? await server.close() } }
        // Goodbyes are on their way; whoever does not take theirs is not waited for.
        thread.loop.scheduleTask(in: .seconds(1)) { [weak self] in self?.on { $0.conclude() } }
        concludeIfDone()
    }

    /// Ends, if nobody is left.
    func concludeIfDone() {
        if end != nil, sessions.isEmpty, http.isIdle { conclude() }
    }

    private func conclude() {
        guard let end else { return }
        http.end()
        waiter?.resume(returning: end)
        waiter = nil
    }
}
