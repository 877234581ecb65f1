import NIOCore
import NIOHTTP1
import WebSocket

/// What becomes of a channel after its HTTP handlers are gone.
struct UpgradedChannel: Sendable {
    let handler: NIOLoopBound<ConnectionHandler>
    let connection: WebSocketConnection
}

/// A request that was granted: everything the upgrade needs.
struct UpgradeGrant: Sendable {
    let headers: HTTPHeaders
    let subprotocol: String?
    let agreement: DeflateAgreement?
    let owner: any WebSocketHandler
}

/// Hands one channel over from HTTP to a ``ConnectionHandler``. NIO's own WebSocket upgrader would bring its codec.
struct ServerUpgrader: NIOTypedHTTPServerProtocolUpgrader {
    /// Filled in by the gate before the request gets here.
    let grant: NIOLoopBoundBox<UpgradeGrant?>
    let configuration: WebSocketConfiguration
    let budget: ArrivalBudget

    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    func buildUpgradeResponse(
        channel: any Channel, upgradeRequest: HTTPRequestHead, initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        guard let grant = grant.value else {
            return channel.eventLoop.makeFailedFuture(ChannelError.inappropriateOperationForState)
        }
        var headers = initialResponseHeaders
        headers.add(contentsOf: grant.headers)
        return channel.eventLoop.makeSucceededFuture(headers)
    }

    func upgrade(channel: any Channel, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<UpgradedChannel> {
        channel.eventLoop.makeCompletedFuture {
            guard let grant = grant.value else { throw ChannelError.inappropriateOperationForState }
            return try UpgradedChannel.install(
                in: channel, role: .server, agreement: grant.agreement, subprotocol: grant.subprotocol,
                configuration: configuration, budget: budget, owner: grant.owner)
        }
    }
}

extension UpgradedChannel {
    static func install(
        in channel: any Channel, role: Role, agreement: DeflateAgreement?, subprotocol: String?,
        configuration: WebSocketConfiguration, budget: ArrivalBudget? = nil, owner: any WebSocketHandler
    ) throws -> UpgradedChannel {
        let machine = Machine(
            role: role, limits: configuration.limits, agreement: agreement, level: configuration.deflate?.level ?? 1)
        let handler = ConnectionHandler(
            machine: machine, configuration: configuration, budget: budget, owner: owner)
        let connection = WebSocketConnection(
            handler: handler, eventLoop: channel.eventLoop, remoteAddress: channel.remoteAddress,
            subprotocol: subprotocol, deflateAgreement: agreement, serverPin: channel.peerPin)
        try channel.pipeline.syncOperations.addHandler(handler)
        return UpgradedChannel(
            handler: NIOLoopBound(handler, eventLoop: channel.eventLoop), connection: connection)
    }

    /// On the event loop, once the upgrade's own handlers let frames through.
    ///
    /// - Returns: `false` if the channel has gone.
    @discardableResult
    func start() -> Bool {
        handler.value.start(connection)
    }
}
