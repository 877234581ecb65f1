import NIOCore
import Synchronization
import Tree
import WebSocket
import WebSocketNIO

/// The feed, and what else happens, over a WebSocket: text messages, each one event line. For browsers and scripts.
///
/// On its connection's event loop.
final class EventSocket: WebSocketHandler {
    static let subprotocol = "nosocks.events.1"
    /// What a browser, which can set no header, puts before its token, as one more subprotocol that it offers.
    static let tokenPrefix = "nosocks.token."
    /// The history does not go on from the cursor that was given: to be begun anew.
    static let otherHistory = CloseCode(rawValue: 4410)

    private let hub: HubService
    private let admission: Gatekeeper.Admission
    private let start: FeedStart
    private let line: NIOLoopBoundBox<SocketLine?>

    init(_ hub: HubService, _ admission: Gatekeeper.Admission, from start: FeedStart, on loop: any EventLoop) {
        self.hub = hub
        self.admission = admission
        self.start = start
        line = .makeEmptyBox(valueType: SocketLine.self, eventLoop: loop)
    }

    func opened(_ connection: WebSocketConnection) {
        let counters = hub.http.counters
        counters.requests.add(1, ordering: .relaxed)
        counters.active.add(1, ordering: .relaxed)
        counters.followers.add(1, ordering: .relaxed)
        line.value = SocketLine(connection, hub.http)
        guard !hub.http.isOpen else { return begin() }
        // The folder was not looked at yet.
        Task {
            let isReady = (try? await hub.http.ready()) != nil
            connection.eventLoop.execute { [self] in
                if isReady { begin() } else { line.value?.end(.hub) }
            }
        }
    }

    private func begin() {
        guard let line = line.value else { return }
        let now = hub.http.feed.cursor
        guard let place = start.place(at: now) else {
            return line.close(Self.otherHistory, "this hub's history does not go on from there; it is at \(now)")
        }
        line.sendConnected(to: hub.name, at: Cursor(epoch: now.epoch, revision: place))
        let loop = line.connection.eventLoop
        line.follow(Follower(hub, admission, from: place, over: line, on: loop))
    }

    func received(message: ByteBuffer, isText: Bool) {
        line.value?.close(.policyViolation, "nothing is asked for here: events are all there is")
    }

    func writabilityChanged(_ isWritable: Bool) {
        if isWritable { line.value?.follower?.advance() }
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        let counters = hub.http.counters
        counters.followers.subtract(1, ordering: .relaxed)
        let rest = counters.active.subtract(1, ordering: .relaxed).newValue
        line.value?.gone()
        line.value = nil
        if rest == 0 { hub.on { $0.concludeIfDone() } }
    }
}

private final class SocketLine: FollowerLine {
    let connection: WebSocketConnection
    private(set) var follower: Follower?
    private let http: HTTPSide

    init(_ connection: WebSocketConnection, _ http: HTTPSide) {
        self.connection = connection
        self.http = http
    }

    var hasRoom: Bool { connection.isWritable }

    func follow(_ follower: Follower) {
        self.follower = follower
        follower.begin()
    }

    func sendConnected(to name: String, at cursor: Cursor) {
        send { $0.writeConnected(to: name, at: cursor, time: EventText.text(.now)) }
    }

    func send(_ piece: FeedPiece) { send(http.feed.frames(of: piece)) }
    func send(_ notice: FeedNotice) { send(notice.frame(http.feed.prepare)) }
    func sendInSync(_ cursor: Cursor) { send { $0.writeInSync(cursor, time: EventText.text(.now)) } }
    /// Pings do that.
    func keepAlive() {}

    private func send(_ fill: (inout EventText) -> Void) {
        var text = EventText()
        fill(&text)
        let bytes = text.take()
        http.counters.bytesSent.add(UInt64(bytes.readableBytes), ordering: .relaxed)
        connection.send(bytes, text: true, compress: false)
    }

    private func send(_ frames: PreparedMessage) {
        http.counters.bytesSent.add(UInt64(frames.messageLength), ordering: .relaxed)
        connection.send(frames)
    }

    func end(_ how: Follower.End) {
        follower = nil
        switch how {
        case .hub: close(.goingAway, "this hub is ending")
        case .dismissed: close(.policyViolation, "the token was revoked")
        case .failed: close(.internalError, "the index can't be read")
        }
    }

    func close(_ code: CloseCode, _ reason: String) {
        connection.close(code: code, reason: reason)
    }

    /// The connection has. Each holds the other until then.
    func gone() {
        follower?.leave()
        follower = nil
    }
}
