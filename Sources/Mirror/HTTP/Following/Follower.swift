import NIOCore
import Tree

/// How what a follower is told gets to it. On its connection's event loop.
protocol FollowerLine: AnyObject {
    /// Whether more may be sent now. Where not, ``Follower/advance()`` is called when it may.
    var hasRoom: Bool { get }
    func send(_ piece: FeedPiece)
    /// That all was told up to `cursor`.
    func sendInSync(_ cursor: Cursor)
    /// What is no change, and is not told again.
    func send(_ notice: FeedNotice)
    /// Nothing was told for a while.
    func keepAlive()
    /// Nothing more comes.
    func end(_ how: Follower.End)
}

/// Whose feed is followed. Used from any thread.
protocol FeedSource: Sendable {
    var board: FeedBoard { get }
    /// Whether somebody who was let in would be let in now.
    func stillAdmits(_ admission: Gatekeeper.Admission) -> Bool
    /// Reads what comes after `revision` and is held no longer.
    func read(after revision: Revision, _ found: @escaping @Sendable (Result<FeedPiece, any Error>) -> Void)
}

/// One who follows the feed: a place in it. Reads on as fast as its socket takes it, from what is held for all, or in the
/// index where that lies further back. On its connection's event loop.
final class Follower {
    enum End: Sendable {
        /// The hub ends.
        case hub
        /// It may not be in any more.
        case dismissed
        case failed
    }

    let admission: Gatekeeper.Admission
    private let source: any FeedSource
    private let loop: any EventLoop
    private let line: any FollowerLine
    private var place: Revision
    private var isInSync = false
    private var isReading = false
    private var isOver = false
    fileprivate var number: UInt64 = 0

    init(
        _ source: any FeedSource, _ admission: Gatekeeper.Admission, from place: Revision, over line: any FollowerLine,
        on loop: any EventLoop
    ) {
        self.source = source
        self.admission = admission
        self.place = place
        self.line = line
        self.loop = loop
    }

    func begin() {
        source.board.add(self, on: loop)
        // Its token may have been revoked since it was let in.
        guard source.stillAdmits(admission) else { return end(.dismissed) }
        advance()
    }

    /// Sends what there is and what there is room for.
    func advance() {
        let board = source.board
        while !isOver, !isReading {
            guard !board.isClosed else { return end(.hub) }
            guard line.hasRoom else { return }
            let newest = board.told
            if let piece = board.piece(after: place) {
                take(piece)
            } else if place < newest.revision {
                read()
            } else {
                if !isInSync { line.sendInSync(Cursor(epoch: newest.epoch, revision: place)) }
                isInSync = true
                return
            }
        }
    }

    private func take(_ piece: FeedPiece) {
        place = piece.through
        if !piece.isEmpty { line.send(piece) }
    }

    private func read() {
        isReading = true
        let loop = loop
        let bound = NIOLoopBound(self, eventLoop: loop)
        source.read(after: place) { found in
            loop.execute { bound.value.found(found) }
        }
    }

    private func found(_ result: Result<FeedPiece, any Error>) {
        isReading = false
        guard !isOver else { return }
        switch result {
        case .success(let piece):
            take(piece)
            advance()
        case .failure(let failure): end(failure is HTTPFailure ? .hub : .failed)
        }
    }

    fileprivate func tell(_ notice: FeedNotice) {
        if !isOver, line.hasRoom { line.send(notice) }
    }

    fileprivate func keepAlive() {
        if !isOver, line.hasRoom { line.keepAlive() }
    }

    func end(_ how: End) {
        guard !isOver else { return }
        leave()
        line.end(how)
    }

    /// The connection has gone.
    func leave() {
        guard !isOver else { return }
        isOver = true
        source.board.remove(self, on: loop)
    }
}

/// The followers whose connections are served by one event loop. On that loop.
final class Crowd {
    private static let keepAlive = TimeAmount.seconds(15)

    private var followers: [UInt64: Follower] = [:]
    private var last: UInt64 = 0
    private var ticker: RepeatedTask?

    var isEmpty: Bool { followers.isEmpty }

    func add(_ follower: Follower, on loop: any EventLoop) {
        last += 1
        follower.number = last
        followers[last] = follower
        guard ticker == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        ticker = loop.scheduleRepeatedTask(initialDelay: Self.keepAlive, delay: Self.keepAlive) { _ in
            bound.value.all { $0.keepAlive() }
        }
    }

    func remove(_ follower: Follower) {
        followers[follower.number] = nil
        guard followers.isEmpty else { return }
        ticker?.cancel()
        ticker = nil
    }

    func advance() { all { $0.advance() } }
    func tell(_ notice: FeedNotice) { all { $0.tell(notice) } }

    /// Sends away whoever may not be in any more.
    func review(_ isAdmitted: (Gatekeeper.Admission) -> Bool) {
        all { if !isAdmitted($0.admission) { $0.end(.dismissed) } }
    }

    /// Any of them may leave meanwhile.
    private func all(_ body: (Follower) -> Void) {
        for follower in Array(followers.values) { body(follower) }
    }
}
