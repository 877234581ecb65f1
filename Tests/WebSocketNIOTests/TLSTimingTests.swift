import NIOCore
import NIOEmbedded
import NIOSSL
import Testing
import WebSocket

@testable import WebSocketNIO

/// Two ends of one TLS connection. Bytes travel, and time passes, only when a test says so.
@Suite struct TLSTimingTests {
    private final class Pair {
        let server = EmbeddedChannel()
        let client = EmbeddedChannel()
        let (serverSide, clientSide) = (Recorder(), Recorder())

        init() throws {
            let identity = try ServerIdentity.selfSigned(for: [])
            let outcome = client.eventLoop.makePromise(of: WebSocketConnection.self)
            let session = try ClientTLSSession(.pin(identity.pin), to: .host("hub.example", port: 1))
            try server.pipeline.syncOperations.addHandlers(ServerTLS(identity).makeHandlers())
            try session.install(in: client) { outcome.fail($0) }
            outcome.fail(ChannelError.eof)
            for channel in [server, client] {
                channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
            }
            try exchange()
            for (channel, role, recorder) in [(server, Role.server, serverSide), (client, .client, clientSide)] {
                try UpgradedChannel.install(
                    in: channel, role: role, agreement: nil, subprotocol: nil,
                    configuration: WebSocketConfiguration(), owner: recorder
                ).start()
            }
        }

        /// Carries bytes to and fro until both have said all, or one is gone.
        func exchange() throws {
            while try carry(from: client, to: server) || carry(from: server, to: client) {}
        }

        /// - Returns: Whether there was anything.
        @discardableResult
        func carry(from: EmbeddedChannel, to: EmbeddedChannel) throws -> Bool {
            from.embeddedEventLoop.run()
            var isAnything = false
            while let bytes = try from.readOutbound(as: ByteBuffer.self) {
                // No socket ever delivers nothing, and TLS takes it for the end.
                guard bytes.readableBytes > 0 else { continue }
                isAnything = true
                if to.isActive { try to.writeInbound(bytes) }
            }
            return isAnything
        }
    }

    @Test("The closing handshake takes no waiting, whoever starts it", arguments: [Role.client, .server])
    func closing(starter: Role) throws {
        let pair = try Pair()
        let recorder = starter == .client ? pair.clientSide : pair.serverSide
        try #require(recorder.connection).close(code: CloseCode(rawValue: 4321))
        try pair.exchange()
        for recorder in [pair.serverSide, pair.clientSide] {
            #expect(recorder.ending?.code == CloseCode(rawValue: 4321))
            #expect(recorder.ending?.error == nil)
        }
        #expect(!pair.server.isActive)
        #expect(!pair.client.isActive)
    }

    @Test("After the closing handshake a server waits less than a second for TLS's goodbye")
    func noGoodbye() throws {
        let pair = try Pair()
        try #require(pair.clientSide.connection).close()
        try pair.carry(from: pair.client, to: pair.server)
        pair.server.embeddedEventLoop.advanceTime(by: .milliseconds(899))
        #expect(pair.server.isActive)
        pair.server.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!pair.server.isActive)
        #expect(pair.serverSide.ending?.code == .normalClosure)
        #expect(pair.serverSide.ending?.error == nil)
    }

    @Test("A peer that has gone silent is dropped without a goodbye")
    func silence() throws {
        let pair = try Pair()
        pair.server.embeddedEventLoop.advanceTime(by: .seconds(44))
        #expect(pair.server.isActive)
        pair.server.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!pair.server.isActive)
        #expect(pair.serverSide.ending?.error as? WebSocketConnectionError == .silent)
    }

    @Test("A handshake that stalls is dropped at its deadline, TLS or HTTP", arguments: [false, true])
    func stalled(isHalfway: Bool) throws {
        let identity = try ServerIdentity.selfSigned(for: [])
        let rules = ServerRules(
            WebSocketConfiguration(), tls: ServerTLS(identity), answer: { _ in .upgradeRequired },
            decide: { _ in .reject(.upgradeRequired) })
        let server = EmbeddedChannel()
        try rules.setUp(server)
        server.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        if isHalfway { try server.writeInbound(ByteBuffer(bytes: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01])) }
        server.embeddedEventLoop.advanceTime(by: .milliseconds(9999))
        #expect(server.isActive)
        server.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!server.isActive)
    }
}
