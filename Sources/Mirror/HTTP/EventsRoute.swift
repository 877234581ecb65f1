import NIOCore
import NIOHTTP1
import Replica
import Sync
import Synchronization
import Tree
import WebSocketNIO

extension HubService {
    /// What comes in the feed after `revision`, read in the index and held for others who are there as well.
    func feed(after revision: Revision) throws -> FeedBoard.Piece {
        guard end == nil else { throw HTTPFailure.ending }
        if let piece = http.feed.piece(after: revision) { return piece }
        let changes = try folder.feed(after: revision, limit: 512)
        // What came and went since is nothing to whoever saw neither.
        let known = try changes.map { ($0, was: try folder.entry(at: $0.path, asOf: revision)) }
            .filter { $0.entry.isLive || $1?.isTombstone != true }
        // Nothing but superseded revisions may lie ahead.
        let piece = FeedBoard.piece(
            known, epoch: machine.cursor.epoch, through: changes.last?.revision ?? machine.cursor.revision)
        http.feed.hold(piece, after: revision)
        return piece
    }
}

// The feed as Server-Sent Events (HTML Living Standard §9.2), whose ids are cursors.
extension Visit {
    func sendEvents() async throws {
        let board = http.feed
        board.follow(on: exchange.eventLoop)
        http.counters.followers.add(1, ordering: .relaxed)
        defer {
            http.counters.followers.subtract(1, ordering: .relaxed)
            board.unfollow()
        }
        let now = await hub.cursor
        var place = try start(now)
        try await exchange.begin(
            .ok,
            [
                "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no",
                "x-content-type-options": "nosniff", "x-nosocks-cursor": "\(now.epoch):\(place)",
            ])
        guard head.method != .HEAD else { return try await exchange.finish() }
        var isInSync = false
        while !board.isClosed, !Task.isCancelled {
            let newest = board.cursor
            if let piece = board.piece(after: place) {
                try await send(piece, &place)
            } else if place < newest.revision {
                try await send(try await hub.feed(after: place), &place)
            } else if !isInSync {
                isInSync = true
                var text = EventText()
                text.write(raw: "id: \(newest.epoch):\(place)\ndata: ")
                text.writeInSync(Cursor(epoch: newest.epoch, revision: place), time: EventText.text(.now))
                text.write(raw: "\n\n")
                try await write(text.take())
            } else if await !board.wait(after: place), !board.isClosed {
                try await write(ByteBuffer(string: ":\n\n"))
            }
        }
        try await exchange.finish()
    }

    private func send(_ piece: FeedBoard.Piece, _ place: inout Revision) async throws {
        if piece.text.readableBytes > 0 { try await write(piece.text) }
        place = piece.through
    }

    /// Where to begin: behind what was seen last, or now.
    private func start(_ now: Cursor) throws -> Revision {
        let given = head.headers["last-event-id"].first.flatMap { $0.isEmpty ? nil : $0 } ?? query.text("since")
        guard let given else { return now.revision }
        if given == "0" { return .zero }
        guard let cursor = Cursor(given) else {
            throw HTTPFailure(.badRequest, "A cursor is EPOCH:REVISION, or 0 for everything.")
        }
        guard cursor.epoch == now.epoch, cursor.revision <= now.revision else {
            throw HTTPFailure(
                .gone, "This hub's history does not go on from there: begin again with ?since=0.",
                headers: ["x-nosocks-cursor": "\(now)"])
        }
        return cursor.revision
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
