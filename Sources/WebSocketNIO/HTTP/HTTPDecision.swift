package import NIOCore
package import NIOHTTP1

/// A request that is no WebSocket's, for the server's owner to decide on before its body is read.
package struct PlainRequest: Sendable {
    package let head: HTTPRequestHead
    package let remoteAddress: SocketAddress?

    package init(head: HTTPRequestHead, remoteAddress: SocketAddress?) {
        self.head = head
        self.remoteAddress = remoteAddress
    }

    /// The target's path and query, as they came.
    package var target: (path: Substring, query: Substring) {
        let uri = head.uri[...]
        guard let mark = uri.firstIndex(of: "?") else { return (uri, "") }
        return (uri[..<mark], uri[uri.index(after: mark)...])
    }
}

/// What the server's owner says to a request that is no WebSocket's.
package enum HTTPDecision: Sendable {
    /// At once; whatever body the request has is not looked at.
    case answer(HTTPAnswer)
    /// By a task of its own, which is cancelled when the connection is gone. Where it ends without an answer, or in the
    /// middle of one, the connection is dropped, so that nobody takes a part for the whole.
    case serve(@Sendable (HTTPExchange) async throws -> Void)

    package static var upgradeRequired: HTTPDecision { .answer(.upgradeRequired) }
}

/// The other side of an exchange has gone.
package struct HTTPExchangeGone: Error, Sendable {
    package init() {}
}
