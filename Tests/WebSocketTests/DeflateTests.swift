import NIOCore
import TestSupport
import Testing

@testable import WebSocket

@Suite struct DeflateTests {
    private func deflate(_ deflater: Deflater, _ message: [UInt8], level: Int? = nil) -> [UInt8] {
        var out = ByteBuffer()
        message.withUnsafeBytes { deflater.deflate($0, level: level, into: &out) }
        return out.array
    }

    private func inflate(
        _ inflater: Inflater, _ bytes: [UInt8], step: Int = .max, limit: Int = 1 << 24
    ) throws(ProtocolError) -> [UInt8] {
        var out = ByteBuffer()
        var start = 0
        while start < bytes.count {
            let end = step > bytes.count - start ? bytes.count : start + step
            let piece = ByteBuffer(bytes: bytes[start..<end])
            let result = piece.withUnsafeReadableBytes { bytes in
                Result { () throws(ProtocolError) in
                    try inflater.inflate(bytes, into: &out, limit: limit - out.readableBytes)
                }
            }
            try result.get()
            start = end
        }
        try inflater.finish(into: &out, limit: limit - out.readableBytes)
        return out.array
    }

    @Test("Messages come back, with and without takeover, for every window", arguments: DeflateEngine.allCases, 9...15)
    func roundTrips(engine: DeflateEngine, windowBits: Int) throws {
        for forgets in [false, true] {
            let deflater = try #require(
                Deflater(windowBits: windowBits, noContextTakeover: forgets, engine: engine))
            let inflater = try #require(Inflater(windowBits: windowBits, noContextTakeover: forgets))
            var random = SeededRandom(seed: UInt64(windowBits))
            let messages: [[UInt8]] = [
                Array("hello, hello, hello".utf8), [], [], Array("hello, hello, hello".utf8), [0], random.bytes(70_000),
                [UInt8](repeating: 5, count: 500_000), (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }, [],
            ]
            for (index, message) in messages.enumerated() {
                let packed = deflate(deflater, message)
                #expect(packed.suffix(4) != [0, 0, 0xFF, 0xFF])
                #expect(try inflate(inflater, packed, step: index % 2 == 0 ? .max : 3) == message, "message \(index)")
            }
        }
    }

    @Test(
        "Messages come back, however hard each is compressed, and harder makes them smaller",
        arguments: DeflateEngine.allCases, [false, true])
    func levels(engine: DeflateEngine, forgets: Bool) throws {
        let deflater = try #require(Deflater(windowBits: 15, noContextTakeover: forgets, engine: engine))
        let inflater = try #require(Inflater(windowBits: 15, noContextTakeover: forgets))
        var random = SeededRandom(seed: 6)
        var sizes: [Int?: Int] = [:]
        for round in 0..<60 {
            let level = [nil, 6, 9, 1, 2, 3][round % 6]
            let words = (0..<20).map { _ in random.bytes(7) }
            let message = (0..<2000).flatMap { _ in words[Int(random.next() % 20)] } + random.bytes(round % 3)
            let packed = deflate(deflater, message, level: level)
            sizes[level, default: 0] += packed.count
            #expect(try inflate(inflater, packed) == message, "message \(round)")
        }
        #expect(try #require(sizes[6]) < #require(sizes[1]))
    }

    @Test(
        "Takeover makes a repeated message tiny; without it both are the same bytes", arguments: DeflateEngine.allCases)
    func takeover(engine: DeflateEngine) throws {
        var random = SeededRandom(seed: 1)
        let message = random.bytes(1000)
        let keeping = try #require(Deflater(windowBits: 15, noContextTakeover: false, engine: engine))
        #expect(deflate(keeping, message).count > 1000)
        #expect(deflate(keeping, message).count < 50)
        let forgetting = try #require(Deflater(windowBits: 15, noContextTakeover: true, engine: engine))
        #expect(deflate(forgetting, message) == deflate(forgetting, message))
    }

    @Test("RFC 7692's examples inflate: shared window, stored block, final block, two blocks")
    func rfcExamples() throws {
        let inflater = try #require(Inflater(windowBits: 15, noContextTakeover: false))
        let hello = Array("Hello".utf8)
        let examples: [[UInt8]] = [
            [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            [0xf2, 0x00, 0x11, 0x00, 0x00],
            [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            // After a final block the window is still the old one.
            [0xf2, 0x00, 0x11, 0x00, 0x00],
            [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
            // A final block that ends the message, without the byte that the RFC adds.
            [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        ]
        for (index, example) in examples.enumerated() {
            for step in [1, .max] where step == .max || index == 3 {
                #expect(try inflate(inflater, example, step: step) == hello, "example \(index)")
            }
        }
        #expect(try inflate(inflater, [0x00]) == [])
    }

    @Test("A bomb is stopped at the limit, and no more than that is ever inflated")
    func bomb() throws {
        let deflater = try #require(Deflater(windowBits: 15, noContextTakeover: false))
        let packed = deflate(deflater, [UInt8](repeating: 0, count: 1 << 20))
        for limit in [0, 1, 1000, (1 << 20) - 1] {
            let inflater = try #require(Inflater(windowBits: 15, noContextTakeover: false))
            var out = ByteBuffer()
            let error = packed.withUnsafeBytes { bytes in
                #expect(throws: ProtocolError.self) { try inflater.inflate(bytes, into: &out, limit: limit) }
            }
            #expect(error?.closeCode == .messageTooBig)
            #expect(out.readableBytes <= limit)
        }
        let inflater = try #require(Inflater(windowBits: 15, noContextTakeover: false))
        #expect(try inflate(inflater, packed, limit: 1 << 20).count == 1 << 20, "the limit itself is allowed")
    }

    @Test(
        "Who promised to forget and refers back, or to a smaller window and reaches beyond it, gets 1007",
        arguments: DeflateEngine.allCases)
    func brokenPromises(engine: DeflateEngine) throws {
        var random = SeededRandom(seed: 3)
        let block = random.bytes(600)
        let keeping = try #require(Deflater(windowBits: 15, noContextTakeover: false, engine: engine))
        let first = deflate(keeping, block)
        let second = deflate(keeping, block)
        let forgetting = try #require(Inflater(windowBits: 15, noContextTakeover: true))
        #expect(try inflate(forgetting, first) == block)
        #expect(throws: ProtocolError.self) { try inflate(forgetting, second) }

        // 20,000 bytes lie between the two, and 512 were promised to be looked back at.
        let far = block + [UInt8](repeating: 0, count: 20_000) + block
        let wide = try #require(Deflater(windowBits: 15, noContextTakeover: true, engine: engine))
        let narrow = try #require(Inflater(windowBits: 9, noContextTakeover: true))
        #expect(throws: ProtocolError.self) { try inflate(narrow, deflate(wide, far), step: 1000) }
    }

    @Test("Bytes that are not deflate, or stop inside a block, are 1007")
    func garbage() throws {
        for bytes: [UInt8] in [[0xFF, 0xFF, 0xFF], [0x07], [0xf2, 0x48, 0xcd], [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48]] {
            let inflater = try #require(Inflater(windowBits: 15, noContextTakeover: false))
            #expect {
                try inflate(inflater, bytes)
            } throws: { error in
                (error as? ProtocolError)?.closeCode == .invalidPayload
            }
        }
    }

    @Test("A bomb over a connection is 1009, in one frame or in many")
    func bombOverConnection() throws {
        let agreement = DeflateAgreement()
        var client = Machine(role: .client, agreement: agreement)
        let bytes = client.bytes([UInt8](repeating: 0, count: 1 << 20), compress: true)
        for step in [1, 100, .max] {
            var server = Machine(role: .server, limits: Limits(maxMessageSize: 1 << 19), agreement: agreement)
            #expect {
                try server.events(bytes, step: step)
            } throws: { error in
                (error as? ProtocolError)?.closeCode == .messageTooBig
            }
        }
    }

    @Test("Compressed text in fragments, with a ping between them, is one message")
    func fragments() throws {
        let deflater = try #require(Deflater(windowBits: 15, noContextTakeover: false))
        let packed = deflate(deflater, Array("déjà vu, déjà vu".utf8))
        var server = Machine(role: .server, agreement: DeflateAgreement())
        let bytes =
            frame(0x41, Array(packed[..<3])) + frame(0x89) + frame(0x00) + frame(0x80, Array(packed[3...]))
        let expected: [Event] = [
            .ping(ByteBuffer()), .message(ByteBuffer(string: "déjà vu, déjà vu"), isText: true),
        ]
        #expect(try server.events(bytes, step: 1) == expected)
    }

    @Test("The compression bit belongs on a message's first frame only")
    func misplacedBit() {
        for bytes in [frame(0x02) + frame(0xC0), frame(0xC9), frame(0xC8)] {
            var server = Machine(role: .server, agreement: DeflateAgreement())
            #expect {
                try server.events(bytes)
            } throws: { error in
                (error as? ProtocolError)?.closeCode == .protocolError
            }
        }
    }

    @Test("A client told to keep to 8 bits sends uncompressed, as zlib cannot")
    func eightBits() throws {
        let agreement = DeflateAgreement(clientMaxWindowBits: 8)
        var client = Machine(role: .client, agreement: agreement)
        var server = Machine(role: .server, agreement: agreement)
        let bytes = client.bytes([UInt8](repeating: 1, count: 100), compress: true)
        #expect(bytes[0] == 0x82)
        #expect(try server.events(bytes).count == 1)
        for engine in DeflateEngine.allCases {
            #expect(Deflater(windowBits: 8, noContextTakeover: false, engine: engine) == nil)
        }
    }

    @Test("A prepared message is one frame, and each client gets the form that it can read")
    func prepared() throws {
        let preparer = MessagePreparer()
        let message = ByteBuffer(bytes: [UInt8](repeating: 0x61, count: 5000))
        let prepared = preparer.prepare(message, isText: true, compress: true)
        let table: [(DeflateAgreement?, isCompressed: Bool)] = [
            (nil, false),
            (DeflateAgreement(serverNoContextTakeover: true), true),
            (DeflateAgreement(serverNoContextTakeover: true, clientMaxWindowBits: 9), true),
            (DeflateAgreement(serverNoContextTakeover: true, serverMaxWindowBits: 14), false),
            // With takeover, the next message may refer to this one, which our own deflater has not seen.
            (DeflateAgreement(serverNoContextTakeover: false), false),
        ]
        for (agreement, isCompressed) in table {
            let frame = prepared.frame(for: agreement)
            #expect((frame.readableBytes < 100) == isCompressed, "\(agreement as Any)")
            var client = Machine(role: .client, agreement: agreement)
            #expect(try client.events(frame.array) == [.message(message, isText: true)])
        }
        let random = SeededBytes.random(5000)
        #expect(
            preparer.prepare(random, compress: true).frame(for: DeflateAgreement(serverNoContextTakeover: true))
                .readableBytes == 5004)
    }

    @Test("Several prepared messages are frames in a row, each of them compressed only where it comes out smaller")
    func preparedSeveral() throws {
        let messages = [
            ByteBuffer(bytes: [UInt8](repeating: 0x61, count: 5000)), SeededBytes.random(100), ByteBuffer(),
        ]
        let prepared = MessagePreparer().prepare(messages, compress: true)
        #expect(prepared.messageLength == 5100)
        let agreement = DeflateAgreement(serverNoContextTakeover: true)
        let first = MessagePreparer().prepare(messages[0], compress: true).frame(for: agreement).readableBytes
        for (agreement, length) in [(nil, 5004 + 102 + 2), (agreement, first + 102 + 2)] {
            let frames = prepared.frame(for: agreement)
            #expect(frames.readableBytes == length)
            var client = Machine(role: .client, agreement: agreement)
            #expect(try client.events(frames.array) == messages.map { .message($0, isText: false) })
        }
        let plain = MessagePreparer().prepare(messages, compress: false)
        #expect(plain.frame(for: agreement).readableBytes == 5004 + 102 + 2)
    }

    @Test("Text would shrink; what is packed or random would not")
    func wouldShrink() {
        #expect(Deflater.wouldShrink(ByteBuffer(string: String(repeating: "let x = 1\n", count: 100))))
        #expect(!Deflater.wouldShrink(SeededBytes.random(4096)))
        #expect(!Deflater.wouldShrink(SeededBytes.random(1 << 20)))
        #expect(!Deflater.wouldShrink(ByteBuffer(bytes: [0x1F, 0x8B, 0x08] + [UInt8](repeating: 0, count: 100))))
        #expect(!Deflater.wouldShrink(ByteBuffer(bytes: [0xFF, 0xD8, 0xFF] + [UInt8](repeating: 0, count: 100))))
        #expect(!Deflater.wouldShrink(ByteBuffer()))
        var mixed = SeededBytes.random(1000)
        mixed.writeRepeatingByte(0, count: 3000)
        #expect(Deflater.wouldShrink(mixed))
    }
}

enum SeededBytes {
    static func random(_ count: Int) -> ByteBuffer {
        var random = SeededRandom(seed: 7)
        return ByteBuffer(bytes: random.bytes(count))
    }
}
