import Testing
import WebSocket

@Suite("Compressing only where it pays")
struct AdaptiveCompressionTests {
    private static let bulk = 128 << 10

    @Test(
        "the slower the link, the harder is compressed",
        arguments: [
            (0, .thorough), (300e3, .thorough), (6e6, .thorough), (30e6, .quick), (90e6, .quick), (200e6, .none),
            (.infinity, .none),
        ] as [(Double, Compression)])
    func link(rate: Double, compression: Compression) {
        var adaptive = AdaptiveCompression()
        #expect(adaptive.next(Self.bulk, linkRate: rate) == compression)
    }

    @Test("as long as nothing is known of the link, and for what is small, it may be a slow one")
    func unknown() {
        var adaptive = AdaptiveCompression()
        #expect(adaptive.next(Self.bulk, linkRate: nil) == .quick)
        #expect(adaptive.next(100, linkRate: .infinity) == .quick)
        #expect(adaptive.next(AdaptiveCompression.bulk, linkRate: .infinity) == .none)
    }

    @Test("a link about as fast as a compressor does not change with every batch")
    func steady() {
        var adaptive = AdaptiveCompression()
        func ways(_ adaptive: inout AdaptiveCompression) -> Set<Compression> {
            Set([110e6, 130e6, 105e6, 120e6].map { adaptive.next(Self.bulk, linkRate: $0) })
        }
        #expect(ways(&adaptive) == [.quick])
        #expect(adaptive.next(Self.bulk, linkRate: 150e6) == .none)
        #expect(ways(&adaptive) == [.none])
        #expect(adaptive.next(Self.bulk, linkRate: 90e6) == .quick)
        #expect(ways(&adaptive) == [.quick])
    }
}
