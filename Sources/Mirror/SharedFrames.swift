import NIOCore
import Sync
import Tree
import WebSocket
import Wire

/// Makes the frames of messages that go to many, and keeps those of the feed for a while: who is a little behind is sent
/// the very bytes that those before it were sent, which are encoded, deflated and held in memory once.
final class SharedFrames {
    /// What the bytes of a piece of the feed follow from: a revision is one change, for ever.
    private struct Key: Hashable {
        let through: Revision
        let newest: Revision
        /// Each revision, and what of its content travels along.
        var parts: [UInt64] = []
        let compression: Compression
    }

    private let preparer = MessagePreparer()
    private var frames: [Key: PreparedMessage] = [:]
    /// The keys, the oldest first.
    private var order: [Key] = []
    private var size = 0

    /// - Parameters:
    ///   - limit: How many bytes of frames may be kept.
    ///   - compression: How a message with so many bytes of content is to be compressed.
    func frame(
        of message: Message<ByteBuffer>, keeping limit: Int, compression: (_ bytes: Int) -> Compression
    ) -> PreparedMessage {
        let bytes = message.contentBytes
        guard case .changes(let deliveries, let through, let newest) = message, bytes >= AdaptiveCompression.bulk else {
            return prepare(message, compression(bytes))
        }
        var key = Key(through: through, newest: newest, compression: compression(bytes))
        key.parts = deliveries.map { $0.change.revision.rawValue << 1 | ($0.attachment.bytes == nil ? 0 : 1) }
        if let frame = frames[key] { return frame }
        let frame = prepare(message, key.compression)
        frames[key] = frame
        order.append(key)
        size += frame.messageLength
        while size > limit, order.count > 1 {
            size -= frames.removeValue(forKey: order.removeFirst())?.messageLength ?? 0
        }
        return frame
    }

    /// Nobody is behind.
    func forget() {
        frames = [:]
        order = []
        size = 0
    }

    private func prepare(_ message: Message<ByteBuffer>, _ compression: Compression) -> PreparedMessage {
        let buffer = MessageEncoder().encode(message)
        return preparer.prepare(
            buffer, compress: compression > .none && Deflater.wouldShrink(buffer), level: compression.level)
    }
}
