import NIOCore
import Sync
import Testing
import Tree

@testable import Mirror

@Suite("How long deliveries take")
struct DeliveryMeterTests {
    private let peer = SessionID(rawValue: 1)

    private func time(_ milliseconds: Int) -> NIODeadline { .distantPast + .milliseconds(Int64(milliseconds)) }

    private func changes(_ revisions: ClosedRange<UInt64>) throws -> [Change] {
        let path = try RelativePath("file")
        return revisions.map { revision in
            Change(
                path: path, version: Version(revision: Revision(rawValue: revision), entry: .tombstone), author: "one")
        }
    }

    @Test("a batch counts when a peer holds all of it, once, and from when it entered the feed")
    func latency() throws {
        let meter = DeliveryMeter()
        meter.begin(at: Revision(rawValue: 10))
        meter.came(peer, at: time(1000))
        meter.accepted(try changes(11...15), at: time(2000))
        meter.accepted(try changes(16...16), at: time(2001))
        // What was there before, and a part of the first.
        meter.applied(Revision(rawValue: 12), by: peer, at: time(2002))
        #expect(meter.latency.counts.reduce(0, +) == 0)
        meter.applied(Revision(rawValue: 15), by: peer, at: time(2004))
        #expect(meter.latency.counts.reduce(0, +) == 1 && meter.latency.sum == 4_000_000)
        // Said again, and more than there is.
        meter.applied(Revision(rawValue: 15), by: peer, at: time(2500))
        meter.applied(Revision(rawValue: 99), by: peer, at: time(2601))
        #expect(meter.latency.counts.reduce(0, +) == 2 && meter.latency.sum == 604_000_000)
        #expect(meter.latency.counts[2] == 1 && meter.latency.counts[9] == 1)
        #expect(meter.accepted == 6)
    }

    @Test("a peer lacks the oldest for as long as that is there, or the peer is")
    func lag() throws {
        let meter = DeliveryMeter()
        meter.begin(at: Revision(rawValue: 10))
        meter.came(peer, at: time(1000))
        func lag(_ holding: UInt64) -> Int64 {
            meter.lag(of: peer, holding: Revision(rawValue: holding), at: time(5000)) / 1_000_000
        }
        #expect(lag(10) == 0)
        #expect(lag(0) == 4000)
        meter.accepted(try changes(11...15), at: time(2000))
        meter.accepted(try changes(16...16), at: time(3000))
        #expect([0, 9, 10, 14, 15, 16].map(lag) == [4000, 4000, 3000, 3000, 2000, 0])
        #expect(meter.lag(of: SessionID(rawValue: 2), holding: .zero, at: time(5000)) == 0)
    }

    @Test("of more batches than are told apart none seems younger than it is, and none much older")
    func many() throws {
        let meter = DeliveryMeter()
        meter.came(peer, at: time(0))
        let count = 3 * DeliveryMeter.mostBatches
        for revision in 1...count {
            meter.accepted(try changes(UInt64(revision)...UInt64(revision)), at: time(10 * revision))
        }
        let end = 10 * (count + 1)
        let wrong = stride(from: 0, to: count, by: 7).filter { holding in
            let exact = end - 10 * (holding + 1)
            let found = meter.lag(of: peer, holding: Revision(rawValue: UInt64(holding)), at: time(end)) / 1_000_000
            return !(exact...exact + max(20, exact / 256)).contains(Int(found))
        }
        #expect(wrong == [])
    }
}
