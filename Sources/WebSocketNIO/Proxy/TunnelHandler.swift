import NIOCore

/// Asks a proxy for a tunnel, and is gone from the pipeline once there is one.
final class TunnelHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var negotiation: any TunnelNegotiation
    private let fail: (String) -> Void
    private let opened: (any Channel) throws -> Void
    private var bytes = ByteBuffer()
    private var hasBegun = false
    private var isOver = false

    /// - Parameters:
    ///   - fail: Learns what the proxy does instead.
    ///   - opened: Adds to the channel's pipeline whoever is to have the tunnel.
    init(
        _ negotiation: any TunnelNegotiation, fail: @escaping (String) -> Void,
        opened: @escaping (any Channel) throws -> Void
    ) {
        self.negotiation = negotiation
        self.fail = fail
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        begin(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var piece = Self.unwrapInboundIn(data)
        bytes.writeBuffer(&piece)
        do throws(TunnelFailure) {
            negotiating: while true {
                switch try negotiation.received(&bytes) {
                case .wait: return
                case .say(let answer): context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
                case .open: break negotiating
                }
            }
        } catch {
            return end(context, error.text)
        }
        handOver(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(context, "closed the connection without an answer")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(context, "broke the connection: \(WebSocketClientError(error))")
    }

    /// The proxy has had its time.
    func timedOut() {
        fail("did not answer in time")
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !hasBegun else { return }
        hasBegun = true
        context.writeAndFlush(Self.wrapOutboundOut(negotiation.opening), promise: nil)
    }

    private func handOver(_ context: ChannelHandlerContext) {
        do {
            try opened(context.channel)
        } catch {
            return end(context, "broke the connection: \(error)")
        }
        isOver = true
        if bytes.readableBytes > 0 { context.fireChannelRead(Self.wrapInboundOut(bytes)) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func end(_ context: ChannelHandlerContext, _ text: String) {
        guard !isOver else { return }
        isOver = true
        fail(text)
        context.close(promise: nil)
    }
}
