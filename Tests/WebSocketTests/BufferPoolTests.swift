import NIOCore
import Testing

@testable import WebSocket

@Suite("Buffer pool")
struct BufferPoolTests {
    private func address(_ buffer: ByteBuffer) -> UnsafeRawPointer? {
        buffer.withUnsafeReadableBytes { $0.baseAddress }
    }

    @Test("A buffer is used again once nobody else has it, and not before")
    func again() {
        let pool = BufferPool()
        var owned: ByteBuffer? = pool.take(1000)
        owned?.writeString("kept")
        let first = owned.flatMap(address)
        if let owned { pool.keep(owned) }

        let other = pool.take(1000)
        #expect(address(other) != first)
        #expect(owned.map(String.init(buffer:)) == "kept")

        owned = nil
        let again = pool.take(600)
        #expect(address(again) == first)
        #expect(again.readableBytes == 0)
    }

    @Test("A slice keeps its buffer from being used again")
    func slice() {
        let pool = BufferPool()
        var whole: ByteBuffer? = pool.take(100)
        whole?.writeString("two words")
        let word = whole?.getSlice(at: 4, length: 5)
        if let whole { pool.keep(whole) }
        whole = nil
        var next = pool.take(100)
        next.writeString("something else")
        #expect(word.map(String.init(buffer:)) == "words")
    }

    @Test(
        "What is taken is as large as asked for, and not twice as large",
        arguments: [64, 65, 1000, 4096, 65_537, 262_144])
    func sizes(capacity: Int) {
        let pool = BufferPool()
        for size in [64, 128, 1024, 4096, 8192, 131_072, 262_144, 1 << 20] {
            pool.keep(ByteBufferAllocator().buffer(capacity: size))
        }
        let taken = pool.take(capacity)
        #expect(taken.storageCapacity >= capacity)
        #expect(taken.storageCapacity < 2 * capacity)
    }

    @Test("Messages that nobody keeps share their memory; one that is kept stays as it is", arguments: [false, true])
    func messages(compress: Bool) throws {
        let agreement = compress ? DeflateAgreement() : nil
        let pool = BufferPool()
        var sender = Machine(role: .client, agreement: agreement)
        var receiver = Machine(role: .server, agreement: agreement)
        var kept: [(message: ByteBuffer, expected: String)] = []
        for number in 0..<200 {
            let text = String(repeating: "message \(number) ", count: 1 + number % 50)
            var bytes = ByteBuffer()
            _ = sender.write(
                ByteBuffer(string: text), isText: true, compress: compress, maskingKey: 0x0102_0304, buffers: pool,
                into: &bytes)
            let event = try receiver.next(from: &bytes, buffers: pool)
            #expect(event == .message(ByteBuffer(string: text), isText: true))
            if case .message(let message, _)? = event, number.isMultiple(of: 7) { kept.append((message, text)) }
        }
        for (message, expected) in kept { #expect(String(buffer: message) == expected) }
    }
}
