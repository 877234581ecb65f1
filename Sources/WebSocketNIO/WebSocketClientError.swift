package import NIOHTTP1

/// Why a client got no WebSocket.
package enum WebSocketClientError: Error, Sendable, CustomStringConvertible {
    /// No TCP connection, or it ended before there was an answer.
    ///
    /// - Parameters:
    ///   - reason: The operating system's words.
    ///   - errno: `nil` where there is none, as for a name that does not resolve.
    case unreachable(reason: String, errno: Int32?)
    /// An HTTP answer other than 101.
    ///
    /// - Parameter firstLine: The first line of its body, for people.
    case refused(status: HTTPResponseStatus, headers: HTTPHeaders, firstLine: String)
    /// A 101 that is not a WebSocket's, or takes up what was not offered (RFC 6455 §4.1).
    case badUpgrade(String)
    /// No answer within the handshake's time.
    case timedOut

    package var description: String {
        switch self {
        case .unreachable(let reason, _): reason
        case .refused(let status, _, let line):
            "the server answered \(status.code) \(status.reasonPhrase)" + (line.isEmpty ? "" : ": \(line)")
        case .badUpgrade(let reason): "the server's answer is not a WebSocket's: \(reason)"
        case .timedOut: "the server did not answer in time"
        }
    }
}
