import NIOCore
import NIOHTTP1

/// The event loop's side of an ``HTTPExchange``: holds what of the body was read and not asked for yet, and whoever waits for
/// the socket. Everything happens on the connection's event loop.
final class HTTPConversation {
    /// Of a body so many bytes are read off the socket before somebody asks for them.
    private static let mostHeld = 256 << 10

    let eventLoop: any EventLoop
    private let request: HTTPRequestHead
    /// How long the other side may take to send anything of its body, or to take anything of the answer.
    private let patience: TimeAmount
    /// Nil once the connection has gone, or the answer has ended.
    private var context: ChannelHandlerContext?
    private let ended: (_ keepAlive: Bool, _ written: EventLoopFuture<Void>) -> Void
    private var task: Task<Void, Never>?
    private var watch: RepeatedTask?

    private var parts = CircularBuffer<ByteBuffer>()
    private var heldBytes = 0
    private var isBodyWhole = false
    private let hasBody: Bool
    private var mustSayContinue: Bool
    private var isReadHeld = false
    private var reader: EventLoopPromise<ByteBuffer?>?
    private var writers: [EventLoopPromise<Void>] = []

    private(set) var hasBegun = false
    private var keepAlive: Bool
    /// Whether the answer is as long as the connection, or has no body whatever its head says.
    private var endsWithConnection = false

    private var received: UInt64 = 0
    private var written: UInt64 = 0
    private var lastProgress: (mark: UInt64, at: NIODeadline)

    init(
        _ request: HTTPRequestHead, keepAlive: Bool, patience: TimeAmount, context: ChannelHandlerContext,
        ended: @escaping (_ keepAlive: Bool, _ written: EventLoopFuture<Void>) -> Void
    ) {
        self.request = request
        self.keepAlive = keepAlive
        self.patience = patience
        self.context = context
        self.ended = ended
        eventLoop = context.eventLoop
        hasBody =
            request.headers.contains(name: "transfer-encoding")
            || request.headers["content-length"].contains { $0 != "0" }
        mustSayContinue =
            hasBody && request.version.minor >= 1
            && request.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        lastProgress = (0, .now())
    }

    func start(_ exchange: HTTPExchange, _ serve: @escaping @Sendable (HTTPExchange) async throws -> Void) {
        let loop = eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        let interval = TimeAmount.nanoseconds(max(patience.nanoseconds / 4, 1))
        watch = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in bound.value.checkProgress() }
        task = Task {
            try? await serve(exchange)
            loop.execute { bound.value.served() }
        }
    }

    // MARK: The request

    func received(_ bytes: ByteBuffer) {
        received += UInt64(bytes.readableBytes)
        mustSayContinue = false
        if let reader {
            self.reader = nil
            reader.succeed(bytes)
        } else {
            heldBytes += bytes.readableBytes
            parts.append(bytes)
        }
    }

    func receivedEnd() {
        isBodyWhole = true
        reader?.succeed(nil)
        reader = nil
    }

    /// Whether the socket may be read now; where not, it is as soon as there is room.
    func mayRead() -> Bool {
        guard heldBytes >= Self.mostHeld else { return true }
        isReadHeld = true
        return false
    }

    func read() -> EventLoopFuture<ByteBuffer?> {
        if let part = parts.popFirst() {
            heldBytes -= part.readableBytes
            if isReadHeld, heldBytes < Self.mostHeld {
                isReadHeld = false
                context?.read()
            }
            return eventLoop.makeSucceededFuture(part)
        }
        guard !isBodyWhole, hasBody else { return eventLoop.makeSucceededFuture(nil) }
        guard let context, reader == nil else { return eventLoop.makeFailedFuture(HTTPExchangeGone()) }
        if mustSayContinue {
            mustSayContinue = false
            send(.head(HTTPResponseHead(version: .http1_1, status: .continue)), context)
        }
        let promise = eventLoop.makePromise(of: ByteBuffer?.self)
        reader = promise
        return promise.futureResult
    }

    // MARK: The answer

    func begin(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) {
        guard let context, !hasBegun else { return }
        hasBegun = true
        // What of the body is still to come would be taken for the next request.
        if hasBody, !isBodyWhole { keepAlive = false }
        let isBounded = headers.contains(name: "content-length") || !status.mayHaveResponseBody
        if !isBounded, request.version.minor == 0 || request.method == .HEAD {
            keepAlive = false
            endsWithConnection = true
        }
        var headers = headers
        if !keepAlive {
            headers.replaceOrAdd(name: "connection", value: "close")
        } else if request.version.minor == 0 {
            headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
        let version: HTTPVersion = endsWithConnection ? .http1_0 : .http1_1
        context.write(
            NIOAny(HTTPServerResponsePart.head(HTTPResponseHead(version: version, status: status, headers: headers))),
            promise: nil)
    }

    func write(_ bytes: ByteBuffer) -> EventLoopFuture<Void> {
        guard let context, hasBegun else { return eventLoop.makeFailedFuture(HTTPExchangeGone()) }
        guard request.method != .HEAD else { return eventLoop.makeSucceededVoidFuture() }
        written += UInt64(bytes.readableBytes)
        context.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(bytes))), promise: nil)
        return flushed()
    }

    /// Sends what was written, and waits for room for more.
    func flushed() -> EventLoopFuture<Void> {
        guard let context else { return eventLoop.makeFailedFuture(HTTPExchangeGone()) }
        context.flush()
        guard !context.channel.isWritable else { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        writers.append(promise)
        return promise.futureResult
    }

    func writabilityChanged(_ isWritable: Bool) {
        guard isWritable else { return }
        let waiting = writers
        writers = []
        for writer in waiting { writer.succeed() }
    }

    func finish() -> EventLoopFuture<Void> {
        guard let context, hasBegun else { return eventLoop.makeFailedFuture(HTTPExchangeGone()) }
        let promise = eventLoop.makePromise(of: Void.self)
        leave()
        // Before the end is written: that brings the next request, if it has come already.
        ended(keepAlive, promise.futureResult)
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: promise)
        return eventLoop.makeSucceededVoidFuture()
    }

    // MARK: The end

    /// The connection has gone.
    func gone() {
        leave()
        task?.cancel()
    }

    private func leave() {
        context = nil
        watch?.cancel()
        watch = nil
        reader?.fail(HTTPExchangeGone())
        reader = nil
        for writer in writers { writer.fail(HTTPExchangeGone()) }
        writers = []
    }

    /// The task has ended; if the answer has not, it can't be any more.
    private func served() {
        task = nil
        guard let context else { return }
        if hasBegun {
            context.channel.drop()
        } else {
            begin(.internalServerError, ["content-length": "0"])
            _ = finish()
        }
    }

    private func checkProgress() {
        guard let context else { return }
        let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        let mark = received &+ written &- UInt64(min(waiting, Int(clamping: written)))
        let isWaiting = reader != nil || waiting > 0
        guard isWaiting, mark == lastProgress.mark else {
            lastProgress = (mark, .now())
            return
        }
        if NIODeadline.now() - lastProgress.at >= patience { context.channel.drop() }
    }

    private func send(_ part: HTTPServerResponsePart, _ context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(part), promise: nil)
    }
}
