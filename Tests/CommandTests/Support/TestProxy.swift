import NIOCore
import NIOPosix
import Synchronization

/// A proxy that leads whoever asks, by CONNECT or SOCKS 5, to the asked-for port of this machine, whatever name it is
/// asked for, and notes what it was asked. It may be stopped and started again where it was.
final class TestProxy: Sendable {
    private struct State {
        var answer = "200 Connection established"
        /// The Proxy-Authorization that it wants; nil for none.
        var authorization: String?
        var asked: [String] = []
        var port = 0
        var listener: (any Channel)?
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())

    init() async throws {
        try await start()
    }

    var port: Int { state.withLock(\.port) }
    /// What it is as the value of a variable.
    var address: String { "127.0.0.1:\(port)" }
    /// The targets that it was asked for, HOST:PORT, in order.
    var asked: [String] { state.withLock(\.asked) }

    /// From now on it answers so, and leads nobody anywhere unless that is a 200.
    func answer(_ status: String) {
        state.withLock { $0.answer = status }
    }

    /// From now on it lets in only who says this.
    func demand(authorization: String) {
        state.withLock { $0.authorization = authorization }
    }

    func start() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [self] near in
                note(near)
                return near.eventLoop.makeCompletedFuture {
                    try near.pipeline.syncOperations.addHandler(Guide(self))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        state.withLock { state in
            state.listener = channel
            state.port = channel.localAddress?.port ?? 0
        }
    }

    /// Goes away, and with it all that leads through it.
    func stop() async throws {
        let (listener, open) = state.withLock { state in
            defer { state.listener = nil }
            return (state.listener, Array(state.open.values))
        }
        try await listener?.close().get()
        for channel in open { channel.close(promise: nil) }
    }

    fileprivate func note(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        state.withLock { $0.open[id] = channel }
        channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.open[id] = nil } }
    }

    /// What is said to who asks for a target; nil where that is a way there.
    fileprivate func verdict(on target: String, authorization: String?) -> String? {
        state.withLock { state in
            state.asked.append(target)
            if let wanted = state.authorization, wanted != authorization {
                return "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\""
            }
            return state.answer.hasPrefix("200") ? nil : state.answer
        }
    }
}

/// The near end of a connection: listens to what is asked for, and then carries bytes.
private final class Guide: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case listening
        /// The client speaks SOCKS and was told that it need not say who it is.
        case greeted
        case connecting
        case carrying(any Channel)
    }

    private let proxy: TestProxy
    private var state = State.listening
    private var heard = ByteBuffer()

    init(_ proxy: TestProxy) {
        self.proxy = proxy
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        if case .carrying(let far) = state { return far.writeAndFlush(bytes, promise: nil) }
        heard.writeBuffer(&bytes)
        let all = Array(heard.readableBytesView)
        switch state {
        case .listening where all.first == 5:
            guard all.count >= 2, all.count == 2 + Int(all[1]) else { return }
            heard.clear()
            state = .greeted
            say([5, 0], context)
        case .greeted:
            // A name; the addresses that a test might ask for need no more.
            guard all.count >= 5, all.count == 5 + Int(all[4]) + 2, all[3] == 3 else { return }
            let port = Int(all[all.count - 2]) << 8 | Int(all[all.count - 1])
            let target = String(decoding: all[5..<(all.count - 2)], as: UTF8.self) + ":\(port)"
            if proxy.verdict(on: target, authorization: nil) == nil {
                lead(to: port, saying: [5, 0, 0, 1, 0, 0, 0, 0, 0, 0], context)
            } else {
                say([5, 2], context)
            }
        case .listening:
            let text = String(decoding: all, as: UTF8.self)
            guard text.hasSuffix("\r\n\r\n") else { return }
            let lines = text.split(separator: "\r\n")
            let target = lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? ""
            let prefix = "Proxy-Authorization: "
            let authorization = lines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            if let refusal = proxy.verdict(on: target, authorization: authorization) {
                say(Array("HTTP/1.1 \(refusal)\r\nContent-Length: 0\r\n\r\n".utf8), context)
            } else {
                let port = target.split(separator: ":").last.flatMap { Int($0) } ?? 0
                lead(to: port, saying: Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8), context)
            }
        case .connecting, .carrying: break
        }
    }

    /// Both ends on one event loop, so that they need no locks between them.
    private func lead(to port: Int, saying answer: [UInt8], _ context: ChannelHandlerContext) {
        state = .connecting
        let near = context.channel
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let proxy = proxy
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { far in
                proxy.note(far)
                return far.eventLoop.makeCompletedFuture {
                    try far.pipeline.syncOperations.addHandler(Return(to: near))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .whenComplete { result in
                let (guide, context) = this.value
                switch result {
                case .success(let far):
                    guide.state = .carrying(far)
                    guide.say(answer, context)
                case .failure: near.close(promise: nil)
                }
            }
    }

    private func say(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .carrying(let far) = state { far.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// The far end: carries bytes back.
private final class Return: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let near: any Channel

    init(to near: any Channel) {
        self.near = near
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        near.writeAndFlush(Self.unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        near.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
