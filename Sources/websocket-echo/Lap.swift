import NIOCore
import WebSocket

/// A lap of different messages, framed once and then sent round and round, so that sending costs next to nothing.
struct Lap: Sendable {
    /// Messages in a lap.
    let count: Int
    /// Bytes of each message.
    let size: Int
    /// The messages one after the other: what must come back.
    let plain: ByteBuffer
    /// With a window that outlives the message, the first lap has nothing to refer to, and every later one the same.
    private let first: Framed
    private let later: Framed

    private struct Framed {
        var bytes = ByteBuffer()
        /// Where each message's frame ends.
        var ends: [Int] = []
    }

    /// - Parameter agreement: `nil` to send uncompressed.
    init(size: Int, isText: Bool, agreement: DeflateAgreement?) {
        // Larger than any window: what lies a lap back is out of a compressor's sight.
        let count = max(4, (256 << 10) / size)
        var text = SampleText(seed: UInt64(size))
        let messages = (0..<count).map { _ in ByteBuffer(bytes: text.message(size: size)) }
        var machine = Machine(role: .client, agreement: agreement, level: 6)
        func framed() -> Framed {
            var lap = Framed()
            for message in messages {
                let rest = machine.write(
                    message, isText: isText, compress: true, maskingKey: .random(in: .min ... .max), into: &lap.bytes)
                precondition(rest == nil, "a client masks, and so copies, all that it sends")
                lap.ends.append(lap.bytes.writerIndex)
            }
            return lap
        }
        self.count = count
        self.size = size
        plain = messages.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        first = framed()
        later = framed()
    }

    /// The frames of messages that follow each other in one lap.
    ///
    /// - Parameter number: How many messages have been sent before, in all laps.
    /// - Returns: Some of up to `limit` messages' frames, and how many it was.
    func frames(from number: Int, limit: Int) -> (bytes: ByteBuffer, count: Int) {
        let lap = number < count ? first : later
        let start = number % count
        let end = min(start + limit, count)
        let lower = start == 0 ? 0 : lap.ends[start - 1]
        var bytes = lap.bytes
        bytes.moveReaderIndex(to: lower)
        bytes.moveWriterIndex(to: lap.ends[end - 1])
        return (bytes, end - start)
    }
}
