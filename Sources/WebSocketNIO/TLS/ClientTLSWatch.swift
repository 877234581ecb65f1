import NIOCore
import NIOSSL
import NIOTLS

/// Right behind a client's TLS until the handshake is done: tells a person why there was none.
final class ClientTLSWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let handler: NIOSSLClientHandler
    private let trust: ClientTLS
    private let fail: (WebSocketClientError) -> Void

    init(_ handler: NIOSSLClientHandler, trust: ClientTLS, fail: @escaping (WebSocketClientError) -> Void) {
        self.handler = handler
        self.trust = trust
        self.fail = fail
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted = event as? TLSUserEvent {
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(explain(error, certificate: handler.peerCertificate))
        context.fireErrorCaught(error)
    }

    private func explain(_ error: any Error, certificate: NIOSSLCertificate?) -> WebSocketClientError {
        if let error = error as? NIOSSLExtraError,
            error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch
        {
            return .untrusted(reason: "it is another server's", seen: certificate?.pin, expected: nil)
        }
        // What the socket reports goes the way that it goes without TLS.
        guard error is NIOSSLError else { return WebSocketClientError(error) }
        let words = TLSWords(error)
        if words.contains("CERTIFICATE_VERIFY_FAILED") {
            if case .pin(let expected) = trust {
                return .untrusted(
                    reason: "it is not the one that was pinned", seen: certificate?.pin, expected: expected)
            }
            return .untrusted(reason: certificate?.distrust ?? "it is invalid", seen: certificate?.pin, expected: nil)
        }
        if error as? NIOSSLError == .handshakeFailed(.sslError([.eofDuringHandshake])) {
            return .unreachable(reason: "the server closed the connection during the TLS handshake", errno: nil)
        }
        return .badTLS(words.reason)
    }
}
