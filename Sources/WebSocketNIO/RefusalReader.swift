import NIOCore
import NIOHTTP1

/// Reads an HTTP answer that is no upgrade, as far as it is worth telling.
final class RefusalReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private static let mostBody = 4 << 10

    private let outcome: EventLoopPromise<WebSocketConnection>
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    init(outcome: EventLoopPromise<WebSocketConnection>) {
        self.outcome = outcome
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body(var piece):
            body.writeBuffer(&piece)
            if body.readableBytes >= Self.mostBody { report(context) }
        case .end:
            report(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        report(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        report(context)
    }

    private func report(_ context: ChannelHandlerContext) {
        guard let head else { return context.close(promise: nil) }
        let text = String(
            buffer: body.getSlice(at: body.readerIndex, length: min(body.readableBytes, Self.mostBody)) ?? body)
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        outcome.fail(
            WebSocketClientError.refused(status: head.status, headers: head.headers, firstLine: line.printable))
        context.close(promise: nil)
    }
}
