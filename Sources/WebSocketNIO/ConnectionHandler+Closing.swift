import NIOCore
import WebSocket

// How a connection ends: by its closing handshake, by a broken rule, or without a word.
extension ConnectionHandler {
    /// How the connection ended, decided by whatever happened first.
    struct Ending {
        var code: CloseCode?
        var reason = ""
        var error: (any Error)?
    }

    func close(code: CloseCode, reason: String) {
        guard phase == .open, let context,
            machine.writeClose(code: code, reason: reason, maskingKey: maskingKey(), into: &out)
        else { return }
        flush()
        // The peer's time starts when our close frame has left.
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess {
            guard self.phase == .open, let context = self.context else { return }
            self.closeTask = context.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.closeTimeout) {
                self.drop(WebSocketConnectionError.closeTimedOut)
            }
        }
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    /// The peer closes, or answers our close frame.
    func closed(code: CloseCode?, reason: String) {
        ending = ending ?? Ending(code: code, reason: reason)
        machine.writeClose(code: code, reason: "", maskingKey: maskingKey(), into: &out)
        // The server drops TCP first, the client leaves it a moment to (RFC 6455 §7.1.1).
        linger(then: role == .server ? .all : nil)
    }

    /// The peer broke a rule: what was sent before goes out, then the close frame, then our half of the connection.
    /// Closing both halves at once would reset the connection if bytes are left unread, and the peer might lose all.
    func fail(_ error: ProtocolError) {
        guard phase == .open else { return }
        ending = ending ?? Ending(code: error.closeCode, reason: error.reason, error: error)
        machine.writeClose(code: error.closeCode, reason: error.reason, maskingKey: maskingKey(), into: &out)
        linger(then: .output)
    }

    /// Sends what has gathered, closes as much as `mode` says when that has left, and the rest when the time is up.
    private func linger(then mode: CloseMode?) {
        phase = .lingering
        if isPaused { try? context?.channel.syncOptions?.setOption(.autoRead, value: true) }
        unread = ByteBuffer()
        keepaliveTask?.cancel()
        closeTask?.cancel()
        guard let context else { return }
        let channel = context.channel
        closeTask = context.eventLoop.assumeIsolated().scheduleTask(in: configuration.lingerTimeout) {
            channel.drop()
        }
        writeOut()
        let promise = context.eventLoop.makePromise(of: Void.self)
        if let mode {
            promise.futureResult.whenComplete { _ in channel.close(mode: mode, promise: nil) }
        }
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    /// Drops the TCP connection now.
    func drop(_ error: any Error) {
        guard phase != .closed else { return }
        ending = ending ?? Ending(error: error)
        if phase == .open { phase = .lingering }
        context?.channel.drop()
    }

    /// The channel has ended, or is no longer ours.
    func finish() {
        guard phase != .closed, phase != .starting else { return }
        phase = .closed
        keepaliveTask?.cancel()
        closeTask?.cancel()
        out = ByteBuffer()
        unread = ByteBuffer()
        budget?.settle(from: machine.heldBytes, to: 0)
        connection?.setWritable(false)
        connection?.detach()
        connection = nil
        let ending = ending ?? Ending(error: WebSocketConnectionError.lost)
        owner.closed(code: ending.code, reason: ending.reason, error: ending.error)
    }
}
