import NIOCore
import WebSocket

/// The input's first byte: who reads, and what was agreed on.
private struct Setting {
    let role: Role
    let agreement: DeflateAgreement?

    init(_ byte: UInt8) {
        role = byte & 1 == 0 ? .server : .client
        let bits = 8 + Int(byte >> 4) & 7
        let forgets = byte & 4 != 0
        agreement =
            byte & 2 == 0
            ? nil
            : DeflateAgreement(
                serverNoContextTakeover: forgets, clientNoContextTakeover: forgets, serverMaxWindowBits: bits,
                clientMaxWindowBits: bits)
    }

    /// Whether what is taken depends on nothing but the bytes. zlib notices a distance beyond a smaller window than the
    /// format's only where the bytes that it means are no longer in the buffer it writes to.
    var isStrict: Bool { agreement == nil || agreement?.serverMaxWindowBits == 15 }
}

/// Bytes: little enough for an input to reach it.
private let limit = 16 << 10

extension Parser {
    func eatFrames(_ input: [UInt8]) throws {
        guard input.count >= 2 else { return }
        let setting = Setting(input[0])
        let whole = try events(setting, pieces(input[2...], of: 0))
        let cut = try events(setting, pieces(input[2...], of: Int(input[1] % 32)))
        if setting.isStrict {
            try demand(whole.failed == cut.failed, "whole: failed \(whole.failed), in pieces: failed \(cut.failed)")
        }
        let agrees =
            setting.isStrict
            ? whole.events == cut.events : zip(whole.events, cut.events).allSatisfy { $0 == $1 }
        try demand(agrees, "other events in pieces: \(whole.events), \(cut.events)")
    }

    private func events(_ setting: Setting, _ pieces: [ByteBuffer]) throws -> (events: [Event], failed: Bool) {
        var machine = Machine(
            role: setting.role, limits: Limits(maxFrameSize: limit, maxMessageSize: limit),
            agreement: setting.agreement)
        var events: [Event] = []
        var failed = false
        for var piece in pieces {
            do throws(ProtocolError) {
                while let event = try machine.next(from: &piece) { events.append(event) }
                try demandRead(piece)
            } catch {
                guard !failed else { throw Broken("failed twice") }
                failed = true
            }
        }
        for event in events {
            switch event {
            case .message(let message, let isText):
                try demand(message.readableBytes <= limit, "\(message.readableBytes) bytes in a message")
                let isUTF8 = String(validating: message.readableBytesView, as: UTF8.self) != nil
                try demand(!isText || isUTF8, "a text that is not UTF-8")
            case .ping(let payload), .pong(let payload):
                try demand(payload.readableBytes <= 125, "\(payload.readableBytes) bytes in a control frame")
            case .close(let code, _):
                try demand(event == events.last, "something after the close")
                try demand(code?.mayTravel ?? true, "a close with \(String(describing: code))")
            }
        }
        return (events, failed)
    }

    private func demandRead(_ piece: ByteBuffer) throws(ProtocolError) {
        precondition(piece.readableBytes == 0, "nothing more to say, and bytes left")
    }

    func frameSeeds() -> [[UInt8]] {
        let settings: [UInt8] = [0, 1, 2, 3, 6, 0x76, 0x77]
        return settings.map(conversation) + [
            // In fragments, with a ping between them.
            [1, 0, 0x01, 2, 0xc3, 0xa9, 0x89, 1, 0x41, 0x00, 1, 0xf0, 0x80, 3, 0x9f, 0xa7, 0xa6, 0x82, 0],
            [1, 1, 0x82, 126, 0, 126] + [UInt8](repeating: 7, count: 126),
        ]
    }

    private func conversation(_ flags: UInt8) -> [UInt8] {
        let messages = ["", "hello", "żółw 🧦", String(repeating: "abc", count: 100)].map(ByteBuffer.init(string:))
        let setting = Setting(flags)
        let sender: Role = setting.role == .server ? .client : .server
        var machine = Machine(role: sender, agreement: setting.agreement)
        var out = ByteBuffer()
        for (index, message) in messages.enumerated() {
            _ = machine.write(message, isText: index % 2 == 1, compress: true, maskingKey: 0x1234_5678, into: &out)
        }
        machine.writePing(messages[1], maskingKey: 1, into: &out)
        machine.writePong(messages[2], maskingKey: 0, into: &out)
        machine.writeClose(code: .normalClosure, reason: "bye", maskingKey: 0xffff_ffff, into: &out)
        return [flags, 3] + Array(out.readableBytesView)
    }

    func eatDeflated(_ input: [UInt8]) throws {
        guard input.count >= 2 else { return }
        let bits = 8 + Int(input[0] & 7)
        let forgets = input[0] & 8 != 0
        let content = input[2...]
        let whole = try inflated(bits, forgets, pieces(content, of: 0))
        let cut = try inflated(bits, forgets, pieces(content, of: Int(input[1] % 32)))
        if bits == 15 || (whole != nil && cut != nil) {
            try demand(whole == cut, "whole: \(whole.debugDescription), in pieces: \(cut.debugDescription)")
        }
        guard bits > 8, let deflater = Deflater(windowBits: bits, noContextTakeover: forgets) else { return }
        var packed = ByteBuffer()
        content.withUnsafeBytes { deflater.deflate($0, into: &packed) }
        let back = try inflated(bits, forgets, [packed], limit: content.count)
        try demand(back.map { Array($0.readableBytesView) } == Array(content), "another content came back")
    }

    /// - Returns: What the pieces of one message, and the same message again, inflate to; nil if they are refused.
    private func inflated(
        _ bits: Int, _ forgets: Bool, _ pieces: [ByteBuffer], limit: Int = limit
    ) throws -> ByteBuffer? {
        guard let inflater = Inflater(windowBits: bits, noContextTakeover: forgets) else { throw Broken("no inflater") }
        var first: ByteBuffer?
        for _ in 0..<2 {
            var out = ByteBuffer()
            do throws(ProtocolError) {
                for piece in pieces {
                    let room = limit - out.readableBytes
                    try piece.withUnsafeReadableBytes { (raw) throws(ProtocolError) in
                        try inflater.inflate(raw, into: &out, limit: room)
                    }
                }
                try inflater.finish(into: &out, limit: limit - out.readableBytes)
            } catch {
                return first
            }
            try demand(out.readableBytes <= limit, "\(out.readableBytes) bytes of \(limit)")
            first = first ?? out
        }
        return first
    }

    func deflatedSeeds() throws -> [[UInt8]] {
        let texts = [
            [], Array("hello".utf8), Array(repeating: 0, count: 20_000), (0..<255).map { UInt8($0) },
            Array(String(repeating: "to be or not to be, ", count: 40).utf8),
        ]
        return try [9, 15].flatMap { bits in
            try texts.map { text in
                guard let deflater = Deflater(windowBits: bits, noContextTakeover: true) else {
                    throw Broken("no deflater")
                }
                var packed = ByteBuffer()
                text.withUnsafeBytes { deflater.deflate($0, into: &packed) }
                return [UInt8(bits - 8), 5] + Array(packed.readableBytesView)
            }
        } + [
            // Stored, with fixed codes and final.
            [7, 1, 0x00, 3, 0, 0xfc, 0xff, 0x61, 0x62, 0x63, 0x00],
            [7, 0, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        ]
    }

    func eatExtensions(_ input: [UInt8]) throws {
        let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        _ = ExtensionHeader.parse(lines)
        for settings in [DeflateSettings(), DeflateSettings(serverMaxWindowBits: 9, clientMaxWindowBits: 10)] {
            _ = try? settings.confirm(answers: lines)
            guard let (agreement, answer) = settings.accept(offers: lines) else { continue }
            try demand(9...15 ~= agreement.serverMaxWindowBits, "\(agreement)")
            try demand(8...15 ~= agreement.clientMaxWindowBits, "\(agreement)")
            let elements = ExtensionHeader.parse([answer])
            try demand(elements.count == 1 && elements[0]?.name == "permessage-deflate", "an answer like \(answer)")
        }
    }

    func extensionSeeds() -> [[UInt8]] {
        [
            "permessage-deflate", "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=\"12\", permessage-deflate",
            "a; b=\"c\\\"d\", x-webkit-deflate-frame\npermessage-deflate;client_max_window_bits=8",
        ].map { Array($0.utf8) }
    }
}
