package import NIOHTTP1

/// Why a client got no WebSocket.
package enum WebSocketClientError: Error, Sendable, CustomStringConvertible {
    /// No TCP connection, or it ended before there was an answer.
    ///
    /// - Parameters:
    ///   - reason: The operating system's words.
    ///   - errno: `nil` where there is none, as for a name that does not resolve.
    case unreachable(reason: String, errno: Int32?)
    /// No way through the proxy; in words, which name it and where it was named.
    case proxy(String)
    /// An HTTP answer other than 101.
    ///
    /// - Parameter firstLine: The first line of its body, for people.
    case refused(status: HTTPResponseStatus, headers: HTTPHeaders, firstLine: String)
    /// A 101 that is not a WebSocket's, or takes up what was not offered (RFC 6455 §4.1).
    case badUpgrade(String)
    /// The server speaks no TLS, or none that this side accepts.
    case badTLS(String)
    /// The server's certificate does not prove that it is the right one. Nothing has been sent to it.
    ///
    /// - Parameters:
    ///   - reason: What is wrong with "it", the certificate.
    ///   - seen: The certificate's pin.
    ///   - expected: `nil` unless the client had a pin.
    case untrusted(reason: String, seen: CertificatePin?, expected: CertificatePin?)
    /// No answer within the handshake's time.
    case timedOut

    package var description: String {
        switch self {
        case .unreachable(let reason, _), .proxy(let reason): reason
        case .refused(let status, _, let line):
            "the server answered \(status.code) \(status.reasonPhrase)" + (line.isEmpty ? "" : ": \(line)")
        case .badUpgrade(let reason): "the server's answer is not a WebSocket's: \(reason)"
        case .badTLS(let reason): "no TLS with the server: \(reason)"
        case .untrusted(let reason, let seen, let expected):
            "the server's certificate is not trusted: \(reason)" + (seen.map { "; it is \($0)" } ?? "")
                + (expected.map { ", and \($0) was expected" } ?? "")
        case .timedOut: "the server did not answer in time"
        }
    }
}
