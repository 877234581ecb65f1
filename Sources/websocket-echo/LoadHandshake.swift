import NIOCore
import WebSocket

/// The client's opening handshake for a load, which needs the bare channel after it: asks, checks that the answer is one,
/// and tells what was agreed on.
final class LoadHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let authority: String
    private let deflate: DeflateSettings?
    private let outcome: EventLoopPromise<DeflateAgreement?>
    private var answer = ByteBuffer()

    init(authority: String, deflate: DeflateSettings?, outcome: EventLoopPromise<DeflateAgreement?>) {
        self.authority = authority
        self.deflate = deflate
        self.outcome = outcome
    }

    /// The key and its answer are those of RFC 6455 §1.3.
    func channelActive(context: ChannelHandlerContext) {
        var lines = [
            "GET / HTTP/1.1", "Host: \(authority)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        ]
        if let deflate { lines.append("Sec-WebSocket-Extensions: \(deflate.offerHeaderValue)") }
        let request = ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n")
        context.writeAndFlush(Self.wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        answer.writeImmutableBuffer(Self.unwrapInboundIn(data))
        guard answer.readableBytesView.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        outcome.completeWith(Result { try agreement(String(buffer: answer)) })
    }

    func channelInactive(context: ChannelHandlerContext) {
        outcome.fail(ChannelError.eof)
    }

    private func agreement(_ head: String) throws -> DeflateAgreement? {
        let lines = head.split(separator: "\r\n")
        let accepted = lines.contains { $0.hasSuffix("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") }
        guard let status = lines.first, status.hasPrefix("HTTP/1.1 101"), accepted else {
            throw LoadHandler.Failure(description: "the server did not upgrade: \(lines.first ?? "no answer")")
        }
        let name = "sec-websocket-extensions:"
        let answers = lines.filter { $0.lowercased().hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
        return try deflate?.confirm(answers: answers)
    }
}
