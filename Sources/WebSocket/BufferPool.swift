package import NIOCore

/// Buffers that are used again once nobody else holds them, so that a steady stream of messages allocates nothing.
///
/// A buffer that is handed out is kept here too, and counts as free as soon as this is the only place that has it:
/// nobody gives anything back, and whoever holds on to a message just keeps it. Sizes are powers of two, as ByteBuffer
/// makes them, so that a small message never sits in a large buffer. What the pool itself holds is bounded, however many
/// connections share it. Use it from one thread at a time.
package final class BufferPool {
    private static let smallest = 6
    private static let largest = 18
    private static let slotsOfSize = 4

    /// The slots of one size after those of another; an empty slot has a buffer without capacity. Raw memory, because
    /// this is looked through twice for each message.
    private let slots: UnsafeMutableBufferPointer<ByteBuffer>
    private var victim = 0

    package init() {
        slots = .allocate(capacity: (Self.largest - Self.smallest + 1) * Self.slotsOfSize)
        slots.initialize(repeating: ByteBuffer())
    }

    deinit {
        slots.deinitialize()
        slots.deallocate()
    }

    /// - Returns: An empty buffer with at least this capacity, and less than twice of it.
    package func take(_ capacity: Int) -> ByteBuffer {
        takeUsed(capacity) ?? ByteBufferAllocator().buffer(capacity: max(capacity, 1 << Self.smallest))
    }

    /// - Returns: As ``take(_:)``, but `nil` if there is none that has served before.
    func takeUsed(_ capacity: Int) -> ByteBuffer? {
        guard let range = Self.slots(for: capacity) else { return nil }
        for slot in range where slots[slot].modifyIfUniquelyOwned({ $0.clear() }) != nil {
            var free = ByteBuffer()
            swap(&free, &slots[slot])
            return free
        }
        return nil
    }

    /// Notes a buffer that somebody else is going to have for a while.
    package func keep(_ buffer: ByteBuffer) {
        guard let range = Self.slots(for: buffer.storageCapacity) else { return }
        for slot in range where slots[slot].storageCapacity == 0 {
            slots[slot] = buffer
            return
        }
        // All are in use, perhaps for long: one of them is let go.
        victim = (victim + 1) % Self.slotsOfSize
        slots[range.lowerBound + victim] = buffer
    }

    private static func slots(for capacity: Int) -> Range<Int>? {
        guard capacity > 0 else { return nil }
        let size = max(smallest, Int.bitWidth - (capacity - 1).leadingZeroBitCount)
        guard size <= largest else { return nil }
        let start = (size - smallest) * slotsOfSize
        return start..<start + slotsOfSize
    }
}
