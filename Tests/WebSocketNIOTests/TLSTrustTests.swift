import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Testing

@testable import WebSocketNIO

@Suite(.timeLimit(.minutes(15))) struct TLSTrustTests {
    struct Case: CustomTestStringConvertible {
        let certified: [String]
        let host: String
        let isTrusted: Bool
        var testDescription: String { "\(host) by a certificate for \(certified)" }
    }

    @Test(
        "A trusted certificate must name the host",
        arguments: [
            Case(certified: ["a.example", "hub.example"], host: "hub.example", isTrusted: true),
            Case(certified: ["hub.example"], host: "hub.example.", isTrusted: true),
            Case(certified: ["hub.example"], host: "HUB.example", isTrusted: true),
            Case(certified: ["*.example"], host: "hub.example", isTrusted: true),
            Case(certified: ["192.0.2.1", "127.0.0.1"], host: "127.0.0.1", isTrusted: true),
            Case(certified: ["hub.example"], host: "other.example", isTrusted: false),
            Case(certified: ["*.example"], host: "a.hub.example", isTrusted: false),
            Case(certified: ["192.0.2.1"], host: "127.0.0.1", isTrusted: false),
            Case(certified: ["hub.example"], host: "127.0.0.1", isTrusted: false),
            // The common name counts for nothing.
            Case(certified: ["hub.example"], host: "nosocks hub", isTrusted: false),
        ])
    func hostNames(test: Case) async throws {
        let authority = try TestAuthority()
        let identity = try authority.identity(for: test.certified)
        let session = try ClientTLSSession(
            .systemTrust, to: .host(test.host, port: 443), authorities: .certificates([authority.root]))
        let error = try await handshake(session, with: identity)
        guard !test.isTrusted else {
            #expect(error == nil)
            return
        }
        guard case .untrusted("it is another server's", identity.pin, nil) = error else {
            Issue.record("not a lack of trust: \(error as Any)")
            return
        }
    }

    @Test("Without its authority a certificate is refused, whatever it names")
    func noAuthority() async throws {
        let identity = try ServerIdentity.selfSigned(for: ["hub.example"])
        let session = try ClientTLSSession(
            .systemTrust, to: .host("hub.example", port: 443), authorities: .certificates([]))
        guard case .untrusted("it is self-signed", identity.pin, nil) = try await handshake(session, with: identity)
        else {
            Issue.record("not a lack of trust")
            return
        }
    }

    @Test(
        "What is wrong with a certificate is told",
        arguments: [
            (-20.0, -10.0, "it has expired"), (10, 20, "it is not valid yet, by this machine's clock"),
            (-1, 1, "nobody whom this system trusts vouches for it"),
        ])
    func reasons(from: Double, to: Double, expected: String) async throws {
        let (known, unknown) = (try TestAuthority(), try TestAuthority(name: "another"))
        let authority = expected.hasPrefix("nobody") ? unknown : known
        let identity = try authority.identity(for: ["hub.example"], days: from...to)
        let session = try ClientTLSSession(
            .systemTrust, to: .host("hub.example", port: 443), authorities: .certificates([known.root]))
        guard case .untrusted(let reason, identity.pin, nil) = try await handshake(session, with: identity) else {
            Issue.record("not a lack of trust")
            return
        }
        #expect(reason == expected)
    }

    @Test(
        "A server is asked for by name, never by address",
        arguments: [
            ("hub.example", "hub.example"), ("hub.example.", "hub.example"), ("1.2.3.4", nil), ("::1", nil),
            ("fe80::1%eth0", nil), ("1.2.3.example", "1.2.3.example"),
        ] as [(String, String?)])
    func serverName(host: String, expected: String?) throws {
        #expect(try ClientTLSSession(.firstUse, to: .host(host, port: 1)).serverName == expected)
    }

    /// - Returns: Why there was no handshake.
    private func handshake(
        _ session: ClientTLSSession, with identity: ServerIdentity
    ) async throws -> WebSocketClientError? {
        let server = try await WebSocketServer.bind(to: .host("127.0.0.1", port: 0), tls: ServerTLS(identity)) { _ in
            .reject(.upgradeRequired)
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let outcome = group.any().makePromise(of: WebSocketConnection.self)
        let done = group.any().makePromise(of: Void.self)
        outcome.futureResult.whenFailure { done.fail($0) }
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try session.install(in: channel) { outcome.fail($0) }
                    try pipeline.addHandler(HandshakeNote(done: done))
                }
            }
            .connect(host: "127.0.0.1", port: try #require(server.port)).get()
        defer { channel.close(promise: nil) }
        do {
            try await done.futureResult.get()
            outcome.fail(ChannelError.eof)
        } catch let error as WebSocketClientError {
            try await server.close()
            return error
        }
        try await server.close()
        return nil
    }
}

private final class HandshakeNote: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let done: EventLoopPromise<Void>

    init(done: EventLoopPromise<Void>) {
        self.done = done
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { done.succeed() }
    }
}
