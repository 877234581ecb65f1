import NIOCore
import NIOPosix

/// What a stranger sends to a hub's port that is no WebSocket, or ceases to be one.
enum RawAttack: String, CaseIterable, Sendable {
    case garbage
    case plainHTTP
    case endlessHead
    case origin
    case hugeFrame
    case unmaskedFrame
    case reservedOpcode

    /// The bytes that begin it.
    fileprivate var opening: [UInt8] {
        switch self {
        case .garbage: (0..<4096).map { _ in UInt8.random(in: 128...255) }
        case .plainHTTP: Array("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        case .endlessHead: Array(("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 100_000)).utf8)
        case .origin: Self.upgrade("Origin: http://evil.example\r\n")
        case .hugeFrame, .unmaskedFrame, .reservedOpcode: Self.upgrade("")
        }
    }

    /// What follows once the hub has answered with 101.
    fileprivate var frame: [UInt8] {
        switch self {
        case .hugeFrame: [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]
        case .unmaskedFrame: [0x82, 0x01, 0x00]
        case .reservedOpcode: [0x83, 0x80, 0, 0, 0, 0]
        default: []
        }
    }

    private static func upgrade(_ more: String) -> [UInt8] {
        let head =
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Protocol: nosocks.1\r\n\(more)\r\n"
        return Array(head.utf8)
    }

    /// Whether all that the hub said until it closed is what it should.
    func expects(_ answer: [UInt8]) -> Bool {
        let text = String(decoding: answer, as: UTF8.self)
        func closed(_ code: UInt16) -> Bool {
            let close: [UInt8] = [UInt8(code >> 8), UInt8(code & 0xff)]
            guard let frame = answer.lastIndex(of: 0x88), answer.count >= frame + 4 else { return false }
            return Array(answer[(frame + 2)..<(frame + 4)]) == close
        }
        return switch self {
        case .garbage: text.isEmpty || text.hasPrefix("HTTP/1.1 400")
        case .plainHTTP: text.hasPrefix("HTTP/1.1 200") && text.contains("<!doctype html>")
        case .endlessHead: text.isEmpty || text.hasPrefix("HTTP/1.1 4")
        case .origin: text.hasPrefix("HTTP/1.1 403")
        case .hugeFrame: closed(1009)
        case .unmaskedFrame, .reservedOpcode: closed(1002)
        }
    }
}

/// A TCP connection without any manners.
enum RawClient {
    /// Sends an attack, and gives what came back up to the end of the connection, which must come from the hub.
    static func talk(port: Int, _ attack: RawAttack) async throws -> [UInt8] {
        try await talk(port: port, attack.opening, then: attack.frame)
    }

    /// Sends a request with these header lines, besides those that close the connection, and gives the answer.
    static func request(port: Int, _ line: String, _ headers: String...) async throws -> String {
        let head = ([line + " HTTP/1.1"] + headers + ["Connection: close", "", ""]).joined(separator: "\r\n")
        return String(decoding: try await talk(port: port, Array(head.utf8), then: []), as: UTF8.self)
    }

    private static func talk(port: Int, _ opening: [UInt8], then frame: [UInt8]) async throws -> [UInt8] {
        let done = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: [UInt8].self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Conversation(opening, frame, done))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(60)) {
            done.fail(TimedOut(what: "the hub to close the connection", state: ""))
        }
        defer { deadline.cancel() }
        return try await done.futureResult.get()
    }
}

private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let opening: [UInt8]
    /// What follows once the hub has answered with 101.
    private let frame: [UInt8]
    private let done: EventLoopPromise<[UInt8]>
    private var heard: [UInt8] = []
    private var isInFrames = false

    init(_ opening: [UInt8], _ frame: [UInt8], _ done: EventLoopPromise<[UInt8]>) {
        self.opening = opening
        self.frame = frame
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) {
        say(opening, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heard += Self.unwrapInboundIn(data).readableBytesView
        guard !isInFrames, !frame.isEmpty, heard.suffix(4) == Array("\r\n\r\n".utf8) else { return }
        isInFrames = true
        say(frame, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.succeed(heard)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func say(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
}
