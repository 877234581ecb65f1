import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import Tree
import WebSocket

@testable import Mirror

@Suite struct FollowingTests {
    private let loop = NIOAsyncTestingEventLoop()
    private let source = StubSource()

    @Test func `A change is encoded once and framed once for each way, for a thousand followers`() async throws {
        let lines = try await follow(count: 1000)
        try source.append(1)
        await loop.run()
        let pieces = try await see { lines.value.map(\.pieces) }
        #expect(pieces.allSatisfy { $0.count == 1 })
        #expect(Set(pieces.joined().map { ObjectIdentifier($0) }).count == 1)
        let piece = try #require(pieces.first?.first)
        var prepared = 0
        for _ in 0..<1000 {
            _ = piece.frames { messages in
                prepared += 1
                return source.board.prepare(messages)
            }
        }
        #expect(prepared == 1)
        let streams = (0..<2).map { _ in piece.stream.withUnsafeReadableBytes { $0.baseAddress } }
        #expect(streams[0] == streams[1])
    }

    @Test func `However much is appended until they look, followers are called once for it`() async throws {
        let lines = try await follow(count: 1)
        let source = source
        // While their event loop has something else to do.
        try await see { for revision in 1...100 { try source.append(UInt64(revision)) } }
        await loop.run()
        let (through, looks) = try await see { (lines.value[0].through, lines.value[0].looks) }
        #expect(through == (1...100).map { Revision(rawValue: UInt64($0)) })
        // At the beginning, before each piece, and when there was no other.
        #expect(looks == 1 + 100 + 1)
    }

    @Test func `Who has no room is sent nothing, and then what it missed, in order`() async throws {
        let lines = try await follow(count: 2)
        try await see { lines.value[0].hasRoom = false }
        for revision in 1...3 { try source.append(UInt64(revision)) }
        await loop.run()
        #expect(try await see { lines.value.map(\.pieces.count) } == [0, 3])
        try await see {
            lines.value[0].hasRoom = true
            lines.value[0].follower?.advance()
        }
        let through = try await see { lines.value.map(\.through) }
        #expect(through[0] == through[1])
    }

    @Test func `Who begins further back than what is held reads on in the index, once at a time`() async throws {
        source.board.begin(at: StubSource.cursor(40))
        let lines = try await follow(count: 1, from: 10)
        try await see { lines.value[0].follower?.advance() }
        #expect(source.waiting == [10])
        try source.answer(through: 25)
        await loop.run()
        #expect(source.waiting == [25])
        try source.answer(through: 40)
        await loop.run()
        #expect(try await see { lines.value[0].through.map(\.rawValue) } == [25, 40])
        #expect(try await see { lines.value[0].inSync } == [StubSource.cursor(40)])
    }

    @Test func `Who may not be in any more goes, and the others stay`() async throws {
        let lines = try await follow(count: 2)
        source.board.review { $0.isReadOnly }
        await loop.run()
        #expect(try await see { lines.value.map(\.ends) } == [[.dismissed], []])
        try source.append(1)
        await loop.run()
        #expect(try await see { lines.value.map(\.pieces.count) } == [0, 1])
    }

    @Test func `Whose token was revoked before it began is sent nothing`() async throws {
        source.admits.store(false, ordering: .relaxed)
        let lines = try await follow(count: 1)
        #expect(try await see { lines.value[0].ends } == [.dismissed])
        #expect(try await see { lines.value[0].inSync }.isEmpty)
        #expect(!source.board.isFollowed)
    }

    @Test func `With the hub everybody ends, once`() async throws {
        let lines = try await follow(count: 3)
        source.board.close()
        source.board.close()
        await loop.run()
        #expect(try await see { lines.value.map(\.ends) } == [[.hub], [.hub], [.hub]])
        #expect(!source.board.isFollowed)
    }

    @Test func `What may be a file's new name is told with what comes next, or after a while`() async throws {
        let lines = try await follow(count: 1)
        #expect(try source.append(1, isHalf: true))
        await loop.run()
        #expect(try await see { lines.value[0].pieces.count } == 0)
        // Whoever begins now has missed nothing.
        #expect(source.board.cursor == StubSource.cursor(1))
        try source.append(2)
        await loop.run()
        #expect(try await see { lines.value[0].through.map(\.rawValue) } == [2])
        #expect(try source.append(3, isHalf: true))
        #expect(try !source.append(4, isHalf: true))
        source.board.flush()
        await loop.run()
        #expect(try await see { lines.value[0].through.map(\.rawValue) } == [2, 4])
        #expect(source.waiting == [])
    }

    @Test func `What is held for followers goes with the last of them`() async throws {
        let lines = try await follow(count: 1)
        try source.append(1)
        #expect(source.board.piece(after: .zero) != nil)
        try await see { lines.value[0].follower?.leave() }
        #expect(source.board.piece(after: .zero) == nil)
        try source.append(2)
        #expect(source.board.piece(after: Revision(rawValue: 1)) == nil)
    }

    // MARK: Followers

    private func follow(count: Int, from place: UInt64 = 0) async throws -> NIOLoopBound<[StubLine]> {
        let (loop, source) = (loop, source)
        return try await loop.executeInContext {
            let lines = (0..<count).map { _ in StubLine() }
            for (index, line) in lines.enumerated() {
                let follower = Follower(
                    source, Gatekeeper.Admission(holder: nil, isReadOnly: index % 2 == 1),
                    from: Revision(rawValue: place), over: line, on: loop)
                line.follower = follower
                follower.begin()
            }
            return NIOLoopBound(lines, eventLoop: loop)
        }
    }

    private func see<Seen: Sendable>(_ body: @escaping @Sendable () throws -> Seen) async throws -> Seen {
        try await loop.executeInContext(body)
    }
}

/// Appends and reads as a test says.
private final class StubSource: FeedSource {
    struct Read {
        let after: Revision
        let found: @Sendable (Result<FeedPiece, any Error>) -> Void
    }

    let board = FeedBoard()
    let admits = Atomic(true)
    let reads = Mutex<[Read]>([])

    init() { board.begin(at: Self.cursor(0)) }

    /// Behind which revisions somebody waits for what is read.
    var waiting: [UInt64] { reads.withLock { $0.map(\.after.rawValue) } }

    static func cursor(_ revision: UInt64) -> Cursor {
        Cursor(epoch: Epoch(rawValue: 1), revision: Revision(rawValue: revision))
    }

    static func change(_ revision: UInt64) throws -> Change {
        let entry = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
        return Change(
            path: try RelativePath(Array("file-\(revision)".utf8)),
            version: Version(revision: Revision(rawValue: revision), entry: entry), author: "somebody")
    }

    @discardableResult
    func append(_ revision: UInt64, isHalf: Bool = false) throws -> Bool {
        let change = try Self.change(revision)
        let former = WalkItem(path: change.path, version: Version(revision: .zero, entry: .tombstone), author: "")
        return board.append([change], former: [former], cursor: Self.cursor(revision), isHalf: isHalf)
    }

    func answer(through revision: UInt64) throws {
        let piece = FeedPiece(
            [(try Self.change(revision), was: nil)], epoch: Epoch(rawValue: 1), through: Revision(rawValue: revision))
        let waiting = reads.withLock { reads in
            defer { reads = [] }
            return reads
        }
        for read in waiting { read.found(.success(piece)) }
    }

    func stillAdmits(_ admission: Gatekeeper.Admission) -> Bool { admits.load(ordering: .relaxed) }

    func read(after revision: Revision, _ found: @escaping @Sendable (Result<FeedPiece, any Error>) -> Void) {
        reads.withLock { $0.append(Read(after: revision, found: found)) }
    }
}

private final class StubLine: FollowerLine {
    var follower: Follower?
    var pieces: [FeedPiece] = []
    var inSync: [Cursor] = []
    var ends: [Follower.End] = []
    /// How often the follower asked whether there is room.
    var looks = 0
    private var isRoomy = true

    var through: [Revision] { pieces.map(\.through) }

    var hasRoom: Bool {
        get {
            looks += 1
            return isRoomy
        }
        set { isRoomy = newValue }
    }

    func send(_ piece: FeedPiece) { pieces.append(piece) }
    func sendInSync(_ cursor: Cursor) { inSync.append(cursor) }
    func send(_ notice: FeedNotice) {}
    func keepAlive() {}
    func end(_ how: Follower.End) { ends.append(how) }
}
