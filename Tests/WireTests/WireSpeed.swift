import NIOCore
import TestSupport
import Testing
import Tree
import Wire

/// Prints figures and asserts none: machines differ. Run it alone and in release for figures that mean something.
@Suite(.serialized)
struct WireSpeed {
    #if DEBUG
    private let count = 20_000
    #else
    private let count = 200_000
    #endif

    @Test func `Many changes`() throws {
        var samples = SeededRandom(seed: 1)
        let deliveries = try (0..<count).map { number in
            let digest = Digest((0..<32).map { _ in UInt8.random(in: 0...255, using: &samples) })
            let entry = Entry.file(
                Entry.File(
                    size: UInt64(number), digest: try #require(digest), mode: Mode(rawValue: 0o644),
                    mtime: Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)))
            let version = Version(revision: Revision(rawValue: UInt64(number + 1)), entry: entry)
            let path = try RelativePath("project/folder/file-\(number).swift")
            return Delivery<ByteBuffer>(
                change: Change(path: path, version: version, author: "ada"), attachment: .none)
        }
        let batches = stride(from: 0, to: count, by: 1000).map { start in
            Message.changes(
                Array(deliveries[start..<min(start + 1000, count)]), through: Revision(rawValue: UInt64(count)),
                newest: Revision(rawValue: UInt64(count)))
        }
        var encoded: [ByteBuffer] = []
        let encoding = ContinuousClock().measure {
            for batch in batches { encoded.append(MessageEncoder().encode(batch)) }
        }
        var decoded = 0
        let decoding = try ContinuousClock().measure {
            for buffer in encoded {
                if case .changes(let deliveries, _, _) = try MessageDecoder().decode(buffer) {
                    decoded += deliveries.count
                }
            }
        }
        func nanoseconds(_ time: Duration) -> Int {
            Int((Double(time.components.seconds) * 1e9 + Double(time.components.attoseconds) / 1e9) / Double(count))
        }
        let bytes = encoded.reduce(0) { $0 + $1.readableBytes } / count
        print("wire: a change encodes in \(nanoseconds(encoding)) ns and decodes in \(nanoseconds(decoding)) ns")
        print("wire: a change takes \(bytes) bytes")
        #expect(decoded == count)
    }
}
