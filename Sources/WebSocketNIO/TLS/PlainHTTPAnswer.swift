import NIOCore
import NIOSSL
import NIOTLS

/// Right behind a server's TLS until the handshake is done: a client that speaks HTTP without TLS, a browser perhaps,
/// is told so in the clear before TLS closes the connection on it.
final class PlainHTTPAnswer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted = event as? TLSUserEvent {
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if TLSWords(error).contains("HTTP_REQUEST"),
            let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        {
            let text = "This server speaks TLS: use wss:// or https://.\n"
            let head = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n"
            let answer = ByteBuffer(string: head + "content-length: \(text.utf8.count)\r\n\r\n" + text)
            tls.writeAndFlush(NIOAny(answer), promise: nil)
        }
        context.fireErrorCaught(error)
    }
}
