import NIOCore
import NIOEmbedded
import Testing

@testable import WebSocketNIO

@Suite struct TunnelNegotiationTests {
    enum Outcome: Equatable {
        /// The tunnel is open, and this came through it already.
        case open(String)
        case failed(String)
        case waits
    }

    /// What comes of an answer, and what was said meanwhile.
    private func outcome(
        _ negotiation: some TunnelNegotiation, _ pieces: [[UInt8]]
    ) -> (outcome: Outcome, said: [[UInt8]]) {
        var negotiation = negotiation
        var bytes = ByteBuffer()
        var said = [Array(negotiation.opening.readableBytesView)]
        for (index, piece) in pieces.enumerated() {
            bytes.writeBytes(piece)
            do throws(TunnelFailure) {
                asking: while true {
                    switch try negotiation.received(&bytes) {
                    case .wait: break asking
                    case .say(let answer): said.append(Array(answer.readableBytesView))
                    case .open:
                        bytes.writeBytes(pieces[(index + 1)...].joined())
                        return (.open(String(buffer: bytes)), said)
                    }
                }
            } catch {
                return (.failed(error.text), said)
            }
        }
        return (.waits, said)
    }

    /// Whole, and a byte at a time.
    private func cuts(_ bytes: [UInt8]) -> [[[UInt8]]] { [[bytes], bytes.map { [$0] }] }

    private func credentials(_ text: Substring, _ kind: Proxy.Kind) throws -> ProxyCredentials {
        try #require(ProxyCredentials(text, for: kind))
    }

    // MARK: CONNECT

    private func connect(_ credentials: ProxyCredentials? = nil) -> ConnectNegotiation {
        ConnectNegotiation(to: "hub.example:7625", credentials: credentials, maxHeadSize: 1024)
    }

    @Test("CONNECT names the server twice, and who asks if that is known")
    func request() throws {
        #expect(
            String(buffer: connect().opening)
                == "CONNECT hub.example:7625 HTTP/1.1\r\nHost: hub.example:7625\r\n\r\n")
        let opening = String(buffer: connect(try credentials("me:hunter2", .http)).opening)
        #expect(opening.hasSuffix("\r\nProxy-Authorization: Basic bWU6aHVudGVyMg==\r\n\r\n"))
    }

    struct Answer: CustomTestStringConvertible {
        let text: String
        let outcome: Outcome

        init(_ text: String, _ outcome: Outcome) {
            self.text = text
            self.outcome = outcome
        }

        var testDescription: String { String(text.prefix(60)) }
    }

    private static let notHTTP = Outcome.failed("does not speak HTTP")
    private static let tooLong = Outcome.failed("does not come to the point")

    static let answers = [
        Answer("HTTP/1.1 200 Connection established\r\n\r\n", .open("")),
        Answer("HTTP/1.0 200\r\n\r\n", .open("")),
        Answer("HTTP/1.1 204 Whatever\nX: y\n\nearly", .open("early")),
        // RFC 9110 §9.3.6: lengths mean nothing here, all that follows came through the tunnel.
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTTP/1.1 500 No\r\n\r\n", .open("HTTP/1.1 500 No\r\n\r\n")),
        Answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hm\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", .open("x")),
        Answer("HTTP/1.1 403 Forbidden\r\n\r\n", .failed("refuses to connect to hub.example:7625: 403 Forbidden")),
        Answer("HTTP/1.1 403\r\n\r\n", .failed("refuses to connect to hub.example:7625: 403")),
        Answer("HTTP/1.1 302 Found\r\n\r\n", .failed("refuses to connect to hub.example:7625: 302 Found")),
        Answer("HTTP/1.1 502 Bad Gateway\r\n\r\n", .failed("cannot connect to hub.example:7625: 502 Bad Gateway")),
        Answer("HTTP/1.1 503 \u{1b}[2J\r\n\r\n", .failed("cannot connect to hub.example:7625: 503 [2J")),
        Answer(
            "HTTP/1.1 407 Authenticate\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
            .failed("wants a user name and password: 407 Authenticate")),
        Answer(
            "HTTP/1.1 407 No\r\nPROXY-authenticate: NTLM\r\nProxy-Authenticate:Negotiate x\r\n\r\n",
            .failed("wants to know who asks by NTLM, Negotiate, and only Basic is spoken here: 407 No")),
        Answer("SSH-2.0-OpenSSH_9.2\r\n", notHTTP),
        Answer("HTTP/2 200 OK\r\n\r\n", notHTTP),
        Answer("HTTP/1.1 twohundred\r\n\r\n", notHTTP),
        Answer("HTTP/1.1\r\n\r\n", notHTTP),
        Answer("HTTP/1.1 099 No\r\n\r\n", notHTTP),
        Answer("\r\n\r\n", notHTTP),
        Answer("HTTP/1.1 200 OK\r\n", .waits),
        Answer("HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 200), tooLong),
        Answer("HTTP/1.1 " + String(repeating: "2", count: 2000), tooLong),
        Answer("HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 2000) + "\r\n\r\n", tooLong),
        Answer(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 50) + "HTTP/1.1 200 OK\r\n\r\n", tooLong),
    ]

    @Test("An answer to CONNECT opens the tunnel or tells why not, however it is cut", arguments: answers)
    func answer(_ answer: Answer) {
        for pieces in cuts(Array(answer.text.utf8)) {
            #expect(outcome(connect(), pieces).outcome == answer.outcome)
        }
    }

    @Test("Who named himself in vain is told so, without the secret")
    func wrongPassword() throws {
        let said = outcome(connect(try credentials("me:hunter2", .http)), [Array("HTTP/1.1 407 No\r\n\r\n".utf8)])
        #expect(said.outcome == .failed("does not accept the user name and password: 407 No"))
    }

    // MARK: SOCKS

    private let bound: [UInt8] = [5, 0, 0, 1, 10, 0, 0, 1, 0x1D, 0xC9]

    @Test(
        "SOCKS is asked by name where there is one, and by address where not",
        arguments: [
            ("hub.example", [3, 11] + Array("hub.example".utf8)), ("127.0.0.1", [1, 127, 0, 0, 1]),
            ("::1", [4] + [UInt8](repeating: 0, count: 15) + [1]),
        ] as [(String, [UInt8])])
    func socksRequest(host: String, address: [UInt8]) {
        for pieces in cuts([5, 0] + bound + Array("early".utf8)) {
            let result = outcome(SOCKSNegotiation(to: host, port: 7625, credentials: nil), pieces)
            #expect(result.outcome == .open("early"))
            #expect(result.said == [[5, 1, 0], [5, 1, 0] + address + [0x1D, 0xC9]])
        }
    }

    @Test("SOCKS is told user name and password if it asks for them")
    func socksPassword() throws {
        let negotiation = SOCKSNegotiation(to: "h", port: 1, credentials: try credentials("me:pw", .socks5))
        for pieces in cuts([5, 2, 1, 0, 5, 0, 0, 3, 2, 0x61, 0x62, 0, 1]) {
            let result = outcome(negotiation, pieces)
            #expect(result.outcome == .open(""))
            #expect(
                result.said == [[5, 2, 0, 2], [1, 2, 0x6D, 0x65, 2, 0x70, 0x77], [5, 1, 0, 3, 1, 0x68, 0, 1]])
        }
        #expect(outcome(negotiation, [[5, 0], bound]).outcome == .open(""))
        #expect(
            outcome(negotiation, [[5, 2], [1, 1]]).outcome == .failed("does not accept the user name and password"))
    }

    @Test(
        "A SOCKS proxy that does otherwise is understood or given up on",
        arguments: [
            ([4], .failed("does not speak SOCKS 5")), (Array("HTTP".utf8), .failed("does not speak SOCKS 5")),
            ([5], .waits), ([5, 0xFF], .failed("wants a user name and password")),
            ([5, 2], .failed("wants a user name and password")), ([5, 0, 4], .failed("does not speak SOCKS 5")),
            ([5, 0, 5, 5], .failed("does not connect to h, port 1: connection refused")),
            ([5, 0, 5, 99], .failed("does not connect to h, port 1: reason 99")),
            ([5, 0, 5, 0, 0, 9, 0], .failed("does not speak SOCKS 5")), ([5, 0, 5, 0, 0, 3, 255], .waits),
        ] as [([UInt8], Outcome)])
    func socksRefusal(bytes: [UInt8], expected: Outcome) {
        for pieces in cuts(bytes) {
            #expect(outcome(SOCKSNegotiation(to: "h", port: 1, credentials: nil), pieces).outcome == expected)
        }
    }

    // MARK: The handler

    private final class Notes {
        var failures: [String] = []
        var opened = 0
    }

    private func channel(_ notes: Notes) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        let handler = TunnelHandler(
            connect(), fail: { notes.failures.append($0) }, opened: { _ in notes.opened += 1 })
        try channel.pipeline.syncOperations.addHandler(handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }?.hasPrefix("CONNECT") == true)
        return channel
    }

    @Test("Bytes right behind the answer go to whoever gets the tunnel, and so does all that follows")
    func early() throws {
        let notes = Notes()
        let channel = try channel(notes)
        try channel.writeInbound(ByteBuffer(string: "HTTP/1.1 200 OK\r\n"))
        #expect(notes.opened == 0)
        try channel.writeInbound(ByteBuffer(string: "\r\nearly"))
        #expect(notes.opened == 1)
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "early"))
        try channel.writeInbound(ByteBuffer(string: "HTTP/1.1 403 Later\r\n\r\n"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "HTTP/1.1 403 Later\r\n\r\n"))
        #expect(throws: (any Error).self) { try channel.pipeline.syncOperations.handler(type: TunnelHandler.self) }
        #expect(try channel.finish().isClean)
        #expect(notes.failures == [])
    }

    @Test("A proxy that closes or fails is reported once, and the connection is gone")
    func ends() throws {
        for answer in [nil, "HTTP/1.1 200 OK\r\n", "HTTP/1.1 500 No\r\n\r\n"] {
            let notes = Notes()
            let channel = try channel(notes)
            if let answer { try channel.writeInbound(ByteBuffer(string: answer)) }
            if channel.isActive { _ = try channel.finish() }
            let isRefused = answer?.contains("500") == true
            #expect(
                notes.failures == [
                    isRefused
                        ? "cannot connect to hub.example:7625: 500 No" : "closed the connection without an answer"
                ])
            #expect(notes.opened == 0)
            #expect(!channel.isActive)
        }
    }
}
