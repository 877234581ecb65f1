package import NIOCore
package import NIOHTTP1

/// A WebSocket request that is in order (RFC 6455 §4.2.1), for the server's owner to decide on.
package struct UpgradeRequest: Sendable {
    package let head: HTTPRequestHead
    package let remoteAddress: SocketAddress?
    /// The subprotocols that the client offers, the one it likes best first.
    package let subprotocols: [String]
    /// Where the connection's handler will be called.
    package let eventLoop: any EventLoop
    let key: String

    package var path: String {
        String(head.uri.prefix { $0 != "?" && $0 != "#" })
    }
}

/// What the server's owner says to a request.
package enum UpgradeDecision: Sendable {
    /// - Parameter subprotocol: One of those offered, or `nil`.
    case accept(subprotocol: String?, handler: any WebSocketHandler)
    case reject(HTTPAnswer)
}

/// A plain HTTP response.
package struct HTTPAnswer: Sendable {
    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    /// Content-Length follows from it.
    package var body: ByteBuffer

    package init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// - Parameter text: One or more lines for people.
    package init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], text: String) {
        self.init(status: status, headers: headers, body: ByteBuffer(string: text + "\n"))
        self.headers.replaceOrAdd(name: "content-type", value: "text/plain; charset=utf-8")
    }

    /// The answer to a request that is no WebSocket's (RFC 9110 §15.5.22).
    package static var upgradeRequired: HTTPAnswer {
        HTTPAnswer(
            status: .upgradeRequired, headers: ["upgrade": "websocket", "sec-websocket-version": "13"],
            text: "This is a WebSocket server (RFC 6455): connect to it with a WebSocket client.")
    }
}

extension UpgradeRequest {
    /// Whether this can be a host and a port (RFC 9110 §7.2, RFC 3986 §3.2.2).
    private static func isHost(_ value: String) -> Bool {
        !value.isEmpty
            && value.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._~%!$&'()*+,;=:[]".utf8.contains(byte)
                }
            }
    }

    enum Reading {
        /// A request for something other than a WebSocket.
        case plain
        case upgrade(UpgradeRequest)
        /// It asks for a WebSocket in a way that cannot be granted.
        case fault(HTTPAnswer)
    }

    static func read(_ head: HTTPRequestHead, channel: any Channel) -> Reading {
        let headers = head.headers
        func fault(_ text: String) -> Reading { .fault(HTTPAnswer(status: .badRequest, text: text)) }

        if head.version.major == 1 && head.version.minor >= 1 && headers["host"].count != 1 {
            return fault("A request must have one Host header.")
        }
        guard headers["host"].allSatisfy(isHost) else { return fault("The Host header names no host.") }
        guard headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }) else {
            return .plain
        }
        guard head.method == .GET else {
            return .fault(
                HTTPAnswer(
                    status: .methodNotAllowed, headers: ["allow": "GET"], text: "A WebSocket starts with a GET."))
        }
        guard head.version == .http1_1 else { return fault("A WebSocket starts with HTTP/1.1.") }
        guard headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }) else {
            return fault("The Connection header must name Upgrade.")
        }
        guard headers["sec-websocket-version"] == ["13"] else {
            return .fault(
                HTTPAnswer(
                    status: .upgradeRequired, headers: ["upgrade": "websocket", "sec-websocket-version": "13"],
                    text: "Only WebSocket version 13 is spoken here."))
        }
        let keys = headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first, AcceptKey.isValid(key) else {
            return fault("Sec-WebSocket-Key must be the base64 of 16 bytes.")
        }
        let hasBody = headers.contains(name: "transfer-encoding") || headers["content-length"].contains { $0 != "0" }
        guard !hasBody else { return fault("A WebSocket request has no body.") }
        let request = UpgradeRequest(
            head: head, remoteAddress: channel.remoteAddress,
            subprotocols: headers[canonicalForm: "sec-websocket-protocol"].map(String.init),
            eventLoop: channel.eventLoop, key: key)
        return .upgrade(request)
    }
}
