package import NIOCore
package import NIOHTTP1
import NIOPosix
import NIOTLS
import Synchronization

/// An HTTP/1.1 connection to a server, by the same ways as a WebSocket's: for who wants a file or two, and no feed.
package struct HTTPClient: Sendable {
    fileprivate typealias Parts = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    private let parts: Parts
    private let host: String
    private let patience: Patience

    /// Connects.
    ///
    /// - Parameters:
    ///   - tls: `nil` for plain TCP.
    ///   - proxy: Whom to ask for a tunnel to the server; `nil` for none.
    package static func connect(
        to address: WebSocketClient.Address, tls: ClientTLS? = nil, proxy: Proxy? = nil,
        configuration: WebSocketConfiguration = .client,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(WebSocketClientError) -> HTTPClient {
        var tunnel: Tunnel?
        if let proxy { tunnel = try Tunnel(through: proxy, to: address, configuration: configuration) }
        var session: ClientTLSSession?
        if let tls { session = try ClientTLSSession(tls, to: address) }
        let isSecure = session != nil
        let dialer = Dialer(address: address, source: nil, tls: session, tunnel: tunnel, configuration: configuration)
        let patience = Patience()
        let outcome = group.any().makePromise(of: Parts.self)
        let parts = try await dialer.connect(outcome, group: group) { channel in
            let decoder = HTTPResponseDecoder(
                leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward,
                limitConfiguration: .heads(of: configuration))
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(readTimeout: configuration.deadInterval))
            try pipeline.addHandlers([
                HTTPRequestEncoder(), ByteToMessageHandler(decoder), NIOHTTPRequestHeadersValidator(),
            ])
            try pipeline.addHandler(PatienceHandler(patience))
            let opening = Opening()
            if isSecure { try pipeline.addHandler(opening) }
            let parts = try Parts(
                wrappingChannelSynchronously: channel,
                configuration: .init(backPressureStrategy: .init(lowWatermark: 4, highWatermark: 16)))
            opening.opened = { outcome.succeed(parts) }
            if !isSecure { opening.opened() }
        }
        return HTTPClient(parts: parts, host: address.hostHeader(isTLS: isSecure), patience: patience)
    }

    /// Calls `body` with what takes requests, and closes the connection afterwards.
    package func run<Result>(_ body: (inout HTTPDialogue) async throws -> Result) async throws -> Result {
        try await parts.executeThenClose { incoming, outgoing in
            var exchange = HTTPDialogue(
                incoming: incoming.makeAsyncIterator(), outgoing: outgoing, host: host, patience: patience)
            return try await body(&exchange)
        }
    }
}

/// Requests on one connection, one after the other, each with its answer.
package struct HTTPDialogue {
    fileprivate var incoming: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
    fileprivate let outgoing: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    fileprivate let host: String
    fileprivate let patience: Patience
    /// Whether the body of the last answer was not read to its end.
    private var isOpen = false

    fileprivate init(
        incoming: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator,
        outgoing: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>, host: String, patience: Patience
    ) {
        self.incoming = incoming
        self.outgoing = outgoing
        self.host = host
        self.patience = patience
    }

    /// Sends a request with a body that is at hand, and waits for the head of the answer.
    ///
    /// - Throws: ``WebSocketClientError``.
    package mutating func request(
        _ method: HTTPMethod = .GET, _ target: String, headers: HTTPHeaders = [:], body: ByteBuffer? = nil
    ) async throws -> HTTPResponseHead {
        try await finish()
        var head = self.head(method, target, headers)
        if let body { head.headers.replaceOrAdd(name: "Content-Length", value: "\(body.readableBytes)") }
        return try await explained { exchange in
            try await exchange.outgoing.write(.head(head))
            if let body, body.readableBytes > 0 { try await exchange.outgoing.write(.body(.byteBuffer(body))) }
            try await exchange.outgoing.write(.end(nil))
            return try await exchange.answer()
        }
    }

    /// Sends a request with a body that comes piece by piece, as fast as the server takes it: none of it where the server
    /// refuses the request for what its head says.
    ///
    /// - Parameter next: The next piece; nil at the end.
    /// - Throws: ``WebSocketClientError``, or what `next` throws.
    package mutating func request(
        _ method: HTTPMethod, _ target: String, headers: HTTPHeaders = [:], size: UInt64? = nil,
        next: () async throws -> ByteBuffer?
    ) async throws -> HTTPResponseHead {
        try await finish()
        var head = self.head(method, target, headers)
        head.headers.replaceOrAdd(name: "Expect", value: "100-continue")
        if let size {
            head.headers.replaceOrAdd(name: "Content-Length", value: "\(size)")
        } else {
            head.headers.replaceOrAdd(name: "Transfer-Encoding", value: "chunked")
        }
        let first = try await explained { exchange in
            try await exchange.outgoing.write(.head(head))
            return try await exchange.part()
        }
        guard case .head(let answer)? = first, answer.status == .continue else {
            isOpen = true
            return try Self.head(first)
        }
        // The end of the informational answer, where the decoder tells of one, is passed over with the next head.
        while let piece = try await next() {
            try await explained { try await $0.outgoing.write(.body(.byteBuffer(piece))) }
        }
        return try await explained { exchange in
            try await exchange.outgoing.write(.end(nil))
            return try await exchange.answer()
        }
    }

    /// The next piece of the last answer's body; nil at its end.
    ///
    /// - Throws: ``WebSocketClientError``, also where the connection ends before the body does.
    package mutating func next() async throws -> ByteBuffer? {
        guard isOpen else { return nil }
        return try await explained { exchange in
            switch try await exchange.part() {
            case .body(let piece)?: return piece
            case .end?:
                exchange.isOpen = false
                return nil
            case .head?, nil: throw Self.broken
            }
        }
    }

    /// The rest of the last answer's body, of which no more than `limit` bytes are kept.
    package mutating func text(upTo limit: Int) async throws -> String {
        var text = ByteBuffer()
        while var piece = try await next() {
            if text.readableBytes < limit { text.writeBuffer(&piece) }
        }
        return String(buffer: text.getSlice(at: 0, length: min(limit, text.readableBytes)) ?? text)
    }

    private static var broken: WebSocketClientError {
        .unreachable(reason: "the connection broke before the answer was complete", errno: nil)
    }

    private mutating func finish() async throws {
        while try await next() != nil {}
    }

    private func head(_ method: HTTPMethod, _ target: String, _ headers: HTTPHeaders) -> HTTPRequestHead {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers)
        head.headers.replaceOrAdd(name: "Host", value: host)
        return head
    }

    private mutating func answer() async throws -> HTTPResponseHead {
        while true {
            let part = try await part()
            if case .end? = part { continue }
            let head = try Self.head(part)
            guard head.status.code >= 200 else { continue }
            isOpen = true
            return head
        }
    }

    private static func head(_ part: HTTPClientResponsePart?) throws -> HTTPResponseHead {
        guard case .head(let head)? = part else { throw broken }
        return head
    }

    private mutating func part() async throws -> HTTPClientResponsePart? {
        patience.isWaiting.store(true, ordering: .relaxed)
        defer { patience.isWaiting.store(false, ordering: .relaxed) }
        return try await incoming.next()
    }

    private mutating func explained<Result>(
        _ body: (inout HTTPDialogue) async throws -> Result
    ) async throws -> Result {
        do {
            return try await body(&self)
        } catch let error as CancellationError {
            throw error
        } catch {
            let hasEnded = patience.hasEnded.load(ordering: .relaxed)
            throw hasEnded ? WebSocketClientError.timedOut : WebSocketClientError(error)
        }
    }
}

/// Whether somebody waits for the server, and not the server for somebody.
private final class Patience: Sendable {
    let isWaiting = Atomic(false)
    let hasEnded = Atomic(false)
}

/// Ends the connection to a server that has said nothing for too long while somebody waited for it.
private final class PatienceHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let patience: Patience

    init(_ patience: Patience) {
        self.patience = patience
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .read = event as? IdleStateHandler.IdleStateEvent {
            guard patience.isWaiting.load(ordering: .relaxed) else { return }
            patience.hasEnded.store(true, ordering: .relaxed)
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}

/// Waits for the end of the TLS handshake.
private final class Opening: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    var opened: () -> Void = {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted = event as? TLSUserEvent {
            opened()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }
}
