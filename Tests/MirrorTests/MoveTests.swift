import Synchronization
import Testing
import Tree

@testable import Mirror

@Suite struct MoveTests {
    private static func file(_ seed: UInt8 = 1, mtime: Int64 = 1) -> Entry {
        guard let digest = Digest([UInt8](repeating: seed, count: Digest.byteCount)) else { return .tombstone }
        let time = Timestamp(seconds: mtime, nanoseconds: 0)
        return .file(Entry.File(size: 1, digest: digest, mode: Mode(rawValue: 0o644), mtime: time))
    }

    private static let directory = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
    private static let link = Entry.symlink(Entry.Symlink(target: Array("there".utf8)))

    private func change(
        _ revision: UInt64, _ path: String, _ entry: Entry, was: Entry?, by author: String = "one"
    ) throws -> (change: Change, was: Entry?) {
        let version = Version(revision: Revision(rawValue: revision), entry: entry)
        return (Change(path: try RelativePath(Array(path.utf8)), version: version, author: author), was)
    }

    private func told(_ changes: (change: Change, was: Entry?)...) -> [String] {
        FeedLine.lines(of: changes).map { line in
            switch line {
            case .change(let change, _): "\(line.revision) \(change.path)"
            case .move(let move): "\(line.revision) \(move.departure.path) > \(move.arrival.path)"
            }
        }
    }

    @Test(arguments: [file(), link])
    func `What appears and is gone elsewhere right then is moved, in whichever order, at the later revision`(
        _ entry: Entry
    ) throws {
        let arrival = try change(4, "b", entry, was: .tombstone)
        #expect(told(arrival, try change(5, "a", .tombstone, was: entry)) == ["5 a > b"])
        #expect(told(try change(3, "a", .tombstone, was: entry), arrival) == ["4 a > b"])
    }

    @Test func `Many are moved one behind the other, and what is between them stays where it is`() throws {
        let told = told(
            try change(1, "e", Self.directory, was: .tombstone),
            try change(2, "e/x", Self.file(1), was: .tombstone), try change(3, "d/x", .tombstone, was: Self.file(1)),
            try change(4, "e/y", Self.file(2), was: .tombstone), try change(5, "d/y", .tombstone, was: Self.file(2)),
            try change(6, "d", .tombstone, was: Self.directory))
        #expect(told == ["1 e", "3 d/x > e/x", "5 d/y > e/y", "6 d"])
    }

    @Test func `Something between them keeps them apart, since whoever was told it may begin behind it`() throws {
        let told = told(
            try change(1, "b", Self.file(), was: .tombstone), try change(2, "c", Self.file(9), was: Self.file(8)),
            try change(3, "a", .tombstone, was: Self.file()))
        #expect(told == ["1 b", "2 c", "3 a"])
    }

    @Test func `What is not the same, replaces something, is a directory, or is somebody else's is not moved`() throws {
        let gone = try change(5, "a", .tombstone, was: Self.file())
        for arrival in [
            try change(4, "b", Self.file(2), was: .tombstone), try change(4, "b", Self.file(mtime: 2), was: .tombstone),
            try change(4, "b", Self.file(), was: Self.file(2)), try change(4, "b", Self.file(), was: nil),
            try change(4, "b", Self.file(), was: .tombstone, by: "two"),
        ] {
            #expect(told(arrival, gone) == ["4 b", "5 a"])
        }
        // What came and went again under one name is nowhere else now.
        #expect(
            told(try change(4, "a", Self.file(), was: .tombstone), try change(5, "a", .tombstone, was: Self.file()))
                == ["4 a", "5 a"])
        #expect(
            told(
                try change(4, "b", Self.directory, was: .tombstone), try change(5, "a", .tombstone, was: Self.directory)
            )
                == ["4 b", "5 a"])
        #expect(
            told(
                try change(4, "b", Self.file(), was: .tombstone), try change(5, "a", .tombstone, was: nil))
                == ["4 b", "5 a"])
    }

    // MARK: Waiting for the other half

    private final class Heard: Sendable {
        let lines = Mutex<[String]>([])

        func report(_ event: MirrorEvent) {
            let text =
                switch event {
                case .applied(let change, _): "\(change.revision) \(change.path)"
                case .appliedMove(let move): "\(move.revision) \(move.departure.path) > \(move.arrival.path)"
                case .inSync(let cursor): "in sync at \(cursor.revision)"
                default: "\(event)"
                }
            lines.withLock { $0.append(text) }
        }

        var all: [String] { lines.withLock(\.self) }
    }

    private func applied(_ revision: UInt64, _ path: String, _ entry: Entry, was: Entry) throws -> MirrorEvent {
        .applied(try change(revision, path, entry, was: was).change, was: was)
    }

    private func inSync(_ revision: UInt64) -> MirrorEvent {
        .inSync(Cursor(epoch: Epoch(rawValue: 1), revision: Revision(rawValue: revision)))
    }

    @Test func `Several files that are given other names at a time find their halves, whatever is between them`() throws
    {
        let heard = Heard()
        let wait = MoveWait { heard.report($0) }
        #expect(wait.tell(try applied(1, "b", Self.file(1), was: .tombstone), isHalf: true))
        #expect(!wait.tell(try applied(2, "d", Self.file(2), was: .tombstone), isHalf: true))
        wait.tell(try applied(3, "x", Self.file(3), was: .tombstone))
        #expect(heard.all == [])
        wait.tell(try applied(4, "a", .tombstone, was: Self.file(1)))
        wait.tell(try applied(5, "c", .tombstone, was: Self.file(2)))
        #expect(heard.all == ["3 x", "4 a > b", "5 c > d"])
        wait.tell(try applied(6, "y", Self.file(4), was: .tombstone))
        #expect(heard.all.last == "6 y")
    }

    @Test func `What has no other half is told in its place, and what is no change waits for nothing`() throws {
        let heard = Heard()
        let wait = MoveWait { heard.report($0) }
        wait.tell(try applied(1, "copy", Self.file(1), was: .tombstone), isHalf: true)
        wait.tell(try applied(2, "x", Self.file(3), was: .tombstone))
        wait.flush()
        #expect(heard.all == ["1 copy", "2 x"])
        wait.tell(try applied(3, "another", Self.file(1), was: .tombstone), isHalf: true)
        wait.tell(.peerLeft(name: "one"))
        #expect(heard.all.suffix(2) == ["3 another", "peerLeft(name: \"one\")"])
    }

    @Test func `That all is in step is not told before what it is about`() throws {
        let heard = Heard()
        let wait = MoveWait { heard.report($0) }
        wait.tell(try applied(1, "b", Self.file(1), was: .tombstone), isHalf: true)
        wait.tell(inSync(1))
        #expect(heard.all == [])
        wait.tell(try applied(2, "a", .tombstone, was: Self.file(1)))
        #expect(heard.all == ["2 a > b", "in sync at 1"])
    }
}
