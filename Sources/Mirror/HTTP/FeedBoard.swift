import NIOCore
import Synchronization
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The feed as event lines, for any number of followers: each change is encoded once, and all of them send the same bytes. A
/// follower is a place in the feed and nothing else; who is behind what is held here reads on in the index.
final class FeedBoard: Sendable {
    /// A piece of the feed, as Server-Sent Events.
    struct Piece: Sendable {
        let through: Revision
        let text: ByteBuffer
    }

    fileprivate struct State {
        var cursor = Cursor.start
        var pieces: [Revision: Piece] = [:]
        /// Where the pieces begin, the oldest first.
        var order: [Revision] = []
        var size = 0
        var followers = 0
        var waiters: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        var lastWaiter: UInt64 = 0
        var isClosed = false
        var ticker: RepeatedTask?
    }

    /// In bytes.
    private static let mostHeld = 4 << 20
    private static let keepAlive = TimeAmount.seconds(15)

    private let state = Mutex(State())

    func begin(at cursor: Cursor) { state.withLock { $0.cursor = cursor } }

    var cursor: Cursor { state.withLock(\.cursor) }
    var isClosed: Bool { state.withLock(\.isClosed) }
    var isFollowed: Bool { state.withLock { $0.followers > 0 } }

    /// - Parameter loop: Where the followers' keep-alive may be timed.
    func follow(on loop: any EventLoop) {
        state.withLock { state in
            state.followers += 1
            guard state.ticker == nil else { return }
            state.ticker = loop.scheduleRepeatedTask(initialDelay: Self.keepAlive, delay: Self.keepAlive) { [self] _ in
                wake(false)
            }
        }
    }

    func unfollow() {
        state.withLock { state in
            state.followers -= 1
            guard state.followers == 0 else { return }
            state.ticker?.cancel()
            state.ticker = nil
            (state.pieces, state.order, state.size) = ([:], [], 0)
        }
    }

    /// The hub has accepted these, on top of `former`.
    func append(_ changes: [Change], former: [WalkItem], cursor: Cursor) {
        let piece = isFollowed && changes.count == former.count ? encode(changes, former, cursor) : nil
        state.withLock { state in
            if let piece { state.hold(piece, after: state.cursor.revision, most: Self.mostHeld) }
            state.cursor = cursor
        }
        wake(true)
    }

    private func wake(_ hasMore: Bool) {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(returning: hasMore) }
    }

    private func encode(_ changes: [Change], _ former: [WalkItem], _ cursor: Cursor) -> Piece {
        Self.piece(zip(changes, former).map { ($0, $1.version.entry) }, epoch: cursor.epoch, through: cursor.revision)
    }

    /// - Parameter changes: Each with what was there before, if that is known.
    static func piece(_ changes: [(Change, was: Entry?)], epoch: Epoch, through: Revision) -> Piece {
        var text = EventText()
        let time = EventText.text(.now)
        for (change, was) in changes {
            text.write(raw: "id: \(epoch):\(change.revision)\ndata: ")
            text.write(change, was: was, time: time)
            text.write(raw: "\n\n")
        }
        return Piece(through: through, text: text.take())
    }

    /// What comes right after `revision`, if it is held.
    func piece(after revision: Revision) -> Piece? { state.withLock { $0.pieces[revision] } }

    /// Holds what was read in the index, for others who are there as well.
    func hold(_ piece: Piece, after revision: Revision) {
        state.withLock { $0.hold(piece, after: revision, most: Self.mostHeld) }
    }

    /// Returns true when there may be something after `revision`, and false now and then without.
    func wait(after revision: Revision) async -> Bool {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                guard state.cursor.revision <= revision, !state.isClosed else { return false }
                state.lastWaiter += 1
                state.waiters[state.lastWaiter] = continuation
                return true
            }
            if !mustWait { continuation.resume(returning: true) }
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        wake(false)
    }
}

extension FeedBoard.State {
    fileprivate mutating func hold(_ piece: FeedBoard.Piece, after revision: Revision, most: Int) {
        if let former = pieces.updateValue(piece, forKey: revision) {
            size -= former.text.readableBytes
        } else {
            order.append(revision)
        }
        size += piece.text.readableBytes
        while size > most, order.count > 1 {
            size -= pieces.removeValue(forKey: order.removeFirst())?.text.readableBytes ?? 0
        }
    }
}

extension Timestamp {
    /// The wall clock's, for what others read.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }
}
