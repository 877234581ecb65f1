import Sync
import Tree

/// A hub and its peers, their folders and the connections between them, moved one small step at a time by a seed.
final class World {
    /// One replica's process, running or not, and what outlives it.
    final class Site {
        let name: String
        var replica: UInt64
        let disk: SimDisk
        /// The index as the last process left it.
        private(set) var index = SimIndex()
        private(set) var durability = SimStore.Durability()
        /// A hub's.
        var log = SimLog()
        var store: SimStore?
        var hub: HubMachine<SimStore>?
        var peer: PeerMachine<SimStore>?
        /// Of a peer's, which it wants at all.
        let direction: Direction
        /// Whether nothing that is done here reaches others.
        let isReader: Bool
        /// Whether nothing of others is done here.
        var isSender: Bool { direction == .sendOnly }
        /// The hub lets it look only.
        var isRefused: Bool { isReader && direction == .both }
        /// How many rows of the log were judged.
        var checkedLog = 0
        /// A peer's: whether its history is the hub's, as far as both know.
        var isFollowing = false
        /// Up to here its index was seen to hold the feed.
        var checkedFeed: Revision = .zero
        /// One call in so many fails; 0 for none.
        var flakiness = 0
        /// By how much its changes have shrunk the hub's tree in the hub's deletion window: deletions that nobody confirmed
        /// less creations.
        var shrink = 0
        /// Paths that were known once, and may have come to be as if they had never been there.
        var unmade: Set<RelativePath> = []
        /// How many of its deletions a person has confirmed that the hub has not seen: a hub's own.
        var confirmedCount = 0
        /// What it has offered as deleted and confirmed.
        var confirmed: Set<RelativePath> = []
        /// What went and was ignored when it did, since the last process began.
        var unseenDeletions: [RelativePath] = []
        /// How far its clock on the wall is off, in seconds.
        var clockOffset: Int64 = 0
        /// The most that it waits before it connects again, in milliseconds.
        var backoff = Timing.shortestBackoff
        var backup: Backup?

        init(name: String, replica: UInt64, disk: SimDisk, isReader: Bool, direction: Direction) {
            self.name = name
            self.replica = replica
            self.disk = disk
            self.isReader = isReader
            self.direction = direction
        }

        var isHub: Bool { name == World.hubName }
        var isRunning: Bool { store != nil }
        /// Where, at a path, above or below it, it waits for content that nobody it could ask has, and has said so, or for
        /// somebody who wanted that back.
        func lacking(at path: RelativePath) -> [RelativePath] {
            guard let backlog = peer?.backlog ?? hub?.backlog else { return [] }
            let lacking = backlog.lacking.union(backlog.held)
            return lacking.filter { $0 == path || path.isInside($0) || $0.isInside(path) }
        }

        /// The index as it is now.
        var currentIndex: SimIndex { store?.index ?? index }

        /// The process has ended, and the system goes on.
        func leave(_ index: SimIndex, _ durability: SimStore.Durability) {
            self.index = index
            self.durability = durability
        }

        /// The index is this one, to the last bit.
        func begin(with index: SimIndex) {
            leave(index, SimStore.Durability(index: index))
        }
    }

    struct Backup {
        let index: SimIndex
        let log: SimLog
        let disk: SimDisk.State
    }

    /// A connection: messages on their way, whole or not at all.
    final class Connection {
        let session: SessionID
        let peer: Site
        var up: [Message<[UInt8]>] = []
        var down: [Message<[UInt8]>] = []
        /// What the hub has got, the newest few: a part of it may come again.
        var delivered: [Message<[UInt8]>] = []
        /// The hub's or the peer's end is closed; what is on the way to the other one still arrives.
        var hubClosed = false
        var peerClosed = false
        /// What is sent this way is swallowed.
        var losesUp = false
        var losesDown = false

        init(session: SessionID, peer: Site) {
            self.session = session
            self.peer = peer
        }
    }

    static let hubName = "hub"

    let options: SimulationOptions
    var random: SeededRandom
    let census = Census()
    var ledger = Ledger()
    var order = Order()
    var sites: [Site] = []
    /// What peers hold.
    var connections: [String: Connection] = [:]
    /// What the hub still holds and the peer has given up.
    var stale: [Connection] = []
    var lastSession: UInt64 = 0
    var trace = Trace()
    /// How many things have happened.
    private(set) var happenings = 0
    /// Simulated time since the beginning, in milliseconds.
    private(set) var clock: Int64 = 0
    var isCalm = false
    /// Whether the hub was told something by sessions and has not answered yet.
    var owesHubAnswer = false
    /// Whether what the hub wants done is being done: what it is told by that, it answers after it.
    var isHubActing = false
    /// What a test has happen right before a machine removes something.
    var beforeRemoval: ((RelativePath) -> Void)?
    /// How many messages that carry data were sent.
    var dataMessages = 0
    private var violation: Violation?
    var lastContent = 0
    var clones = 0
    /// A person at the hub has let all deletions through, for this window.
    var areDeletionsConfirmed = false

    init(_ options: SimulationOptions) {
        self.options = options
        random = SeededRandom(seed: options.seed)
        addSite(Self.hubName, replica: 1)
        for number in 1...options.peers {
            let isLast = number == options.peers
            addSite(
                "p\(number)", replica: UInt64(number) + 1, isReader: options.hasReader && isLast,
                direction: isLast ? options.direction : .both)
        }
    }

    @discardableResult
    func addSite(
        _ name: String, replica: UInt64, isReader: Bool = false, direction: Direction = .both
    ) -> Site {
        let disk = SimDisk(census: census, remembersNames: options.faults.contains(.powerFailure))
        let site = Site(name: name, replica: replica, disk: disk, isReader: isReader, direction: direction)
        sites.append(site)
        return site
    }

    var hub: Site { sites[0] }
    var peers: ArraySlice<Site> { sites[1...] }

    func note(_ text: @autoclosure () -> String) {
        happenings += 1
        guard options.isTraced || options.isVerbose else { return }
        trace.add(text(), isPrinted: options.isVerbose)
    }

    func fail(_ found: Violation) {
        if violation == nil { violation = found }
    }

    func check() throws(Violation) {
        for content in census.takeGone() where ledger.written.contains(content) && !ledger.released.contains(content) {
            fail(Violation(invariant: "I1", text: "content \(content.letters) has gone from the last place it was in"))
        }
        if let violation { throw violation }
    }

    /// Time passes, as much as what happens takes in the services.
    func pass(_ milliseconds: Int64) {
        clock += milliseconds
    }

    // MARK: Processes

    func start(_ site: Site) {
        guard !site.isRunning else { return }
        note("start \(site.name)")
        pass(Timing.start)
        // What a process left half done it finds when it begins, if it can look.
        mend(site)
        seeDeletions(site)
        let store = SimStore(site, self)
        site.store = store
        if site.isHub { beginWindowAtHub() }
        run(site) { () throws(StoreFailure) in
            if site.isHub {
                var machine = try HubMachine(
                    store: store, name: site.name, replica: site.replica, deletionLimit: deletionLimit,
                    step: options.isHubBusy && random.oneIn(2) ? 2 : 512
                ) { [unowned self] in
                    options.hasTerms ? random.next() | 1 : 1
                }
                let actions = try machine.started()
                site.hub = machine
                perform(actions)
            } else {
                var machine = PeerMachine(
                    store: store, name: site.name, replica: site.replica, replacing: false,
                    direction: site.direction, deletionLimit: deletionLimit)
                let actions = try machine.started()
                site.peer = machine
                perform(actions, of: site)
            }
            try scan(site)
        }
    }

    func mend(_ site: Site) {
        site.disk.unreadable = []
        site.disk.isFull = false
        site.flakiness = 0
    }

    /// The process ends without a word. After a power failure, what was not made durable is gone as well.
    func stop(_ site: Site, powerFails: Bool) {
        guard let store = site.store else { return }
        note("stop \(site.name)\(powerFails ? ", power fails" : "")")
        if powerFails {
            site.begin(with: store.loseWhatWasNotDurable())
        } else {
            site.leave(store.index, store.durability)
        }
        ledger.forgetReverted(site.name)
        site.store = nil
        site.hub = nil
        site.peer = nil
        site.disk.events = [:]
        site.disk.reading = []
        site.disk.hasOverflowed = false
        if site.isHub {
            owesHubAnswer = false
            for peer in peers { cut(peer) }
            stale = []
        } else {
            cut(site)
        }
    }

    /// Runs a machine; where its store stops, the process has ended.
    func run(_ site: Site, _ body: () throws(StoreFailure) -> Void) {
        site.store?.beginEvent()
        do {
            try body()
            site.store?.checkVictims()
        } catch {
            stop(site, powerFails: options.faults.contains(.powerFailure) && random.oneIn(3))
        }
        if site.isHub { judgeLog() }
    }

    /// A call of this site's fails, this once.
    func failsOnce(_ site: Site) -> Bool {
        site.flakiness > 0 && !isCalm && random.oneIn(site.flakiness)
    }

    /// Something that a user does between two calls of a machine.
    func interlude(_ site: Site) {
        if options.interludes < 1_000_000, !isCalm, random.oneIn(options.interludes) { edit(site) }
    }

    // MARK: Events of the disk

    /// Looks at everything on the disk and in the index; thoroughly, at what is not in step as well.
    func scan(_ site: Site, isThorough: Bool = false) throws(StoreFailure) {
        guard let store = site.store else { return }
        var paths = Set(site.disk.nodes.keys)
        for record in store.index.records.values
        where (record.offered ?? record.base.entry).isLive || isThorough && record.isPending {
            paths.insert(record.path)
        }
        let all = paths.sorted().map { Dirty(path: $0, rereading: false) }
        try changed(site, all)
        if site.peer != nil, let actions = try site.peer?.scanned() { perform(actions, of: site) }
    }

    func changed(_ site: Site, _ paths: [Dirty]) throws(StoreFailure) {
        if random.oneIn(8) { foretell(site) }
        if let actions = try site.hub?.changed(paths) { perform(actions) }
        if let actions = try site.peer?.changed(paths) { perform(actions, of: site) }
    }

    /// A large file was begun to be read, or is through; only that it is said matters here.
    private func foretell(_ site: Site) {
        let base = random.oneIn(2) ? SimContent.digest(of: [1]) : nil
        if let actions = site.hub?.foretell(base) { perform(actions) }
        if let actions = site.peer?.foretell(base) { perform(actions, of: site) }
    }

    /// The watcher reports some of what has changed; where it has lost count, everything is looked at.
    func report(_ site: Site, all: Bool) {
        guard site.isRunning, !site.disk.events.isEmpty || site.disk.hasOverflowed else { return }
        pass(Timing.debounce)
        if site.disk.hasOverflowed {
            note("rescan \(site.name)")
            site.disk.hasOverflowed = false
            return run(site) { () throws(StoreFailure) in try scan(site) }
        }
        var batch: [Dirty] = []
        for (path, rereading) in site.disk.events.sorted(by: { $0.key < $1.key }) where all || random.oneIn(2) {
            batch.append(Dirty(path: path, rereading: rereading))
            site.disk.events[path] = nil
            site.disk.reading.remove(path)
        }
        note("report \(site.name) \(batch.map(\.path))")
        run(site) { () throws(StoreFailure) in try changed(site, batch) }
    }

    func retry(_ site: Site) {
        run(site) { () throws(StoreFailure) in
            // As services do: whoever has nothing that wants it is not looked at again.
            if site.hub?.hasUnstable == true, let actions = try site.hub?.retryUnstable() { perform(actions) }
            if site.hub?.wantsReview == true, let actions = try site.hub?.retryProblems() { perform(actions) }
            if site.peer?.hasUnstable == true, let actions = try site.peer?.retryUnstable() {
                perform(actions, of: site)
            }
            if site.peer?.wantsReview == true, let actions = try site.peer?.retryProblems() {
                perform(actions, of: site)
            }
        }
        judgeDeletions(site)
        attendToDeletions(site)
    }
}
