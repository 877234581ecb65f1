import NIOCore
import Replica
import Sync
import Synchronization
import Tree
import WebSocket
import WebSocketNIO

/// Those who follow what a peer puts in place and sends, through its control socket. Used from any thread.
///
/// A peer has no feed of its own, since what it applies comes in the order in which it is ready. Whoever begins further back
/// is told what the index has since, and what happens meanwhile is told behind that.
final class EventFollowers: Sendable {
    private struct Follower {
        let connection: WebSocketConnection
        /// What is told behind what was before; nil once that was told.
        var deferred: [(revisions: [Revision], line: ByteBuffer)]? = []
        var place: Place
    }

    /// Where somebody reads on in the index.
    struct Place {
        /// Behind which nothing was known to who follows.
        let start: Revision
        /// Up to here it was told.
        var from: Revision
        /// Up to here it is told from the index.
        let through: Revision
    }

    private let followers = Mutex<[ObjectIdentifier: Follower]>([:])

    func add(_ connection: WebSocketConnection, from place: Revision, through end: Revision) {
        followers.withLock {
            let place = Place(start: place, from: place, through: end)
            $0[ObjectIdentifier(connection)] = Follower(connection: connection, place: place)
        }
    }

    func remove(_ connection: WebSocketConnection) {
        followers.withLock { $0[ObjectIdentifier(connection)] = nil }
    }

    func endAll() {
        for follower in followers.withLock({ Array($0.values) }) { follower.connection.close(code: .goingAway) }
    }

    func tell(_ event: MirrorEvent) {
        followers.withLock { followers in
            guard !followers.isEmpty, let line = Self.line(event) else { return }
            let revisions = Self.revisions(of: event)
            for (key, follower) in followers {
                if follower.deferred == nil {
                    follower.connection.sendLine(line)
                } else {
                    followers[key]?.deferred?.append((revisions, line))
                }
            }
        }
    }

    /// Nil for who does not read in the index any more.
    func place(of connection: WebSocketConnection) -> Place? {
        followers.withLock { followers in
            guard let follower = followers[ObjectIdentifier(connection)], follower.deferred != nil else { return nil }
            return follower.place
        }
    }

    /// Somebody was told what is in the index up to `place`. Of these changes, those that happen only now come later.
    func advance(_ connection: WebSocketConnection, to place: Revision, telling changes: [(Change, was: Entry?)]) {
        followers.withLock { followers in
            let key = ObjectIdentifier(connection)
            let later = Set(followers[key]?.deferred?.flatMap(\.revisions) ?? [])
            followers[key]?.place.from = place
            let time = EventText.text(.now)
            let known = changes.filter { !later.contains($0.0.revision) }.map { (change: $0, was: $1) }
            for line in FeedLine.lines(of: known) {
                var text = EventText()
                text.write(line, time: time)
                connection.sendLine(text.take())
            }
        }
    }

    /// Somebody was told all that was before.
    func arrive(_ connection: WebSocketConnection, inSync cursor: Cursor?) {
        followers.withLock { followers in
            let key = ObjectIdentifier(connection)
            for (_, line) in followers[key]?.deferred ?? [] { connection.sendLine(line) }
            followers[key]?.deferred = nil
            if let cursor, let line = Self.line(.inSync(cursor)) { connection.sendLine(line) }
        }
    }

    private static func revisions(of event: MirrorEvent) -> [Revision] {
        switch event {
        case .applied(let change, _), .sent(let change, _): [change.revision]
        case .appliedMove(let move), .sentMove(let move): [move.arrival.revision, move.departure.revision]
        default: []
        }
    }

    private static func line(_ event: MirrorEvent) -> ByteBuffer? {
        let time = EventText.text(.now)
        var text = EventText()
        switch event {
        case .applied(let change, let was), .sent(let change, let was):
            text.write(.change(change, was: was), time: time)
        case .appliedMove(let move), .sentMove(let move): text.write(move, time: time)
        case .inSync(let cursor): text.writeInSync(cursor, time: time)
        default: guard text.write(event, time: time) else { return nil }
        }
        return text.take()
    }
}

extension WebSocketConnection {
    fileprivate func sendLine(_ line: ByteBuffer) { send(line, text: true, compress: false) }
}

extension PeerService {
    /// How many changes are told at a time.
    private static let page = 512

    /// Tells somebody what happens from `start` on.
    func follow(_ connection: WebSocketConnection, from start: FeedStart) {
        let now = folder.cursor
        guard end == nil, let place = start.place(at: now) else {
            let text = "this replica's history does not go on from there; it is at \(now)"
            return connection.close(code: end == nil ? EventSocket.otherHistory : .goingAway, reason: text)
        }
        followers.add(connection, from: place, through: now.revision)
        tellOn(connection)
    }

    /// Tells more of what is in the index, as fast as it is read.
    func tellOn(_ connection: WebSocketConnection) {
        guard end == nil, connection.isWritable, let place = followers.place(of: connection) else { return }
        attempt { () throws(StoreFailure) in
            let changes = try folder.feed(after: place.from, limit: Self.page).filter { $0.revision <= place.through }
            guard let last = changes.last else {
                return followers.arrive(connection, inSync: machine.isSettled ? folder.cursor : nil)
            }
            var told: [(Change, was: Entry?)] = []
            for change in changes {
                let record = try machine.reconciler.record(at: change.path)
                // What is still to come is told when it has.
                guard !record.isPending, record.offered == nil else { continue }
                let was = try place.start == .zero ? .tombstone : folder.entry(at: change.path, asOf: place.start)
                // What came and went since is nothing to whoever saw neither.
                if change.entry.isLive || was?.isTombstone != true { told.append((change, was: was)) }
            }
            followers.advance(connection, to: last.revision, telling: told)
            on { $0.tellOn(connection) }
        }
    }
}

/// One who follows what a peer does. On its connection's event loop.
final class PeerEventSocket: WebSocketHandler {
    private let peer: PeerService
    private let start: FeedStart
    private let connection = Mutex<WebSocketConnection?>(nil)

    init(_ peer: PeerService, from start: FeedStart) {
        self.peer = peer
        self.start = start
    }

    func opened(_ connection: WebSocketConnection) {
        self.connection.withLock { $0 = connection }
        let start = start
        peer.on { $0.follow(connection, from: start) }
    }

    func received(message: ByteBuffer, isText: Bool) {
        connection.withLock(\.self)?.close(code: .policyViolation, reason: "events are all there is")
    }

    func writabilityChanged(_ isWritable: Bool) {
        guard isWritable, let connection = connection.withLock(\.self) else { return }
        peer.on { $0.tellOn(connection) }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        guard let connection = connection.withLock({ $0.take() }) else { return }
        peer.followers.remove(connection)
    }
}
