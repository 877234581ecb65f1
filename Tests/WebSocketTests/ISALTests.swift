#if ISAL
import CISAL
import NIOCore
import TestSupport
import Testing

@testable import WebSocket

/// What the tests of every engine do not say of this one.
@Suite struct ISALTests {
    @Test("Builds with the trait deflate with ISA-L, but for the levels that it lacks")
    func preferred() {
        #expect(DeflateEngine.preferred == .isal)
        #expect((1...9).map(DeflateEngine.isal.engine) == [.isal, .isal, .isal] + Array(repeating: .zlib, count: 6))
        #expect((1...9).map(DeflateEngine.zlib.engine) == Array(repeating: .zlib, count: 9))
        #expect(ISALStream(windowBits: 15, level: 0) == nil)
        #expect(ISALStream(windowBits: 15, level: 4) == nil)
    }

    @Test(
        "Each engine's messages come back from the other's inflater, with takeover", arguments: DeflateEngine.allCases)
    func crosswise(engine: DeflateEngine) throws {
        let deflater = try #require(Deflater(windowBits: 15, noContextTakeover: false, engine: engine))
        let zlib = try #require(Inflater(windowBits: 15, noContextTakeover: false))
        let isal = ISALInflater()
        var random = SeededRandom(seed: 8)
        let words = (0..<50).map { _ in random.bytes(6) }
        for round in 0..<330 {
            let length = Int(random.next() % (round % 20 == 0 ? 40_000 : 300))
            let message = (0..<length).flatMap { index in
                index % 10 == 0 ? random.bytes(3) : words[Int(random.next() % 50)]
            }
            var packed = ByteBuffer()
            message.withUnsafeBytes { deflater.deflate($0, into: &packed) }
            var back = ByteBuffer()
            try packed.withUnsafeReadableBytes { try zlib.inflate($0, into: &back, limit: 1 << 20) }
            try zlib.finish(into: &back, limit: 0)
            #expect(back.array == message, "message \(round), by zlib")
            #expect(isal.inflate(packed.array + [0, 0, 0xFF, 0xFF]) == message, "message \(round), by ISA-L")
        }
    }

    @Test("A stream begins anew before ISA-L's count of bytes runs over, between messages and inside one")
    func longStreams() throws {
        let stream = try #require(ISALStream(windowBits: 15, level: 1, longest: 10_000))
        let inflater = try #require(Inflater(windowBits: 15, noContextTakeover: false))
        var random = SeededRandom(seed: 9)
        let words = (0..<50).map { _ in random.bytes(6) }
        for length in [500, 500, 500, 500, 20_000, 1, 1666, 1667, 100_000, 1] {
            let message = (0..<length).flatMap { _ in words[Int(random.next() % 50)] }
            var packed = ByteBuffer()
            message.withUnsafeBytes { stream.deflate($0, level: 1, into: &packed) }
            var back = ByteBuffer()
            try packed.withUnsafeReadableBytes { try inflater.inflate($0, into: &back, limit: 1 << 20) }
            #expect(back.array == message, "\(length)")
        }
    }
}

/// ISA-L's own inflater, which nosocks does not use: zlib's keeps a sender to its window.
private final class ISALInflater {
    private let state: UnsafeMutablePointer<inflate_state>

    init() {
        state = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<inflate_state>.size, alignment: 64)
            .bindMemory(to: inflate_state.self, capacity: 1)
        isal_inflate_init(state)
    }

    deinit {
        state.deallocate()
    }

    func inflate(_ bytes: [UInt8]) -> [UInt8]? {
        var input = bytes
        var result: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1000)
        return input.withUnsafeMutableBufferPointer { input in
            state.pointee.next_in = input.baseAddress
            state.pointee.avail_in = UInt32(input.count)
            while true {
                let (status, made) = room.withUnsafeMutableBufferPointer { room in
                    state.pointee.next_out = room.baseAddress
                    state.pointee.avail_out = UInt32(room.count)
                    let status = isal_inflate(state)
                    return (status, room.count - Int(state.pointee.avail_out))
                }
                guard status == ISAL_DECOMP_OK else { return nil }
                result += room.prefix(made)
                if state.pointee.avail_in == 0 && made < room.count { return result }
            }
        }
    }
}
#endif
