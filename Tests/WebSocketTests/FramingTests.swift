import NIOCore
import Testing

@testable import WebSocket

@Suite struct FramingTests {
    @Test(
        "A header survives writing and reading at every length's edge",
        arguments: [0, 1, 125, 126, 127, 0xFFFF, 0x10000, 1 << 40, Int.max])
    func headerRoundTrip(length: Int) throws {
        for key: UInt32? in [nil, 0, 0xDEAD_BEEF] {
            let header = FrameHeader(
                isFinal: false, isCompressed: true, opcode: .text, maskingKey: key, payloadLength: length)
            var out = ByteBuffer()
            header.write(into: &out)
            for cut in 0..<out.readableBytes {
                let early = try out.array[..<cut].withUnsafeBytes { try FrameHeader.parse($0) }
                #expect(early == nil, "\(cut) bytes are not enough")
            }
            let read = try out.array.withUnsafeBytes { try FrameHeader.parse($0) }
            #expect(read?.header == header)
            #expect(read?.length == out.readableBytes)
        }
    }

    @Test("A conversation reads the same however its bytes are cut", arguments: [Role.client, .server])
    func everySplit(role: Role) throws {
        let masked = role == .server
        let long = [UInt8](repeating: 0x61, count: 9000)
        let bytes =
            frame(0x81, Array("héllo".utf8), masked: masked) + frame(0x02, [1, 2], masked: masked)
            + frame(0x89, [9], masked: masked) + frame(0x00, [3], masked: masked) + frame(0x8A, masked: masked)
            + frame(0x80, [], masked: masked) + frame(0x82, long, masked: masked) + frame(0x81, masked: masked)
            + frame(0x88, [0x03, 0xE8, 0x62], masked: masked)
        let expected: [Event] = [
            .message(ByteBuffer(string: "héllo"), isText: true), .ping(ByteBuffer(bytes: [9])), .pong(ByteBuffer()),
            .message(ByteBuffer(bytes: [1, 2, 3]), isText: false), .message(ByteBuffer(bytes: long), isText: false),
            .message(ByteBuffer(), isText: true), .close(code: .normalClosure, reason: "b"),
        ]
        for step in [1, 2, 3, 5, 7, 13, 100, 8999, .max] {
            var machine = Machine(role: role)
            #expect(try machine.events(bytes, step: step) == expected, "in pieces of \(step)")
        }
        for cut in 1..<200 {
            var machine = Machine(role: role)
            let first = try machine.events(Array(bytes[..<cut]))
            #expect(try first + machine.events(Array(bytes[cut...])) == expected, "cut at \(cut)")
        }
    }

    struct Offence: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        var code = CloseCode.protocolError
        var role = Role.server
    }

    static let offences: [Offence] = [
        Offence(testDescription: "a client's frame without a mask", bytes: frame(0x82, [1], masked: false)),
        Offence(testDescription: "a server's frame with a mask", bytes: frame(0x82, [1]), role: .client),
        Offence(testDescription: "reserved bit 1 without compression", bytes: frame(0xC1, [1])),
        Offence(testDescription: "reserved bit 2", bytes: [0xA1]),
        Offence(testDescription: "reserved bit 3", bytes: [0x91]),
        Offence(testDescription: "reserved opcode 3", bytes: [0x83]),
        Offence(testDescription: "reserved opcode 15", bytes: [0x8F]),
        Offence(testDescription: "a fragmented ping", bytes: [0x09]),
        Offence(testDescription: "a ping of 126 bytes", bytes: [0x89, 0xFE]),
        Offence(testDescription: "a continuation of nothing", bytes: frame(0x80, [1])),
        Offence(testDescription: "a message inside another", bytes: frame(0x01, [0x61]) + frame(0x81, [0x61])),
        Offence(testDescription: "125 in two bytes", bytes: [0x82, 0xFE, 0x00, 0x7D]),
        Offence(testDescription: "65535 in eight bytes", bytes: [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]),
        Offence(testDescription: "a length with the top bit", bytes: [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        Offence(testDescription: "a frame over the limit", bytes: frame(0x82, length: 2001), code: .messageTooBig),
        Offence(
            testDescription: "fragments over the limit",
            bytes: frame(0x02, [UInt8](repeating: 0, count: 900)) + frame(0x00, length: 200), code: .messageTooBig),
        Offence(testDescription: "text that is not UTF-8", bytes: frame(0x81, [0xC0]), code: .invalidPayload),
        Offence(testDescription: "text cut inside a character", bytes: frame(0x81, [0xC3]), code: .invalidPayload),
        Offence(
            testDescription: "bad text at the start of a frame that has not all come",
            bytes: frame(0x81, [0xED, 0xA0], length: 100), code: .invalidPayload),
        Offence(testDescription: "a close of one byte", bytes: frame(0x88, [3])),
        Offence(testDescription: "a close with code 1005", bytes: frame(0x88, [0x03, 0xED])),
        Offence(
            testDescription: "a close reason that is not UTF-8", bytes: frame(0x88, [0x03, 0xE8, 0xFF]),
            code: .invalidPayload),
    ]

    @Test("Each broken rule is found at the first byte that shows it, and once", arguments: offences)
    func offence(_ offence: Offence) {
        for step in [1, .max] {
            var machine = Machine(role: offence.role, limits: Limits(maxFrameSize: 2000, maxMessageSize: 1000))
            #expect {
                try machine.events(offence.bytes, step: step)
            } throws: { error in
                (error as? ProtocolError)?.closeCode == offence.code
            }
            #expect((try? machine.events(frame(0x82, [1]))) == [], "nothing is read after a broken rule")
        }
    }

    @Test("65,536 fragments of one message are one message")
    func manyFragments() throws {
        var machine = Machine(role: .server)
        let bytes = frame(0x02, [7]) + Array(repeatElement(frame(0x00, [7]), count: 65_534).joined()) + frame(0x80, [7])
        let expected = ByteBuffer(bytes: [UInt8](repeating: 7, count: 65_536))
        #expect(try machine.events(bytes, step: 4096) == [.message(expected, isText: false)])
    }

    @Test("What one role writes the other reads", arguments: [0, 1, 125, 126, 8191, 8192, 65_535, 65_536, 300_000])
    func roundTrip(length: Int) throws {
        let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for role in [Role.client, .server] {
            var sender = Machine(role: role)
            var receiver = Machine(role: role == .client ? .server : .client)
            let bytes = sender.bytes(message)
            #expect(try receiver.events(bytes, step: 1000) == [.message(ByteBuffer(bytes: message), isText: false)])
        }
    }

    @Test("A header that lies about its length reserves little")
    func noTrustInLengths() throws {
        var assembler = MessageAssembler(limit: 1 << 30)
        try assembler.begin(
            FrameHeader(opcode: .binary, maskingKey: 1, payloadLength: 1 << 29), mayCompress: false)
        try withUnsafeBytes(of: UInt8(7)) { (byte) throws(ProtocolError) in
            try assembler.append(byte, key: 1, offset: 0, inflater: nil, buffers: BufferPool())
        }
        #expect(assembler.capacity <= 128 << 10)
    }
}
