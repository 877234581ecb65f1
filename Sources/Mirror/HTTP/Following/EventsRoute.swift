import NIOCore
import NIOHTTP1
import Replica
import Sync
import Synchronization
import Tree
import WebSocketNIO

extension HubService: FeedSource {
    nonisolated var board: FeedBoard { http.feed }

    nonisolated func stillAdmits(_ admission: Gatekeeper.Admission) -> Bool { gatekeeper.stillAdmits(admission) }

    nonisolated func read(
        after revision: Revision, _ found: @escaping @Sendable (Result<FeedPiece, any Error>) -> Void
    ) {
        on { hub in found(Result { try hub.feed(after: revision) }) }
    }

    /// On an event loop: of somebody who wants to follow over a WebSocket.
    nonisolated func decideOnFollower(_ request: UpgradeRequest) -> UpgradeDecision {
        let prefix = EventSocket.tokenPrefix
        let tokens = request.subprotocols.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        switch gatekeeper.judge(
            request.head.headers, from: request.remoteAddress?.prefix ?? "",
            peers: http.counters.active.load(ordering: .relaxed), isLook: true, offered: tokens, now: .now())
        {
        case .refused(let answer): return .reject(answer)
        case .admitted(let admission):
            let target = PlainRequest(head: request.head, remoteAddress: request.remoteAddress).target
            do throws(FeedStart.Unreadable) {
                let start = try FeedStart(Query(target.query).text("since"))
                let socket = EventSocket(self, admission, from: start, on: request.eventLoop)
                return .accept(subprotocol: EventSocket.subprotocol, handler: socket)
            } catch {
                return .reject(FeedStart.unreadable)
            }
        }
    }

    nonisolated func follower(from start: FeedStart, on loop: any EventLoop) -> any WebSocketHandler {
        EventSocket(self, .owner, from: start, on: loop)
    }

    /// What comes in the feed after `revision`, read in the index and held for others who are there as well.
    func feed(after revision: Revision) throws -> FeedPiece {
        guard end == nil else { throw HTTPFailure.ending }
        if let piece = http.feed.piece(after: revision) { return piece }
        let changes = try folder.feed(after: revision, limit: 512)
        // What came and went since is nothing to whoever saw neither.
        let known = try changes.map { (change: $0, was: try folder.entry(at: $0.path, asOf: revision)) }
            .filter { $0.entry.isLive || $1?.isTombstone != true }
        // Nothing but superseded revisions may lie ahead.
        let piece = FeedPiece(
            known, epoch: machine.cursor.epoch, through: changes.last?.revision ?? machine.cursor.revision)
        http.feed.hold(piece, after: revision)
        return piece
    }
}

/// From where somebody wants the feed.
enum FeedStart: Hashable, Sendable {
    case now
    /// Everything there is.
    case beginning
    case behind(Cursor)

    struct Unreadable: Error {}

    static let unreadable = HTTPAnswer(
        status: .badRequest, text: "A cursor is EPOCH:REVISION, or 0 for everything.")

    /// Reads EPOCH:REVISION, or 0; nil and nothing are now.
    init(_ text: String?) throws(Unreadable) {
        switch text {
        case nil, "": self = .now
        case "0": self = .beginning
        case let text?:
            guard let cursor = Cursor(text) else { throw Unreadable() }
            self = .behind(cursor)
        }
    }

    /// Nil where the history does not go on from there.
    func place(at now: Cursor) -> Revision? {
        switch self {
        case .now: now.revision
        case .beginning: .zero
        case .behind(let cursor):
            cursor.epoch == now.epoch && cursor.revision <= now.revision ? cursor.revision : nil
        }
    }
}

// The feed as Server-Sent Events (HTML Living Standard §9.2), whose ids are cursors.
extension Visit {
    func sendEvents() async throws {
        http.counters.followers.add(1, ordering: .relaxed)
        defer { http.counters.followers.subtract(1, ordering: .relaxed) }
        let now = http.feed.cursor
        let place = try start(now)
        try await exchange.begin(
            .ok,
            [
                "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no",
                "x-content-type-options": "nosniff", "x-nosocks-cursor": "\(now.epoch):\(place)",
            ])
        guard head.method != .HEAD else { return try await exchange.finish() }
        let loop = exchange.eventLoop
        let stream = NIOLoopBoundBox<EventStream?>.makeEmptyBox(valueType: EventStream.self, eventLoop: loop)
        let ended = loop.flatSubmit {
            let made = EventStream(exchange, http.counters)
            stream.value = made
            made.follow(Follower(hub, admission, from: place, over: made, on: loop))
            return made.ended
        }
        try await withTaskCancellationHandler {
            try await ended.get()
        } onCancel: {
            loop.execute { stream.value?.gone() }
        }
        try await exchange.finish()
    }

    /// Where to begin: behind what was seen last, or now.
    private func start(_ now: Cursor) throws -> Revision {
        let given = head.headers["last-event-id"].first.flatMap { $0.isEmpty ? nil : $0 } ?? query.text("since")
        guard let start = try? FeedStart(given) else { throw HTTPFailure(FeedStart.unreadable) }
        guard let place = start.place(at: now) else { throw HTTPFailure.otherHistory(now) }
        return place
    }
}

extension HTTPFailure {
    fileprivate static func otherHistory(_ now: Cursor) -> HTTPFailure {
        HTTPFailure(
            .gone, "This hub's history does not go on from there: begin again with ?since=0.",
            headers: ["x-nosocks-cursor": "\(now)"])
    }
}

/// A follower's Server-Sent Events. On its connection's event loop.
private final class EventStream: FollowerLine {
    let ended: EventLoopFuture<Void>
    private let promise: EventLoopPromise<Void>
    private let exchange: HTTPExchange
    private let counters: HTTPCounters
    private var follower: Follower?
    private(set) var hasRoom = true

    init(_ exchange: HTTPExchange, _ counters: HTTPCounters) {
        self.exchange = exchange
        self.counters = counters
        promise = exchange.eventLoop.makePromise(of: Void.self)
        ended = promise.futureResult
    }

    func follow(_ follower: Follower) {
        self.follower = follower
        follower.begin()
    }

    func send(_ piece: FeedPiece) { write(piece.stream) }

    func sendInSync(_ cursor: Cursor) {
        var text = EventText()
        text.write(raw: "id: \(cursor)\ndata: ")
        text.writeInSync(cursor, time: EventText.text(.now))
        text.write(raw: "\n\n")
        write(text.take())
    }

    /// Whoever reads this wants changes, which can be had again.
    func send(_ notice: FeedNotice) {}

    func keepAlive() { write(ByteBuffer(string: ":\n\n")) }

    func end(_ how: Follower.End) {
        follower = nil
        if how == .failed { promise.fail(HTTPExchangeGone()) } else { promise.succeed() }
    }

    /// The other side has.
    func gone() {
        guard let follower else { return }
        self.follower = nil
        follower.leave()
        promise.fail(HTTPExchangeGone())
    }

    private func write(_ bytes: ByteBuffer) {
        counters.bytesSent.add(UInt64(bytes.readableBytes), ordering: .relaxed)
        hasRoom = false
        var isNow = true
        exchange.push(bytes).assumeIsolated().whenComplete { result in
            guard case .success = result else { return self.gone() }
            self.hasRoom = true
            if !isNow { self.follower?.advance() }
        }
        isNow = false
    }
}

extension Cursor {
    /// Reads ``description``.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 16, let epoch = UInt64(parts[0], radix: 16),
            let revision = UInt64(parts[1])
        else { return nil }
        self.init(epoch: Epoch(rawValue: epoch), revision: Revision(rawValue: revision))
    }
}
