import NIOCore
import NIOSSL

/// How a client knows that it speaks to the right server. All of them want TLS 1.2 or newer, and proof that the server
/// holds its certificate's key.
package enum ClientTLS: Sendable, Equatable {
    /// The certificate names the host, and an authority that this system trusts vouches for it.
    case systemTrust
    /// The certificate is this one, whatever it says.
    case pin(CertificatePin)
    /// Any certificate: ``WebSocketConnection/serverPin`` tells which, to be pinned from then on.
    case firstUse
}

/// Everything that a client's channel needs to begin TLS.
struct ClientTLSSession: Sendable {
    let trust: ClientTLS
    /// What the client asks for (RFC 6066 §3); `nil` for a literal address, which is checked all the same.
    let serverName: String?
    private let context: NIOSSLContext

    /// Reads the system's authorities if they are needed, so not for an event loop.
    ///
    /// - Parameter authorities: Whom ``ClientTLS/systemTrust`` trusts.
    init(
        _ trust: ClientTLS, to address: WebSocketClient.Address, authorities: NIOSSLTrustRoots = .default
    ) throws(WebSocketClientError) {
        self.trust = trust
        serverName = address.serverName
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applyPolicy()
        if trust == .systemTrust {
            configuration.trustRoots = authorities
        } else {
            // Our own check is all there is, and it happens only if some kind of verification is asked for.
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates([])
        }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .badTLS("this system's list of authorities cannot be read; is ca-certificates installed?")
        }
    }

    /// What the handler of a server's own TLS is called in a pipeline that may hold a proxy's as well.
    static let handlerName = "server-tls"

    /// Adds what begins TLS to a channel's pipeline.
    ///
    /// - Parameters:
    ///   - name: ``handlerName`` unless this is TLS with somebody on the way.
    ///   - fail: Learns why there is none.
    func install(
        in channel: any Channel, named name: String? = Self.handlerName, fail: @escaping (WebSocketClientError) -> Void
    ) throws {
        let handler = try NIOSSLClientHandler(
            context: context, serverHostname: serverName, customVerificationCallback: verification,
            configuration: .frugal)
        let pipeline = channel.pipeline.syncOperations
        // The watch first, as adding the other begins the handshake where the channel is open already.
        let watch = ClientTLSWatch(handler, trust: trust, fail: fail)
        try pipeline.addHandler(watch)
        try pipeline.addHandler(handler, name: name, position: .before(watch))
    }

    private var verification: NIOSSLCustomVerificationCallback? {
        switch trust {
        case .systemTrust:
            nil
        case .firstUse:
            { chain, verdict in verdict.succeed(chain.isEmpty ? .failed : .certificateVerified) }
        case .pin(let expected):
            { chain, verdict in verdict.succeed(chain.first?.pin == expected ? .certificateVerified : .failed) }
        }
    }
}

extension WebSocketClient.Address {
    fileprivate var serverName: String? {
        guard case .host(let host, _) = self else { return nil }
        guard LiteralAddress(host) == nil else { return nil }
        // A name may end in the root's dot, which no certificate does.
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }
}

extension NIOSSLCertificate {
    /// `nil` only if BoringSSL cannot write what it has read.
    var pin: CertificatePin? {
        (try? toDERBytes()).map { CertificatePin(der: $0) }
    }
}

extension Channel {
    /// The certificate that a client met, if any. On the event loop.
    var peerPin: CertificatePin? {
        let context = try? pipeline.syncOperations.context(name: ClientTLSSession.handlerName)
        return (context?.handler as? NIOSSLHandler)?.peerCertificate?.pin
    }
}
