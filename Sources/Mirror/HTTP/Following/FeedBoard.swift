import NIOCore
import Synchronization
import Tree
import WebSocket

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The feed as event lines, for any number of followers: each change is encoded once, and all of them send the same bytes. A
/// follower is a place in the feed and nothing else; who is behind what is held here reads on in the index. All followers
/// of one event loop are told in one turn of it.
final class FeedBoard: Sendable {
    private struct Place {
        let loop: any EventLoop
        let crowd: NIOLoopBound<Crowd>
        var count = 0
        /// Whether a turn is coming in which they look.
        var isCalled = false
    }

    fileprivate struct State {
        var cursor = Cursor.start
        /// Up to here it is told.
        var told = Revision.zero
        /// What is behind that, where it ends in what may be the first half of a move.
        var held: [(change: Change, was: Entry?)] = []
        var pieces: [Revision: FeedPiece] = [:]
        /// Where the pieces begin, the oldest first.
        var order: [Revision] = []
        var size = 0
        var followers = 0
        var isClosed = false
    }

    /// In bytes.
    fileprivate static let mostHeld = 4 << 20

    private let state = Mutex(State())
    private let places = Mutex<[ObjectIdentifier: Place]>([:])
    private let preparer = Mutex(MessagePreparer())

    func begin(at cursor: Cursor) {
        state.withLock { state in
            state.cursor = cursor
            state.told = cursor.revision
        }
    }

    var cursor: Cursor { state.withLock(\.cursor) }
    /// Up to where followers are told now: what is behind it comes right away.
    var told: Cursor { state.withLock { Cursor(epoch: $0.cursor.epoch, revision: $0.told) } }
    var isClosed: Bool { state.withLock(\.isClosed) }
    var isFollowed: Bool { state.withLock { $0.followers > 0 } }

    // MARK: The feed

    /// The hub has accepted these, on top of `former`.
    ///
    /// - Parameter isHalf: Whether the last of them may be a file's new name, whose former one is still to go: then it is
    ///   told with what comes next, or by ``flush()``.
    /// - Returns: Whether something is held for that from now on.
    @discardableResult
    func append(_ changes: [Change], former: [WalkItem], cursor: Cursor, isHalf: Bool = false) -> Bool {
        let isHeld = state.withLock { state -> Bool? in
            state.cursor = cursor
            guard state.followers > 0, changes.count == former.count else {
                state.held = []
                state.told = cursor.revision
                return nil
            }
            let isFirst = state.held.isEmpty
            state.held += zip(changes, former).map { ($0, $1.version.entry) }
            guard !isHalf else { return isFirst }
            state.release()
            return nil
        }
        if let isHeld { return isHeld }
        callAll()
        return false
    }

    /// What is held is told as it is.
    func flush() {
        state.withLock { $0.release() }
        callAll()
    }

    /// What comes right after `revision`, if it is held.
    func piece(after revision: Revision) -> FeedPiece? { state.withLock { $0.pieces[revision] } }

    /// Holds what was read in the index, for others who are there as well.
    func hold(_ piece: FeedPiece, after revision: Revision) {
        state.withLock { $0.hold(piece, after: revision, most: Self.mostHeld) }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        callAll()
    }

    // MARK: Followers

    /// On the follower's event loop.
    func add(_ follower: Follower, on loop: any EventLoop) {
        state.withLock { $0.followers += 1 }
        let crowd = places.withLock { places in
            var place =
                places[ObjectIdentifier(loop)] ?? Place(loop: loop, crowd: NIOLoopBound(Crowd(), eventLoop: loop))
            place.count += 1
            places[ObjectIdentifier(loop)] = place
            return place.crowd
        }
        crowd.value.add(follower, on: loop)
    }

    func remove(_ follower: Follower, on loop: any EventLoop) {
        let crowd = places.withLock { places in
            places[ObjectIdentifier(loop)]?.count -= 1
            return places[ObjectIdentifier(loop)]?.crowd
        }
        crowd?.value.remove(follower)
        state.withLock { state in
            state.followers -= 1
            if state.followers == 0 {
                (state.pieces, state.order, state.size, state.held) = ([:], [], 0, [])
                state.told = state.cursor.revision
            }
        }
    }

    /// Has everybody look for what is new. However much comes until they do, they are called once for it.
    private func callAll() {
        let called = places.withLock { places in
            var called: [Place] = []
            for (key, place) in places where place.count > 0 && !place.isCalled {
                places[key]?.isCalled = true
                called.append(place)
            }
            return called
        }
        for place in called {
            place.loop.execute { [self] in
                places.withLock { $0[ObjectIdentifier(place.loop)]?.isCalled = false }
                place.crowd.value.advance()
            }
        }
    }

    /// Tells what is no change to whoever is there to hear it.
    func tell(_ event: MirrorEvent) {
        guard isFollowed, let notice = FeedNotice(event) else { return }
        forEach { $0.tell(notice) }
    }

    /// Sends away those who may not be in any more.
    func review(_ isAdmitted: @escaping @Sendable (Gatekeeper.Admission) -> Bool) {
        forEach { $0.review(isAdmitted) }
    }

    private func forEach(_ body: @escaping @Sendable (Crowd) -> Void) {
        for place in places.withLock({ Array($0.values) }) where place.count > 0 {
            place.loop.execute { body(place.crowd.value) }
        }
    }

    // MARK: A WebSocket's frames

    func frames(of piece: FeedPiece) -> PreparedMessage {
        piece.frames { prepare($0) }
    }

    /// Frames text messages, one behind the other.
    func prepare(_ messages: [ByteBuffer]) -> PreparedMessage {
        preparer.withLock { $0.prepare(messages, isText: true, compress: true) }
    }
}

extension FeedBoard.State {
    fileprivate mutating func release() {
        guard !held.isEmpty else { return }
        let piece = FeedPiece(held, epoch: cursor.epoch, through: cursor.revision)
        held = []
        hold(piece, after: told, most: FeedBoard.mostHeld)
        told = cursor.revision
    }

    fileprivate mutating func hold(_ piece: FeedPiece, after revision: Revision, most: Int) {
        if let former = pieces.updateValue(piece, forKey: revision) {
            size -= former.size
        } else {
            order.append(revision)
        }
        size += piece.size
        while size > most, order.count > 1 {
            size -= pieces.removeValue(forKey: order.removeFirst())?.size ?? 0
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
