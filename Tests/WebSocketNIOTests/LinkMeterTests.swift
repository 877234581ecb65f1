import Testing

@testable import WebSocketNIO

@Suite("How fast a link is")
struct LinkMeterTests {
    /// A connection as the operating system counts it.
    private struct Connection {
        var meter = LinkMeter()
        var reading = LinkMeter.Reading(time: 1_000_000_000, acknowledged: 0, busy: 0, heldUp: 0, deliveryRate: 0)
        var rate: Double?

        /// Goes on for some milliseconds: at so many bytes a second, for which part of the time something was on its way,
        /// and for which part the other side had no room.
        mutating func goOn(_ milliseconds: Int, at bytes: Double, busy: Double, heldUp: Double = 0) {
            for _ in 0..<milliseconds {
                reading.time += 1_000_000
                reading.acknowledged += UInt64(bytes / 1000)
                reading.busy += UInt64(busy * 1e6)
                reading.heldUp += UInt64(heldUp * 1e6)
                reading.deliveryRate = UInt64(bytes)
                rate = meter.rate(reading)
            }
        }
    }

    @Test("of a link that is always busy it is what it acknowledges", arguments: [2e6, 6.25e6, 60e6, 120e6, 400e6])
    func busy(bytes: Double) throws {
        var connection = Connection()
        connection.goOn(200, at: bytes, busy: 1)
        let rate = try #require(connection.rate)
        #expect(abs(rate - bytes) < bytes / 100)
    }

    @Test("nothing is known before enough was acknowledged, however long that takes")
    func unknown() {
        var connection = Connection()
        connection.goOn(15, at: 2e6, busy: 1)
        #expect(connection.rate == nil)
        connection.goOn(10, at: 2e6, busy: 1)
        #expect(connection.rate != nil)
    }

    @Test("who has nothing more to send, or a reader without time, is not held up by the link")
    func other() {
        var idle = Connection()
        idle.goOn(100, at: 50e6, busy: 0.2)
        #expect(idle.rate == .infinity)
        var reader = Connection()
        reader.goOn(100, at: 50e6, busy: 1, heldUp: 0.8)
        #expect(reader.rate == .infinity)
    }

    @Test("a reader that is as slow as a slow link may have one behind it")
    func proxy() {
        var connection = Connection()
        connection.goOn(1000, at: 3e6, busy: 1, heldUp: 0.95)
        #expect(connection.rate == 3e6)
    }

    @Test("what was known stays known while next to nothing is sent")
    func trickle() throws {
        var connection = Connection()
        connection.goOn(1000, at: 6e6, busy: 1)
        connection.goOn(100_000, at: 50e3, busy: 0.05)
        let rate = try #require(connection.rate)
        #expect(abs(rate - 6e6) < 1e5)
    }

    @Test("a moment is passed over, a change is not")
    func change() throws {
        var connection = Connection()
        connection.goOn(1000, at: 500e6, busy: 0.3)
        connection.goOn(30, at: 20e6, busy: 1)
        #expect(connection.rate == .infinity)
        connection.goOn(1000, at: 20e6, busy: 1)
        #expect(try #require(connection.rate) < 21e6)
        connection.goOn(1000, at: 500e6, busy: 0.3)
        #expect(connection.rate == .infinity)
    }
}
