import Testing
import WebSocket

@Suite("Compressing only where it pays")
struct AdaptiveCompressionTests {
    /// How fast bytes go, in bytes a second, and to what part of themselves they shrink.
    private struct Way {
        var link: Double
        var reader = 2e9
        var compressor = 150e6
        var ratio = 0.25

        /// In seconds.
        func time(_ count: Double, isCompressed: Bool) -> Double {
            isCompressed
                ? max(count * ratio / link, count / compressor, count / reader) : max(count / link, count / reader)
        }
    }

    private struct Sender {
        var compression = AdaptiveCompression()
        var now = 1.0

        /// Sends that many MiB at once, and gives the part of them that was compressed.
        mutating func send(_ mebibytes: Int, over way: Way, message: Int = 128 << 10) -> Double {
            let count = (mebibytes << 20) / message
            var compressed = 0
            for _ in 0..<count {
                let isCompressed = compression.next(message, isBacklogged: true, at: UInt64(now * 1e9)) > .none
                if isCompressed { compressed += 1 }
                now += way.time(Double(message), isCompressed: isCompressed)
            }
            return Double(compressed) / Double(count)
        }
    }

    @Test("a link that is faster than the compressor gets bytes as they are, after a sample")
    func fast() {
        var sender = Sender()
        let part = sender.send(100, over: Way(link: 2e9))
        #expect(part < 0.03)
    }

    @Test("a slow link gets nothing that is not compressed", arguments: [0.1e6, 6e6])
    func slow(link: Double) {
        var sender = Sender()
        let part = sender.send(50, over: Way(link: link))
        #expect(part == 1)
    }

    @Test("a link in between gets what is faster, but for rare attempts", arguments: [20e6, 60e6, 100e6])
    func between(link: Double) {
        var sender = Sender()
        let part = sender.send(4000, over: Way(link: link))
        #expect(part > 0.98)
    }

    @Test("where the reader is the slow one, nobody compresses in vain")
    func slowReader() {
        var sender = Sender()
        let part = sender.send(1000, over: Way(link: 2e9, reader: 60e6))
        #expect(part < 0.05)
    }

    @Test("a link that becomes slow is noticed, and so is one that becomes fast")
    func changing() {
        var sender = Sender()
        _ = sender.send(100, over: Way(link: 2e9))
        _ = sender.send(50, over: Way(link: 6e6))
        var part = sender.send(50, over: Way(link: 6e6))
        #expect(part > 0.95)
        _ = sender.send(1000, over: Way(link: 2e9))
        part = sender.send(1000, over: Way(link: 2e9))
        #expect(part < 0.05)
    }

    @Test(
        "what is known to be a slow link is not tried, however much its buffers take; the slower, the harder is compressed",
        arguments: [(0, .quick), (300e3, .thorough), (6e6, .thorough), (30e6, .quick)] as [(Double, Compression)])
    func known(rate: Double, compression: Compression) {
        var adaptive = AdaptiveCompression()
        for turn in 0..<10_000 {
            let now = 1_000_000_000 + UInt64(turn) * 10_000
            #expect(adaptive.next(128 << 10, isBacklogged: false, deliveryRate: rate, at: now) == compression)
        }
    }

    @Test("what is small, or comes now and then, is compressed as long as nothing is known")
    func quiet() {
        var compression = AdaptiveCompression()
        var now: UInt64 = 1_000_000_000
        for size in [100, 4096, 15_000, 100_000] {
            for _ in 0..<1000 {
                now += 100_000_000
                let isCompressed = compression.next(size, isBacklogged: false, at: now) > .none
                #expect(isCompressed)
            }
        }
    }
}
