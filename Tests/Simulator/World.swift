import Sync
import Tree

/// A hub and its peers, their folders and the connections between them, moved one small step at a time by a seed.
final class World {
    /// One replica's process, running or not, and what outlives it.
    final class Site {
        let name: String
        let replica: UInt64
        let disk = SimDisk()
        var index = SimIndex()
        var store: SimStore?
        var hub: HubMachine<SimStore>?
        var peer: PeerMachine<SimStore>?
        var checkedLog = 0

        init(name: String, replica: UInt64) {
            self.name = name
            self.replica = replica
        }

        var isHub: Bool { name == World.hubName }
        var isRunning: Bool { store != nil }
    }

    /// A connection: messages on their way, whole or not at all.
    struct Connection {
        var session: SessionID
        var up: [Message<[UInt8]>] = []
        var down: [Message<[UInt8]>] = []
        /// The hub's or the peer's end is closed; what is on the way to the other one still arrives.
        var hubClosed = false
        var peerClosed = false
    }

    static let hubName = "hub"

    let options: SimulationOptions
    var random: SeededRandom
    var ledger = Ledger()
    var sites: [Site] = []
    var connections: [String: Connection] = [:]
    var trace = Trace()
    /// How many things have happened.
    private(set) var steps = 0
    var isCalm = false
    private var lastSession: UInt64 = 0
    private var violation: Violation?
    var ledgerCount = 0
    var nextMtime: Int64 = 0

    init(_ options: SimulationOptions) {
        self.options = options
        random = SeededRandom(seed: options.seed)
        sites.append(Site(name: Self.hubName, replica: 1))
        for number in 1...options.peers {
            sites.append(Site(name: "p\(number)", replica: UInt64(number) + 1))
        }
    }

    var hub: Site { sites[0] }
    var peers: ArraySlice<Site> { sites[1...] }

    func note(_ text: @autoclosure () -> String) {
        steps += 1
        guard options.isTraced || options.isVerbose else { return }
        trace.add(text(), isPrinted: options.isVerbose)
    }

    func fail(_ found: Violation) {
        if violation == nil { violation = found }
    }

    func check() throws(Violation) {
        if let violation { throw violation }
    }

    // MARK: Processes

    func start(_ site: Site) {
        guard !site.isRunning else { return }
        note("start \(site.name)")
        // What a process left half done it finds when it begins, if it can look.
        site.disk.unreadable = []
        site.disk.isFull = false
        changeRules(site)
        let store = SimStore(disk: site.disk, index: site.index)
        site.store = store
        store.interlude = { [unowned self, unowned site] in
            if !isCalm, random.oneIn(options.interludes) { edit(site) }
        }
        store.broke = { [unowned self] in fail($0) }
        store.madeCopy = { [unowned self, unowned site] in ledger.conflict(site.name, $0) }
        run(site) { () throws(StoreFailure) in
            if site.isHub {
                var machine = try HubMachine(store: store, name: site.name, replica: site.replica) {
                    Epoch(rawValue: self.random.next() | 1)
                }
                let actions = try machine.started()
                site.hub = machine
                perform(actions)
            } else {
                var machine = PeerMachine(store: store, name: site.name, replica: site.replica, replacing: false)
                let actions = try machine.started()
                site.peer = machine
                perform(actions, of: site)
            }
            try scan(site)
        }
    }

    /// The process ends without a word. After a power failure, what the index did not save durably is gone as well.
    func stop(_ site: Site, powerFails: Bool) {
        guard let store = site.store else { return }
        // A hub that forgot what it had applied, and a peer that ignores it: neither might have the content then.
        let powerFails = powerFails && !(site.isHub && options.hasRules)
        note("stop \(site.name)\(powerFails ? ", power fails" : "")")
        site.index = powerFails ? store.durable : store.index
        if site.isHub { site.checkedLog = min(site.checkedLog, site.index.log.count) }
        site.store = nil
        site.hub = nil
        site.peer = nil
        site.disk.events = [:]
        if site.isHub {
            for peer in peers { cut(peer) }
        } else {
            cut(site)
        }
    }

    /// Runs a machine; where its store stops, the process has ended.
    func run(_ site: Site, _ body: () throws(StoreFailure) -> Void) {
        do {
            try body()
        } catch {
            stop(site, powerFails: random.oneIn(3))
        }
        if site.isHub {
            let log = site.store?.index.log ?? site.index.log
            checkSent(log.dropFirst(site.checkedLog), from: site)
            do {
                try ledger.accepted(log.dropFirst(site.checkedLog))
            } catch {
                fail(error)
            }
            site.checkedLog = log.count
        }
    }

    // MARK: Events

    /// Looks at everything on the disk and in the index.
    func scan(_ site: Site) throws(StoreFailure) {
        guard let store = site.store else { return }
        var paths = Set(site.disk.nodes.keys)
        for record in store.index.records.values where (record.offered ?? record.base.entry).isLive {
            paths.insert(record.path)
        }
        let all = paths.sorted().map { Dirty(path: $0, rereading: false) }
        try changed(site, all)
        if site.peer != nil, let actions = try site.peer?.scanned() { perform(actions, of: site) }
    }

    func changed(_ site: Site, _ paths: [Dirty]) throws(StoreFailure) {
        if let actions = try site.hub?.changed(paths) { perform(actions) }
        if let actions = try site.peer?.changed(paths) { perform(actions, of: site) }
    }

    /// The watcher reports some of what has changed.
    func report(_ site: Site, all: Bool) {
        guard site.isRunning, !site.disk.events.isEmpty else { return }
        var batch: [Dirty] = []
        for (path, rereading) in site.disk.events.sorted(by: { $0.key < $1.key }) where all || random.oneIn(2) {
            batch.append(Dirty(path: path, rereading: rereading))
            site.disk.events[path] = nil
        }
        note("report \(site.name) \(batch.map(\.path))")
        run(site) { () throws(StoreFailure) in try changed(site, batch) }
    }

    func retry(_ site: Site) {
        run(site) { () throws(StoreFailure) in
            if let actions = try site.hub?.retryUnstable() { perform(actions) }
            if let actions = try site.hub?.retryProblems() { perform(actions) }
            if let actions = try site.peer?.retryUnstable() { perform(actions, of: site) }
            if let actions = try site.peer?.retryProblems() { perform(actions, of: site) }
        }
    }

    // MARK: Connections

    func connect(_ peer: Site) {
        guard peer.isRunning, hub.isRunning, connections[peer.name] == nil else { return }
        lastSession += 1
        let session = SessionID(rawValue: lastSession)
        note("connect \(peer.name)")
        connections[peer.name] = Connection(session: session)
        hub.hub?.opened(session, isReadOnly: false)
        if let actions = peer.peer?.connected() { perform(actions, of: peer) }
    }

    /// The connection breaks: what was on its way is gone.
    func cut(_ peer: Site) {
        guard let connection = connections.removeValue(forKey: peer.name) else { return }
        note("cut \(peer.name)")
        if let actions = hub.hub?.closed(connection.session) { perform(actions) }
        if let actions = peer.peer?.disconnected() { perform(actions, of: peer) }
    }

    func deliverUp(_ peer: Site) {
        guard var connection = connections[peer.name], !connection.up.isEmpty else { return finish(peer) }
        let messages = takeSome(&connection.up)
        connections[peer.name] = connection
        note("\(peer.name) → hub \(messages.map(describe).joined(separator: ", "))")
        run(hub) { () throws(StoreFailure) in
            if let actions = try hub.hub?.received(messages, from: connection.session) { perform(actions) }
        }
        for case .chunks in messages {
            run(peer) { () throws(StoreFailure) in
                if let actions = try peer.peer?.supplied() { perform(actions, of: peer) }
            }
        }
        finish(peer)
    }

    func deliverDown(_ peer: Site) {
        guard var connection = connections[peer.name], !connection.down.isEmpty else { return finish(peer) }
        let messages = takeSome(&connection.down)
        connections[peer.name] = connection
        note("hub → \(peer.name) \(messages.map(describe).joined(separator: ", "))")
        run(peer) { () throws(StoreFailure) in
            if let actions = try peer.peer?.received(messages) { perform(actions, of: peer) }
        }
        for case .chunks in messages {
            run(hub) { () throws(StoreFailure) in
                if let actions = try hub.hub?.supplied(connection.session) { perform(actions) }
            }
        }
        checkPrefix(peer)
        finish(peer)
    }

    /// Often one message arrives alone, now and then many at once.
    private func takeSome<Element>(_ queue: inout [Element]) -> [Element] {
        let count = random.oneIn(4) ? random.below(queue.count) + 1 : 1
        defer { queue.removeFirst(count) }
        return Array(queue.prefix(count))
    }

    /// A connection that one end has closed is gone once what was sent before has arrived.
    private func finish(_ peer: Site) {
        guard let connection = connections[peer.name] else { return }
        if connection.hubClosed && connection.down.isEmpty || connection.peerClosed && connection.up.isEmpty {
            cut(peer)
        }
    }

    func perform(_ actions: [HubAction<[UInt8]>]) {
        for action in actions {
            switch action {
            case .send(let message, let sessions):
                for session in sessions { update(session) { $0.down.append(message) } }
            case .close(let session): update(session) { $0.hubClosed = true }
            case .notice(let notice): heard(notice, hub)
            case .joined, .left: break
            case .goOn:
                run(hub) { () throws(StoreFailure) in
                    if let actions = try hub.hub?.resumed() { perform(actions) }
                }
            }
        }
    }

    private func update(_ session: SessionID, _ body: (inout Connection) -> Void) {
        guard let name = connections.first(where: { $0.value.session == session })?.key,
            var connection = connections[name]
        else { return }
        body(&connection)
        connections[name] = connection
    }

    func perform(_ actions: [PeerAction<[UInt8]>], of peer: Site) {
        for action in actions {
            switch action {
            case .send(let message):
                checkOffered(message, by: peer)
                connections[peer.name]?.up.append(message)
            case .close: connections[peer.name]?.peerClosed = true
            case .notice(let notice): heard(notice, peer)
            case .welcomed, .inSync: break
            case .rescan: run(peer) { () throws(StoreFailure) in try scan(peer) }
            case .end(let end): fail(Violation(invariant: "L4", text: "\(peer.name) gave up: \(end)"))
            }
        }
    }

    private func heard(_ notice: Notice, _ site: Site) {
        note("\(site.name): \(notice)")
    }

    /// Whatever the feed held up to the peer's durable cursor is in its index.
    private func checkPrefix(_ peer: Site) {
        guard let index = peer.store?.durable, let log = hub.store?.index.log,
            index.cursor.epoch == hub.store?.index.cursor.epoch
        else { return }
        var latest: [RelativePath: Version] = [:]
        for row in log where row.change.revision <= index.cursor.revision {
            latest[row.change.path] = row.change.version
        }
        for (path, version) in latest where (index.records[path]?.remote.revision ?? .zero) < version.revision {
            fail(
                Violation(
                    invariant: "I9",
                    text: "\(peer.name) is at \(index.cursor.revision) and does not know \(path) of \(version.revision)"
                ))
        }
    }

    private func describe(_ message: Message<[UInt8]>) -> String {
        switch message {
        case .hello(let hello): "hello \(hello.cursor)"
        case .welcome(let welcome): "welcome from \(welcome.from)"
        case .changes(let deliveries, let through):
            "changes \(deliveries.map { "\($0.change.path)@\($0.change.revision)" }) through \(through)"
        case .caughtUp(let revision): "caughtUp \(revision)"
        case .submit(let offers):
            "submit \(offers.map { "\($0.number):\($0.submission.path)^\($0.submission.base)\($0.isInquiry ? "?" : "")" })"
        case .settled(let settlements): "settled \(settlements.map { "\($0.number):\($0.verdict)" })"
        case .want(let want): "want \(want.file) \(want.list) \(want.chunks.count)"
        case .chunks(let supply): "chunks \(supply.file) \(supply.chunks.count) -\(supply.unavailable.count)"
        case .applied(let revision): "applied \(revision)"
        case .goodbye(let goodbye): "goodbye \(goodbye.text)"
        }
    }
}

/// The run's steps: a running hash of all of them, so that two runs can be compared.
struct Trace {
    private(set) var hash: UInt64 = 0

    mutating func add(_ line: String, isPrinted: Bool) {
        for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        if isPrinted { print(line) }
    }
}
