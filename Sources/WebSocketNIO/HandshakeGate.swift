import NIOCore
import NIOHTTP1
import WebSocket

/// Stands between the HTTP codec and NIO's upgrade handler: lets granted WebSocket requests through and answers all
/// others itself or has them answered, for as many requests as the connection carries.
final class HandshakeGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case passing
        case answering(HTTPRequestHead, HTTPAnswer, keepAlive: Bool)
        /// The server's owner has the request.
        case serving(HTTPConversation)
        /// The last answer has gone out, and the connection is going.
        case done
    }

    private var state = State.idle
    private let rules: ServerRules
    private let grant: NIOLoopBoundBox<UpgradeGrant?>
    private let guardian: HeadGuard
    private let seat: HandshakeSeat

    init(rules: ServerRules, grant: NIOLoopBoundBox<UpgradeGrant?>, guardian: HeadGuard, seat: HandshakeSeat) {
        self.rules = rules
        self.grant = grant
        self.guardian = guardian
        self.seat = seat
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (Self.unwrapInboundIn(data), state) {
        case (.head(let head), .idle):
            receive(head, context: context)
            if case .passing = state { context.fireChannelRead(data) }
        case (_, .passing):
            context.fireChannelRead(data)
        case (.end, .answering(let head, let answer, let keepAlive)):
            write(answer, to: head, keepAlive: keepAlive, context: context)
        case (.body(let bytes), .serving(let conversation)):
            conversation.received(bytes)
        case (.end, .serving(let conversation)):
            conversation.receivedEnd()
        default:
            break
        }
    }

    func read(context: ChannelHandlerContext) {
        if case .serving(let conversation) = state, !conversation.mayRead() { return }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .serving(let conversation) = state {
            conversation.writabilityChanged(context.channel.isWritable)
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .serving(let conversation) = state {
            state = .done
            conversation.gone()
        }
        context.fireChannelInactive()
    }

    /// The decoder has given up on what it read, and closes the connection right after this returns.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, case .idle = state else {
            context.fireErrorCaught(error)
            return
        }
        state = .done
        let status: HTTPResponseStatus =
            switch error {
            case .headerOverflow: .requestHeaderFieldsTooLarge
            case .invalidVersion: .httpVersionNotSupported
            default: .badRequest
            }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
        let answer = HTTPAnswer(status: status, text: "This request cannot be read.")
        write(answer, to: head, keepAlive: false, context: context)
    }

    private func receive(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        // After a request that asks for an upgrade the decoder reads no other.
        let keepAlive = head.isKeepAlive && !head.headers.contains(name: "upgrade") && head.method != .CONNECT
        switch UpgradeRequest.read(head, channel: context.channel) {
        case .plain:
            let request = PlainRequest(head: head, remoteAddress: context.channel.remoteAddress)
            switch rules.answer(request) {
            case .answer(let answer): state = .answering(head, answer, keepAlive: keepAlive)
            case .serve(let serve): begin(request, keepAlive: keepAlive, serve, context: context)
            }
        case .fault(let answer):
            state = .answering(head, answer, keepAlive: false)
        case .upgrade(let request):
            switch rules.decide(request) {
            case .reject(let answer):
                state = .answering(head, answer, keepAlive: false)
            case .accept(let subprotocol, let owner):
                grant.value = makeGrant(request, subprotocol: subprotocol, owner: owner)
                state = .passing
            }
        }
    }

    private func begin(
        _ request: PlainRequest, keepAlive: Bool, _ serve: @escaping @Sendable (HTTPExchange) async throws -> Void,
        context: ChannelHandlerContext
    ) {
        guardian.requestBegan()
        seat.leave()
        let conversation = HTTPConversation(
            request.head, keepAlive: keepAlive, patience: rules.configuration.stallInterval, context: context
        ) { [self] keepAlive, written in
            served(keepAlive: keepAlive, written)
        }
        state = .serving(conversation)
        conversation.start(HTTPExchange(request, conversation, eventLoop: context.eventLoop), serve)
    }

    private func served(keepAlive: Bool, _ written: EventLoopFuture<Void>) {
        if keepAlive {
            state = .idle
            seat.take()
            guardian.requestEnded()
        } else {
            state = .done
            guardian.lingerAndClose(after: written)
        }
    }

    private func makeGrant(
        _ request: UpgradeRequest, subprotocol: String?, owner: any WebSocketHandler
    ) -> UpgradeGrant {
        var headers: HTTPHeaders = ["sec-websocket-accept": AcceptKey.accept(for: request.key)]
        if let subprotocol { headers.add(name: "sec-websocket-protocol", value: subprotocol) }
        let accepted = rules.configuration.deflate?.accept(offers: request.head.headers["sec-websocket-extensions"])
        if let accepted { headers.add(name: "sec-websocket-extensions", value: accepted.headerValue) }
        return UpgradeGrant(
            headers: headers, subprotocol: subprotocol, agreement: accepted?.agreement, owner: owner)
    }

    private func write(
        _ answer: HTTPAnswer, to head: HTTPRequestHead, keepAlive: Bool, context: ChannelHandlerContext
    ) {
        var headers = answer.headers
        headers.replaceOrAdd(name: "content-length", value: String(answer.body.readableBytes))
        var options = keepAlive ? (head.version.minor == 0 ? ["keep-alive"] : []) : ["close"]
        // Upgrade goes with the connection that it came on (RFC 9110 §7.8).
        if headers.contains(name: "upgrade") { options.append("upgrade") }
        if !options.isEmpty { headers.replaceOrAdd(name: "connection", value: options.joined(separator: ", ")) }
        let response = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(Self.wrapOutboundOut(.head(response)), promise: nil)
        if head.method != .HEAD && answer.body.readableBytes > 0 {
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: promise)
        served(keepAlive: keepAlive, promise.futureResult)
    }
}
