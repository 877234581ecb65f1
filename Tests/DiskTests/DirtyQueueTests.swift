import Disk
import Testing
import Tree

@Suite struct DirtyQueueTests {
    /// Events at milliseconds, and which paths are due when: `name` for a stat, `name!` where content must be read,
    /// `name/` where all inside is concerned.
    struct Story: CustomTestStringConvertible, Sendable {
        var name: String
        var events: [(Int, DirtyQueue.Event, String)]
        var looks: [(Int, [String])]
        var testDescription: String { name }
    }

    static let stories: [Story] = [
        Story(
            name: "A closed file is due at once, and once more for what is written through a memory map",
            events: [(0, .closed, "a")], looks: [(0, ["a!"]), (2000, ["a"])]),
        Story(
            name: "A file that is made waits for its close",
            events: [(0, .opened, "a"), (10, .written, "a"), (30, .closed, "a")],
            looks: [(30, ["a!"]), (2010, ["a"])]),
        Story(
            name: "What was in a new directory is due soon, unless its writer is heard of",
            events: [(0, .found, "a"), (0, .found, "b"), (10, .written, "b"), (15, .found, "b"), (60, .written, "b")],
            looks: [(20, ["a!"]), (160, ["b!"]), (2010, ["b"])]),
        Story(
            name: "A file that nobody closes is due a little after its last write",
            events: [(0, .opened, "a"), (10, .written, "a"), (60, .written, "a")],
            looks: [(160, ["a!"]), (2010, ["a"])]),
        Story(
            name: "A log that is written all the time is looked at each second",
            events: (0...30).map { ($0 * 50, .written, "log") },
            looks: [(1000, ["log!"]), (1600, ["log!"]), (3400, ["log"])]),
        Story(name: "What is renamed to here is due at once", events: [(0, .appeared, "a")], looks: [(0, ["a"])]),
        Story(name: "A change of mode is due soon", events: [(0, .touched, "a")], looks: [(5, ["a"])]),
        Story(
            name: "A change of mode does not hurry a writer",
            events: [(0, .written, "a"), (10, .touched, "a")], looks: [(100, ["a!"]), (2000, ["a"])]),
        Story(
            name: "Deletions wait until there are no more of them",
            events: [(0, .vanished(wasDirectory: false), "a"), (40, .vanished(wasDirectory: true), "b")],
            looks: [(90, ["a", "b/"])]),
        Story(
            name: "Deletions do not wait for ever",
            events: (0...150).map { ($0 * 40, .vanished(wasDirectory: false), "f\($0 + 100)") },
            looks: [(5000, (0...125).map { "f\($0 + 100)" }), (6300, (126...150).map { "f\($0 + 100)" })]),
        Story(
            name: "An atomic save is no deletion",
            events: [
                (0, .opened, "a.tmp"), (1, .closed, "a.tmp"), (2, .vanished(wasDirectory: false), "a.tmp"),
                (2, .appeared, "a"),
            ],
            looks: [(1, ["a.tmp!"]), (2, ["a"]), (52, ["a.tmp"])]),
        Story(
            name: "A save that moves the old file away first is no deletion",
            events: [
                (0, .vanished(wasDirectory: false), "a"), (0, .appeared, "a~"), (3, .opened, "a"), (9, .closed, "a"),
            ],
            looks: [(0, ["a~"]), (9, ["a!"]), (2009, ["a"])]),
        Story(
            name: "A file that came back by a rename is read, whatever its times say",
            events: [(0, .vanished(wasDirectory: false), "a"), (10, .appeared, "a")], looks: [(10, ["a!"])]),
        Story(
            name: "A new file that is deleted again is looked at once",
            events: [(0, .opened, "4913"), (1, .vanished(wasDirectory: false), "4913")], looks: [(51, ["4913"])]),
        Story(
            name: "An unlinked file's change of link count does not bring it back",
            events: [(0, .vanished(wasDirectory: false), "a"), (0, .touched, "a")], looks: [(50, ["a"])]),
        Story(
            name: "What took a directory's name does not make its content forgotten",
            events: [(0, .vanished(wasDirectory: true), "d"), (10, .opened, "d"), (20, .closed, "d")],
            looks: [(20, ["d!"]), (50, ["d/"]), (2020, ["d"])]),
        Story(
            name: "A directory that took another's name is looked at as a whole",
            events: [(0, .vanished(wasDirectory: true), "d"), (10, .appeared, "d")],
            looks: [(10, ["d!"]), (50, ["d/"])]),
        Story(
            name: "A directory that has another name now is looked at as a whole, though its heir is gone, too",
            events: [
                (0, .vanished(wasDirectory: true), "a"), (0, .moved, "a"), (0, .vanished(wasDirectory: false), "a"),
            ],
            looks: [(50, ["a/"])]),
        Story(
            name: "A directory that has another name now is not waited for",
            events: [(0, .vanished(wasDirectory: true), "a"), (0, .moved, "a")], looks: [(0, ["a/"])]),
        Story(
            name: "What appeared comes before what vanished",
            events: [(0, .vanished(wasDirectory: true), "a"), (50, .appeared, "z")], looks: [(50, ["z", "a/"])]),
    ]

    @Test(arguments: stories) func `Events settle into looks`(story: Story) throws {
        var queue = DirtyQueue()
        var looks: [(Int, [String])] = []
        func advance(to end: Int) {
            while let due = queue.nextDue(), due <= .milliseconds(end) {
                let (seconds, attoseconds) = due.components
                let taken = queue.take(now: due).map { dirty in
                    "\(dirty.path)\(dirty.rereading ? "!" : "")\(dirty.isSubtree ? "/" : "")"
                }
                looks.append((Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000), taken))
            }
        }
        for (moment, event, name) in story.events {
            advance(to: moment - 1)
            queue.note(event, at: try path(name), now: .milliseconds(moment))
            if event == .appeared || event == .closed { advance(to: moment) }
        }
        advance(to: 100_000)
        // A second look that a deletion made pointless, and looks at one moment, are compared as they are.
        let expected = story.looks.filter { !$0.1.isEmpty }
        #expect(looks.map(\.0) == expected.map(\.0))
        #expect(looks.map(\.1) == expected.map(\.1))
        #expect(queue.nextDue() == nil)
    }

    @Test func `Many paths come in order, and forgetting leaves nothing`() throws {
        var queue = DirtyQueue()
        for number in (100..<1100).shuffled() {
            queue.note(.appeared, at: try path("f\(number)"), now: .zero)
            queue.note(.written, at: try path("g\(number)"), now: .milliseconds(number % 7))
        }
        let first = queue.take(now: .milliseconds(6)).map { "\($0.path)" }
        #expect(first == (100..<1000).map { "f\($0)" }.merging((1000..<1100).map { "f\($0)" }))
        queue.removeAll()
        #expect(queue.nextDue() == nil)
    }
}

extension [String] {
    fileprivate func merging(_ other: [String]) -> [String] { (self + other).sorted() }
}
