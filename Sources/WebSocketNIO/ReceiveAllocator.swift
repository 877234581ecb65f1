import NIOCore
import WebSocket

/// Sizes the receive buffers: 4 KiB, reused for the life of the connection, while little comes; up to 256 KiB, shared
/// by all connections of the event loop, while reads fill them. NIO's own adaptive allocator stops at 64 KiB and keeps
/// the largest buffer it ever had for each connection.
struct ReceiveAllocator: RecvByteBufferAllocator {
    private static let smallest = 4 << 10
    private static let largest = 256 << 10
    private static let step = 8

    private var size = Self.smallest

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        size == Self.smallest ? allocator.buffer(capacity: size) : LoopShare.current.buffers.take(size)
    }

    /// What was read has been dealt with. The channel must be alone with a buffer while it reads into it, and so the
    /// pool hears of it only now.
    static func giveBack(_ buffer: ByteBuffer, to buffers: BufferPool) {
        if buffer.storageCapacity > smallest { buffers.keep(buffer) }
    }

    /// Naming a size is what makes the channel reuse the buffer that it keeps.
    func nextBufferSize() -> Int? {
        size == Self.smallest ? size : nil
    }

    mutating func record(actualReadBytes: Int) -> Bool {
        if actualReadBytes >= size {
            size = min(size * Self.step, Self.largest)
        } else if actualReadBytes < size / Self.step {
            size = max(size / Self.step, Self.smallest)
        }
        return size > Self.smallest
    }
}
