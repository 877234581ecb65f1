import NIOCore
import NIOHTTP1
import WebSocket

/// Asks for the upgrade, checks the answer to the letter, and hands the channel over to a ``ConnectionHandler``.
struct ClientUpgrader: NIOTypedHTTPClientProtocolUpgrader {
    let key: String
    let subprotocols: [String]
    let configuration: WebSocketConfiguration
    let owner: any WebSocketHandler
    /// Failed here with what was wrong: NIO's own error says only that something was.
    let outcome: EventLoopPromise<WebSocketConnection>

    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    func addCustom(upgradeRequestHeaders headers: inout HTTPHeaders) {
        headers.replaceOrAdd(name: "Sec-WebSocket-Key", value: key)
        headers.replaceOrAdd(name: "Sec-WebSocket-Version", value: "13")
        if !subprotocols.isEmpty {
            headers.replaceOrAdd(name: "Sec-WebSocket-Protocol", value: subprotocols.joined(separator: ", "))
        }
        if let deflate = configuration.deflate {
            headers.replaceOrAdd(name: "Sec-WebSocket-Extensions", value: deflate.offerHeaderValue)
        }
    }

    func shouldAllowUpgrade(upgradeResponse response: HTTPResponseHead) -> Bool {
        do throws(WebSocketClientError) {
            _ = try agreement(response.headers)
            return true
        } catch {
            outcome.fail(error)
            return false
        }
    }

    func upgrade(channel: any Channel, upgradeResponse response: HTTPResponseHead) -> EventLoopFuture<UpgradedChannel?>
    {
        channel.eventLoop.makeCompletedFuture {
            let (agreement, subprotocol) = try agreement(response.headers)
            return try UpgradedChannel.install(
                in: channel, role: .client, agreement: agreement, subprotocol: subprotocol,
                configuration: configuration, owner: owner)
        }
    }

    /// RFC 6455 §4.1, the client's requirements on the answer.
    private func agreement(
        _ headers: HTTPHeaders
    ) throws(WebSocketClientError) -> (deflate: DeflateAgreement?, subprotocol: String?) {
        guard headers[canonicalForm: "upgrade"].map({ $0.lowercased() }) == ["websocket"] else {
            throw .badUpgrade("Upgrade is not websocket")
        }
        guard headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }) else {
            throw .badUpgrade("Connection does not name Upgrade")
        }
        guard headers["sec-websocket-accept"] == [AcceptKey.accept(for: key)] else {
            throw .badUpgrade("Sec-WebSocket-Accept does not answer our key")
        }
        let chosen = headers["sec-websocket-protocol"]
        guard chosen.count <= 1, chosen.allSatisfy(subprotocols.contains) else {
            throw .badUpgrade("the subprotocol is none that was offered")
        }
        // Who offers any needs one.
        guard subprotocols.isEmpty || !chosen.isEmpty else { throw .badUpgrade("it chose no subprotocol") }
        let extensions = headers["sec-websocket-extensions"]
        guard let deflate = configuration.deflate else {
            guard extensions.isEmpty else { throw .badUpgrade("an extension was not offered") }
            return (nil, chosen.first)
        }
        do throws(ProtocolError) {
            return (try deflate.confirm(answers: extensions), chosen.first)
        } catch {
            throw .badUpgrade(error.reason)
        }
    }
}
