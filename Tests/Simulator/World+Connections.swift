import Sync
import Tree

/// Connections, and what travels on them.
extension World {
    /// A peer tries to connect, when it has waited as long as it waits.
    func connect(_ peer: Site) {
        guard peer.isRunning, connections[peer.name] == nil else { return }
        pass(Int64(random.below(peer.backoff)))
        guard hub.isRunning else {
            peer.backoff = min(2 * peer.backoff, Timing.longestBackoff)
            return
        }
        note("connect \(peer.name)")
        let connection = Connection(session: nextSession(), peer: peer)
        connections[peer.name] = connection
        hub.hub?.opened(connection.session, isReadOnly: peer.isRefused)
        if let actions = peer.peer?.connected() { perform(actions, of: peer) }
    }

    func nextSession() -> SessionID {
        lastSession += 1
        return SessionID(rawValue: lastSession)
    }

    /// The connection breaks: what was on its way is gone.
    func cut(_ peer: Site) {
        guard let connection = connections.removeValue(forKey: peer.name) else { return }
        note("cut \(peer.name)")
        hubCloses(connection.session)
        if let actions = peer.peer?.disconnected() { perform(actions, of: peer) }
    }

    func hubCloses(_ session: SessionID) {
        run(hub) { () throws(StoreFailure) in hub.hub?.closed(session) }
        settleHubSometimes()
    }

    /// The peer gives its connection up, and the hub does not know.
    func abandon(_ peer: Site) {
        guard let connection = connections.removeValue(forKey: peer.name) else { return }
        note("\(peer.name) gives up a connection that the hub still holds")
        connection.losesDown = true
        connection.down = []
        stale.append(connection)
        if let actions = peer.peer?.disconnected() { perform(actions, of: peer) }
    }

    /// Something of a connection that the peer has given up reaches the hub, in order, or again, or its end does.
    func deliverStale() {
        guard !stale.isEmpty else { return }
        let connection = stale[random.below(stale.count)]
        let isEnd = random.oneIn(6)
        guard !isEnd, !connection.up.isEmpty || !connection.delivered.isEmpty else { return close(stale: connection) }
        let isRepeated = connection.up.isEmpty || random.oneIn(4) && !connection.delivered.isEmpty
        let message =
            isRepeated ? connection.delivered[random.below(connection.delivered.count)] : connection.up.removeFirst()
        pass(Int64(random.below(Timing.latency)))
        note("late\(isRepeated ? " and again" : ""): \(connection.peer.name) → hub \(describe(message))")
        receive([message], on: connection)
    }

    func close(stale connection: Connection) {
        guard let place = stale.firstIndex(where: { $0 === connection }) else { return }
        stale.remove(at: place)
        note("the hub gives up an old connection of \(connection.peer.name)")
        hubCloses(connection.session)
    }

    func receive(_ messages: [Message<[UInt8]>], on connection: Connection) {
        if options.faults.contains(.overlap) { connection.delivered = (connection.delivered + messages).suffix(8) }
        // A session of its own is counted from its beginning; an older one, to which a hello comes late, counts no more.
        for case .hello in messages where connections[connection.peer.name] === connection {
            connection.peer.shrink = 0
        }
        run(hub) { () throws(StoreFailure) in
            try hub.hub?.received(messages, from: connection.session)
        }
        settleHubSometimes()
    }

    /// Often the hub answers what it was told at once, and now and then together with what it is told next.
    func settleHubSometimes() {
        owesHubAnswer = true
        guard !isHubActing else { return }
        if !options.isHubBusy || !random.oneIn(3) { settleHub() }
    }

    func settleHub() {
        guard owesHubAnswer else { return }
        owesHubAnswer = false
        run(hub) { () throws(StoreFailure) in
            if let actions = try hub.hub?.settled() { perform(actions) }
        }
    }

    /// As much as a link takes, or hardly anything of what may be asked for at a time.
    private func somePiece() -> UInt64 { random.oneIn(2) ? Transfers.portion : 1 }

    func deliverUp(_ peer: Site) {
        guard let connection = connections[peer.name], !connection.up.isEmpty else { return finish(peer) }
        let messages = takeSome(&connection.up)
        note("\(peer.name) → hub \(messages.map(describe).joined(separator: ", "))")
        receive(messages, on: connection)
        for case .chunks in messages {
            run(peer) { () throws(StoreFailure) in
                if let actions = try peer.peer?.supplied(next: somePiece()) { perform(actions, of: peer) }
            }
        }
        finish(peer)
    }

    func deliverDown(_ peer: Site) {
        guard let connection = connections[peer.name], !connection.down.isEmpty else { return finish(peer) }
        let messages = takeSome(&connection.down)
        note("hub → \(peer.name) \(messages.map(describe).joined(separator: ", "))")
        run(peer) { () throws(StoreFailure) in
            if let actions = try peer.peer?.received(messages) { perform(actions, of: peer) }
        }
        for case .chunks in messages {
            hub.hub?.supplied(connection.session, next: somePiece())
            settleHubSometimes()
        }
        checkFeed(of: peer)
        finish(peer)
    }

    /// Often one message arrives alone, now and then many at once.
    private func takeSome<Element>(_ queue: inout [Element]) -> [Element] {
        pass(Int64(random.below(Timing.latency)))
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

    /// Both ends find out which connections are dead.
    func keepalive() {
        let dead = peers.filter { connections[$0.name].map { $0.losesUp || $0.losesDown } == true }
        guard !dead.isEmpty || !stale.isEmpty else { return }
        pass(Timing.keepalive)
        for peer in dead { cut(peer) }
        for connection in stale { close(stale: connection) }
    }

    // MARK: What machines want done

    func perform(_ actions: [HubAction<[UInt8]>]) {
        var goesOn = false
        isHubActing = true
        for action in actions {
            switch action {
            case .send(let message, let sessions):
                checkSent(message)
                for session in sessions { send(message, to: session) }
            case .close(let session): close(session)
            case .notice(let notice): note("hub: \(describe(notice))")
            case .joined, .left: break
            case .goOn: goesOn = true
            }
        }
        isHubActing = false
        if goesOn { hub.hub?.resumed() }
        if goesOn || owesHubAnswer { settleHubSometimes() }
    }

    private func send(_ message: Message<[UInt8]>, to session: SessionID) {
        guard let connection = connections.values.first(where: { $0.session == session }) else { return }
        checkManners(message, by: hub)
        if !connection.losesDown { connection.down.append(message) }
    }

    private func close(_ session: SessionID) {
        if let connection = connections.values.first(where: { $0.session == session }) { connection.hubClosed = true }
        if let connection = stale.first(where: { $0.session == session }) { close(stale: connection) }
    }

    func perform(_ actions: [PeerAction<[UInt8]>], of peer: Site) {
        var isToScan = false
        for action in actions {
            switch action {
            case .send(let message):
                checkSent(message, by: peer)
                checkManners(message, by: peer)
                if let connection = connections[peer.name], !connection.losesUp { connection.up.append(message) }
            case .close: connections[peer.name]?.peerClosed = true
            case .notice(let notice): note("\(peer.name): \(describe(notice))")
            case .welcomed: welcomed(peer)
            case .inSync: checkInSync(peer)
            case .everywhere: break
            case .rescan: isToScan = true
            case .end(let end): fail(Violation(invariant: "L4", text: "\(peer.name) gave up: \(end)"))
            }
        }
        if isToScan { run(peer) { () throws(StoreFailure) in try scan(peer) } }
    }

    private func welcomed(_ peer: Site) {
        peer.backoff = Timing.shortestBackoff
        peer.isFollowing = true
        peer.checkedFeed = .zero
    }
}
