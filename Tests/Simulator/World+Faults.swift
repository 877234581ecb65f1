import Sync
import Tree

/// What a step does.
extension World {
    func take(_ step: Step) {
        random = SeededRandom(seed: step.seed)
        let site = sites[random.below(sites.count)]
        let peer = sites[1 + random.below(sites.count - 1)]
        switch step.kind {
        case .edit:
            pass(Int64(random.below(Timing.pause)))
            edit(site)
        case .report:
            report(site, all: random.oneIn(2))
            if random.oneIn(2) { judgeDeletions(site) }
        case .deliverUp:
            if random.oneIn(4) { deliverStale() }
            deliverUp(peer)
        case .deliverDown: deliverDown(peer)
        case .exchange:
            for _ in 0..<20 {
                deliverUp(peer)
                deliverDown(peer)
            }
        case .connect: connect(peer)
        case .retry:
            pass(Timing.review)
            retry(site)
        case .start: start(site)
        case .backUp: backUp(site)
        case .mend: mend(site)
        case .keepalive: keepalive()
        case .fault(let fault): strike(fault, site, peer)
        }
    }

    private func strike(_ fault: Fault, _ site: Site, _ peer: Site) {
        switch fault {
        case .cut: cut(peer)
        case .halfOpen: halfOpen(peer)
        case .overlap: overlap(peer)
        case .kill:
            if random.oneIn(2) { stop(site, powerFails: false) } else { site.store?.fuse = random.below(40) }
        case .powerFailure: powerFails(site)
        case .unreadable:
            if let path = random.pick(site.disk.nodes.keys.sorted()) {
                note("\(path) can't be read at \(site.name)")
                site.disk.unreadable.insert(path)
            }
        case .full:
            note("the disk of \(site.name) is full")
            site.disk.isFull = true
        case .flakyDisk:
            note("the disk of \(site.name) is flaky")
            site.flakiness = 10 + random.below(40)
        case .overflow: overflow(site)
        case .spuriousEvents:
            for path in site.disk.nodes.keys.sorted() where random.oneIn(2) {
                site.disk.events[path] = site.disk.events[path] ?? random.oneIn(2)
            }
        case .clockJump: jump(site)
        case .specialFile: makeSpecialFile(site)
        case .massDeletion:
            guard isEdited(site) else { break }
            for path in site.disk.nodes.keys.sorted().reversed() where !isLeftAlone(path, at: site) {
                remove(site, path)
            }
        case .rules: editRules(site)
        case .stranger: speakUnbidden()
        case .restoredPeer: restore(peer, withTree: true)
        case .restoredPeerIndex: restore(peer, withTree: false)
        case .wipedPeer: wipe(peer)
        case .clonedPeer: clone(peer)
        case .wipedHub: wipe(hub)
        case .restoredHub: restore(hub, withTree: true)
        case .restoredHubIndex: restore(hub, withTree: false)
        }
    }

    // MARK: Network

    /// What a peer has offered is on its way when it connects anew, and often not what is on its disk any more.
    private func overlap(_ peer: Site) {
        edit(peer)
        report(peer, all: true)
        let offered = connections[peer.name]?.up.flatMap(paths(of:)) ?? []
        abandon(peer)
        if let path = random.pick(offered), random.oneIn(2), isEdited(peer) {
            peer.disk.synchronize()
            write(peer, path, .file(newContent(), mode: Mode(rawValue: 0o644), mtime: wallClock(peer)))
        }
        connect(peer)
        for _ in 0..<random.below(5) {
            deliverUp(peer)
            deliverDown(peer)
        }
    }

    private func paths(of message: Message<[UInt8]>) -> [RelativePath] {
        if case .submit(let offers) = message { offers.map(\.submission.path) } else { [] }
    }

    private func halfOpen(_ peer: Site) {
        guard let connection = connections[peer.name] else { return }
        let isUp = random.oneIn(2)
        note("what \(isUp ? peer.name : "the hub") sends is swallowed, \(peer.name)")
        if isUp {
            connection.losesUp = true
            connection.up = []
        } else {
            connection.losesDown = true
            connection.down = []
        }
    }

    /// Whoever has not said hello, or may only look, changes nothing, whatever else is said.
    private func speakUnbidden() {
        guard hub.isRunning, let path = anyPath() else { return }
        let session = nextSession()
        let isReader = random.oneIn(2)
        note("a \(isReader ? "reader who should not" : "stranger") speaks")
        hub.hub?.opened(session, isReadOnly: isReader)
        let content = SimContent([0])
        let entry = Entry.file(
            Entry.File(
                size: content.size, digest: content.digest, mode: Mode(rawValue: 0o644), mtime: wallClock(hub)))
        let base = order.heads[path]?.revision ?? .zero
        let submission = Submission(path: path, base: base, entry: random.oneIn(2) ? entry : .tombstone)
        let offer = Offer(
            number: 1, submission: submission, attachment: Attachment.content(content.letters), isInquiry: false)
        let hello = Hello(
            versions: SyncProtocol.versions, replica: random.next(), name: "stranger", cursor: Cursor.start)
        let before = hub.log.rows.count
        run(hub) { () throws(StoreFailure) in
            let messages: [Message<[UInt8]>] = isReader ? [.hello(hello), .submit([offer])] : [.submit([offer])]
            try hub.hub?.received(messages, from: session)
        }
        settleHubSometimes()
        // What is made here meanwhile has another author.
        if hub.log.rows.dropFirst(before).contains(where: { $0.change.author != hub.name }) {
            fail(Violation(invariant: "I20", text: "the hub took what a stranger offered"))
        }
        hubCloses(session)
    }

    // MARK: Disks

    /// Whether a process runs or not: what another one wrote just before may be gone as well.
    private func powerFails(_ site: Site) {
        if !site.isRunning, random.oneIn(2) { start(site) }
        stop(site, powerFails: true)
    }

    private func overflow(_ site: Site) {
        guard site.isRunning, !site.disk.events.isEmpty else { return }
        note("the watcher of \(site.name) overflows")
        for path in site.disk.events.keys.sorted() where random.oneIn(2) && !site.disk.reading.contains(path) {
            site.disk.events[path] = nil
        }
        site.disk.hasOverflowed = true
    }

    private func jump(_ site: Site) {
        let day: Int64 = 86_400
        let offsets = [-1_700_000_000, -2_000_000_000, -day, -1, 0, 0, 1, 3600, 40 * 365 * day, 1 << 40]
        site.clockOffset = random.pick(offsets) ?? 0
        note("the clock of \(site.name) is off by \(site.clockOffset) s")
    }

    private func makeSpecialFile(_ site: Site) {
        guard let path = anyPath(), site.disk.isDirectory(path.parent), site.disk.node(at: path) == nil,
            !isLeftAlone(path, at: site)
        else { return }
        site.disk.synchronize()
        note("user \(site.name) makes a fifo at \(path)")
        site.disk.set(.fifo, at: path)
    }

    // MARK: Setbacks

    func backUp(_ site: Site) {
        note("back up \(site.name)")
        // A backup takes longer than the system keeps what it copies from the disk.
        site.disk.synchronize()
        site.backup = Backup(index: site.currentIndex, log: site.log, disk: site.disk.state)
    }

    func restore(_ site: Site, withTree: Bool) {
        guard let backup = site.backup else { return }
        stop(site, powerFails: false)
        note("restore \(site.name)\(withTree ? "" : ", its index alone")")
        site.begin(with: backup.index)
        site.log = backup.log
        site.disk.synchronize()
        if withTree { release(from: site) { site.disk.replace(by: backup.disk) } }
        setBack(site)
    }

    private func wipe(_ site: Site) {
        stop(site, powerFails: false)
        note("the state of \(site.name) is lost")
        site.begin(with: SimIndex())
        site.log = SimLog()
        site.replica = random.next()
        release(from: site) { site.disk.losePrivateState() }
        setBack(site)
    }

    /// Whoever restores a backup knows that what is newer goes; also where it was moved to, or kept as a conflict copy: the
    /// place that it had before may be one that everybody else has given up.
    private func release(from site: Site, _ body: () -> Void) {
        let before = Set(site.disk.state.contents)
        let nodes = site.disk.nodes
        body()
        for content in before.subtracting(site.disk.state.contents) { ledger.release(content) }
        for (path, node) in nodes {
            guard let content = node.kind.content, site.disk.node(at: path)?.kind.content != content else { continue }
            ledger.release(content)
        }
    }

    private func setBack(_ site: Site) {
        ledger.hasMerged = true
        guard site.isHub else {
            site.isFollowing = false
            return
        }
        site.checkedLog = site.log.rows.count
        order.restart(from: site.index)
        for peer in peers { peer.isFollowing = false }
    }

    func clone(_ peer: Site) {
        guard clones < 1, !peer.isReader, !peer.isSender else { return }
        clones += 1
        let twin = addSite("\(peer.name)-twin", replica: peer.replica)
        note("\(twin.name) begins as a copy of \(peer.name)")
        twin.begin(with: peer.currentIndex)
        twin.disk.begin(as: peer.disk)
        ledger.copied(peer.name, to: twin.name)
        ledger.hasMerged = true
        start(twin)
    }
}
