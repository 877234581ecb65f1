package import NIOCore
package import NIOHTTP1

/// One request and its answer, for a task that serves it. Bytes are taken and given a piece at a time: a body is read off
/// the socket as it is asked for, and ``write(_:)`` returns when the socket has room for more.
package final class HTTPExchange: Sendable {
    package let head: HTTPRequestHead
    package let remoteAddress: SocketAddress?
    package let eventLoop: any EventLoop
    private let conversation: NIOLoopBound<HTTPConversation>

    /// On the event loop.
    init(_ request: PlainRequest, _ conversation: HTTPConversation, eventLoop: any EventLoop) {
        head = request.head
        remoteAddress = request.remoteAddress
        self.eventLoop = eventLoop
        self.conversation = NIOLoopBound(conversation, eventLoop: eventLoop)
    }

    /// The next piece of the request's body; nil at its end. Whoever waits for `100 Continue` gets it with the first call.
    package func read() async throws -> ByteBuffer? {
        try await turn { $0.read() }
    }

    /// Answers in one piece.
    package func answer(_ answer: HTTPAnswer) async throws {
        var headers = answer.headers
        headers.replaceOrAdd(name: "content-length", value: String(answer.body.readableBytes))
        let (status, body, fields) = (answer.status, answer.body, headers)
        try await turn { conversation in
            conversation.begin(status, fields)
            if body.readableBytes > 0 { _ = conversation.write(body) }
            return conversation.finish()
        }
    }

    /// Begins an answer. Without a Content-Length it is as long as what is written until ``finish()``.
    package func begin(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) async throws {
        try await turn { conversation in
            conversation.begin(status, headers)
            return conversation.flushed()
        }
    }

    package func write(_ bytes: ByteBuffer) async throws {
        try await turn { $0.write(bytes) }
    }

    /// As ``write(_:)``, for who is on the event loop: completes at once where the socket has room for more.
    package func push(_ bytes: ByteBuffer) -> EventLoopFuture<Void> {
        conversation.value.write(bytes)
    }

    /// Ends an answer, which is whole then.
    package func finish() async throws {
        try await turn { $0.finish() }
    }

    /// Whether an answer was begun.
    package func hasBegun() async throws -> Bool {
        try await turn { $0.eventLoop.makeSucceededFuture($0.hasBegun) }
    }

    private func turn<Result: Sendable>(
        _ body: @escaping @Sendable (HTTPConversation) -> EventLoopFuture<Result>
    ) async throws -> Result {
        let conversation = conversation
        return try await eventLoop.flatSubmit { body(conversation.value) }.get()
    }
}
