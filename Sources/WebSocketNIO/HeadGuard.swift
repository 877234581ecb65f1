import NIOCore

/// Bounds what a connection may cost before it is a WebSocket: bytes and time. First in the pipeline but for TLS, gone
/// with the upgrade.
final class HeadGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let maxBytes: Int
    private let timeout: TimeAmount
    private let linger: TimeAmount
    private var bytes = 0
    private var deadline: Scheduled<Void>?
    private var context: ChannelHandlerContext?
    private var isDeaf = false
    /// Whether a request is being served, which has bounds of its own.
    private var isServing = false

    init(maxBytes: Int, timeout: TimeAmount, linger: TimeAmount) {
        self.maxBytes = maxBytes
        self.timeout = timeout
        self.linger = linger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        startDeadline()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDeaf else { return }
        if !isServing { bytes += Self.unwrapInboundIn(data).readableBytes }
        context.fireChannelRead(data)
        // Still here, so the request is still incomplete or a plain one.
        if bytes > maxBytes, self.context != nil, !isDeaf {
            isDeaf = true
            let answer =
                "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            lingerAndClose(after: context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: answer))))
        }
    }

    /// A plain request is handed on, with its body.
    func requestBegan() {
        isServing = true
        bytes = 0
        deadline?.cancel()
    }

    /// A plain request has been answered, and another may come.
    func requestEnded() {
        isServing = false
        bytes = 0
        startDeadline()
    }

    /// Ends our half of the connection when the answer has left, and the rest soon after: closing at once while bytes
    /// are unread would reset the connection, and the answer with it.
    func lingerAndClose(after written: EventLoopFuture<Void>) {
        isDeaf = true
        guard let channel = context?.channel else { return }
        deadline?.cancel()
        deadline = channel.eventLoop.scheduleTask(in: linger) { channel.drop() }
        written.whenComplete { _ in channel.close(mode: .output, promise: nil) }
    }

    private func startDeadline() {
        guard let channel = context?.channel else { return }
        deadline?.cancel()
        deadline = channel.eventLoop.scheduleTask(in: timeout) { channel.drop() }
    }
}
