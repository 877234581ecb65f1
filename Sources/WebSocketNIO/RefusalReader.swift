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
            WebSocketClientError.refused(status: head.status, headers: head.headers, firstLine: printable(line)))
        context.close(promise: nil)
    }

    /// A stranger's words go to a terminal: at most 200 characters, and no control sequences.
    private func printable(_ line: String) -> String {
        let safe = line.unicodeScalars.filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
        return String(String(String.UnicodeScalarView(safe)).prefix(200))
    }
}
