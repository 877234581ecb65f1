import Testing
import Tree

@testable import Sync

@Suite("Messages of the feed")
struct FeedCutsTests {
    private let half = SyncProtocol.batchBytes / 2
    private var cuts = FeedCuts()

    @Test("end where those of whoever was first did, where that makes them full ones")
    mutating func follow() {
        cuts.sent(through: Revision(rawValue: 3), weight: half)
        #expect(end(from: 1) == nil)
        cuts.sent(through: Revision(rawValue: 5), weight: half)
        cuts.sent(through: Revision(rawValue: 9), weight: 2 * half)
        #expect((1...9).map(end) == [5, 5, 5, 5, 5, 9, 9, 9, 9])
        #expect(end(from: 10) == nil)
    }

    @Test("do not end elsewhere for whoever is behind")
    mutating func stay() {
        cuts.sent(through: Revision(rawValue: 5), weight: 2 * half)
        cuts.sent(through: Revision(rawValue: 4), weight: 2 * half)
        cuts.sent(through: Revision(rawValue: 5), weight: 2 * half)
        cuts.sent(through: Revision(rawValue: 6), weight: half)
        #expect((1...6).map(end) == [5, 5, 5, 5, 5, nil])
    }

    private func end(from revision: UInt64) -> UInt64? {
        cuts.end(from: Revision(rawValue: revision))?.rawValue
    }
}
