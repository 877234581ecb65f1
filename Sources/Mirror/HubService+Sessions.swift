import NIOCore
import NIOHTTP1
import NIOPosix
import Sync
import Synchronization
import Tree
import WebSocket
import WebSocketNIO

// Those who come to the hub, and what they say.
extension HubService {
    nonisolated func decide(_ request: UpgradeRequest) -> UpgradeDecision {
        let known = [Session.subprotocol, EventSocket.subprotocol]
        if request.subprotocols.first(where: known.contains) == EventSocket.subprotocol {
            return decideOnFollower(request)
        }
        let admission: Gatekeeper.Admission
        switch gatekeeper.judge(
            request.head.headers, from: request.remoteAddress?.prefix ?? "",
            peers: sessionCount.load(ordering: .relaxed), now: .now())
        {
        case .admitted(let found): admission = found
        case .refused(let answer): return .reject(answer)
        }
        guard request.subprotocols.contains(Session.subprotocol) else {
            return .reject(
                HTTPAnswer(
                    status: .badRequest, headers: ["sec-websocket-protocol": known.joined(separator: ", ")],
                    text: "This is a nosocks hub. It speaks the subprotocols \(known.joined(separator: " and "))."))
        }
        let id = SessionID(rawValue: lastSession.add(1, ordering: .relaxed).newValue)
        let peer = HubPeer(
            hub: self, id: id, address: request.remoteAddress.map(Self.text) ?? "", admission: admission)
        return .accept(subprotocol: Session.subprotocol, handler: Session(owner: peer, patience: Self.patience))
    }

    /// An address as people write it; empty for a Unix socket's other end, which has none.
    private static func text(_ address: SocketAddress) -> String {
        guard let host = address.ipAddress, let port = address.port else { return address.pathname ?? "" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    nonisolated func opened(_ peer: HubPeer, _ session: Session) {
        sessionCount.add(1, ordering: .relaxed)
        tell(.opened(peer, session))
    }

    /// From now on, this is who may come in, and who is in and may not any more goes at once.
    package func use(_ book: TokenBook) {
        gatekeeper.use(book)
        http.feed.review(gatekeeper.stillAdmits)
        for (_, peer) in sessions.values.sorted(by: { $0.peer.id < $1.peer.id }) { checkAdmission(of: peer) }
    }

    /// The same, besides whoever has that name now.
    package func use(_ book: TokenBook, keeping name: String) {
        var book = book
        if let holder = gatekeeper.book[name] { book.set(holder) }
        use(book)
    }

    func readTokens() -> Bool {
        guard let listed = options.listed else { return true }
        guard let (book, kept) = listed() else { return false }
        use(book, keeping: kept)
        return true
    }

    private func checkAdmission(of peer: HubPeer) {
        guard end == nil else { return }
        let book = gatekeeper.book
        guard let holder = peer.admission.holder else {
            guard !book.isEmpty else { return }
            return perform(machine.dismiss(peer.id, .revoked, "this hub wants a token now"))
        }
        guard let now = book[holder.name], now.digest == holder.digest else {
            return perform(machine.dismiss(peer.id, .revoked, "the token was revoked"))
        }
        if now.role != holder.role { perform(machine.dismiss(peer.id, .ended, "the token's role has changed")) }
    }

    nonisolated func closed(_ id: SessionID) {
        sessionCount.subtract(1, ordering: .relaxed)
        tell(.closed(id))
    }

    nonisolated func tell(_ event: SessionEvent) {
        guard events.put(event) else { return }
        if let loop = MultiThreadedEventLoopGroup.currentEventLoop {
            // After all else that this event loop has read in this turn: then one call of the other thread does for that.
            loop.execute { self.on { $0.hearSessions() } }
        } else {
            on { $0.hearSessions() }
        }
    }

    func hearSessions() {
        let events = eventsToHear()
        var rest = events[...]
        while !rest.isEmpty, end == nil {
            let latest = NIODeadline.now() + Self.longestBatch
            attempt { () throws(StoreFailure) in
                while let event = rest.popFirst() {
                    try hear(event)
                    if NIODeadline.now() > latest { break }
                }
                perform(try machine.settled())
            }
        }
        // Only now: what they did before they went is told with their names and addresses.
        for case .closed(let id) in events { sessions[id] = nil }
        guard end != nil else { return }
        for case .opened(_, let session) in events { session.close(code: .goingAway) }
        concludeIfDone()
    }

    /// Before the folder has been looked at once, a session is greeted and follows the feed, and what else it says waits:
    /// what was changed here meanwhile comes first.
    private func eventsToHear() -> [SessionEvent] {
        let new = events.takeAll()
        if machine.isFolderKnown || end != nil {
            defer {
                keptBack = []
                greeted = []
            }
            return keptBack.isEmpty ? new : keptBack + new
        }
        return new.filter { event in
            switch event {
            case .received(let id, _):
                if greeted.insert(id).inserted { return true }
                keptBack.append(event)
                return false
            case .closed(let id):
                keptBack.removeAll { if case .received(id, _) = $0 { true } else { false } }
                return true
            case .opened, .writable, .supplied, .resumed: return true
            }
        }
    }

    private func hear(_ event: SessionEvent) throws(StoreFailure) {
        switch event {
        case .opened(let peer, let session):
            sessions[peer.id] = (session, peer)
            counters.deliveries.came(peer.id, at: .now())
            machine.opened(peer.id, isReadOnly: peer.admission.isReadOnly)
            // Between its request and now its token may have been revoked.
            checkAdmission(of: peer)
        case .received(let id, let session):
            try session.takeArrived { (messages) throws(StoreFailure) in
                for case .applied(let revision, _) in messages {
                    counters.deliveries.applied(revision, by: id, at: .now())
                }
                try machine.received(messages, from: id)
            }
        case .writable(let id, let isWritable): machine.writable(id, isWritable)
        case .supplied(let id, let piece): machine.supplied(id, next: piece)
        case .resumed: machine.resumed()
        case .closed(let id):
            counters.deliveries.left(id)
            machine.closed(id)
        }
    }
}
