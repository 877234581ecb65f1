package import NIOCore
import Synchronization
package import WebSocket

/// An open WebSocket. All methods may be called from any thread; what one thread asks for happens in that order. Calls
/// from the connection's event loop act at once. After the connection has closed, they do nothing.
package final class WebSocketConnection: Sendable {
    package let eventLoop: any EventLoop
    package let remoteAddress: SocketAddress?
    /// The subprotocol agreed on.
    package let subprotocol: String?
    /// What was agreed for permessage-deflate; `nil` if messages are not compressed.
    package let deflateAgreement: DeflateAgreement?
    /// The certificate that a client met; `nil` without TLS, and for a server's connections.
    package let serverPin: CertificatePin?
    /// `nil` once closed, which also breaks the cycle between the two.
    private let channelHandler: NIOLoopBoundBox<ConnectionHandler?>
    private let buffered = Atomic(0)
    private let writable = Atomic(true)
    private let open = Atomic(true)
    private let link = Atomic(UInt64.max)

    init(
        handler: ConnectionHandler, eventLoop: any EventLoop, remoteAddress: SocketAddress?, subprotocol: String?,
        deflateAgreement: DeflateAgreement?, serverPin: CertificatePin? = nil
    ) {
        self.channelHandler = NIOLoopBoundBox(handler, eventLoop: eventLoop)
        self.eventLoop = eventLoop
        self.remoteAddress = remoteAddress
        self.subprotocol = subprotocol
        self.deflateAgreement = deflateAgreement
        self.serverPin = serverPin
    }

    /// Whether permessage-deflate was agreed on.
    package var isCompressed: Bool { deflateAgreement != nil }
    /// Whether the bytes waiting are below the high water mark.
    package var isWritable: Bool { writable.load(ordering: .relaxed) }
    /// Bytes handed over to be sent that the operating system has not taken yet, as they were before compression.
    package var bufferedBytes: Int { buffered.load(ordering: .relaxed) }
    /// How much the link takes, in bytes a second as they are on the wire; infinity where something else is slower, nil as
    /// long as nothing is known.
    package var linkRate: Double? {
        let bits = link.load(ordering: .relaxed)
        return bits == .max ? nil : Double(bitPattern: bits)
    }
    /// `false` once the connection is gone.
    package var isOpen: Bool { open.load(ordering: .relaxed) }

    /// Sends a message. Messages sent in one turn of the event loop leave in one flush.
    ///
    /// - Parameters:
    ///   - compress: Compress it, if that was agreed on; ``Deflater/wouldShrink(_:)`` tells whether it pays.
    ///   - level: How hard, 1–9; nil for the usual level.
    package func send(_ message: ByteBuffer, text: Bool = false, compress: Bool, level: Int? = nil) {
        let cost = account(message.readableBytes)
        // Not by way of a closure, which would be an allocation for each message.
        if eventLoop.inEventLoop {
            channelHandler.value?.send(message, isText: text, compress: compress, level: level, cost: cost)
        } else {
            onLoop { $0.send(message, isText: text, compress: compress, level: level, cost: cost) }
        }
    }

    /// Sends a message that was framed before, sharing its bytes. Only for a server's connections: a client must mask.
    package func send(_ prepared: PreparedMessage) {
        Self.send(prepared, to: [self])
    }

    /// Sends a message that was framed before to all of these: each event loop is asked once for all of its own.
    package static func send(_ prepared: PreparedMessage, to connections: [WebSocketConnection]) {
        var loops: [ObjectIdentifier: [(connection: WebSocketConnection, frame: ByteBuffer, cost: Int)]] = [:]
        for connection in connections {
            let frame = prepared.frame(for: connection.deflateAgreement)
            let cost = connection.account(frame.readableBytes)
            loops[ObjectIdentifier(connection.eventLoop), default: []].append((connection, frame, cost))
        }
        for sends in loops.values {
            sends.first?.connection.eventLoop.run {
                for (connection, frame, cost) in sends {
                    connection.channelHandler.value?.send(frame: frame, of: prepared.messageLength, cost: cost)
                }
                // At the end of this turn: the same ones may be sent something else in it.
                sends.first?.connection.eventLoop.execute {
                    for (connection, _, _) in sends { connection.channelHandler.value?.flush() }
                }
            }
        }
    }

    /// Starts the closing handshake, after all that was sent before. Later sends are dropped.
    package func close(code: CloseCode = .normalClosure, reason: String = "") {
        onLoop { $0.close(code: code, reason: reason) }
    }

    /// Demands a sign of life: whoever gives none in this time counts as dead. For when there is reason to think that the
    /// connection has gone without a word, as after a machine's sleep.
    package func probe(within time: TimeAmount) {
        onLoop { $0.probe(within: time) }
    }

    /// Drops the TCP connection, and whatever has not been sent.
    package func abort() {
        onLoop { $0.drop(WebSocketConnectionError.aborted) }
    }

    /// Reads no further for now; what has been read may still bring messages. The peer finds its sends slowed down.
    package func pauseReading() {
        onLoop { $0.setReading(false) }
    }

    package func resumeReading() {
        onLoop { $0.setReading(true) }
    }

    private func onLoop(_ body: @escaping @Sendable (ConnectionHandler) -> Void) {
        eventLoop.run {
            if let handler = self.channelHandler.value { body(handler) }
        }
    }

    // MARK: The channel handler's side

    /// What a message adds to ``bufferedBytes``: its bytes and those around it.
    private func account(_ bytes: Int) -> Int {
        let cost = bytes + 16
        account(sent: -cost)
        return cost
    }

    func account(sent bytes: Int) {
        buffered.subtract(bytes, ordering: .relaxed)
    }

    func setLinkRate(_ rate: Double?) {
        link.store(rate?.bitPattern ?? .max, ordering: .relaxed)
    }

    func setWritable(_ isWritable: Bool) {
        writable.store(isWritable, ordering: .relaxed)
    }

    /// On the event loop.
    func detach() {
        open.store(false, ordering: .relaxed)
        channelHandler.value = nil
    }
}

extension EventLoop {
    /// Runs `body` at once where this is the event loop's thread already.
    fileprivate func run(_ body: @escaping @Sendable () -> Void) {
        if inEventLoop { body() } else { execute(body) }
    }
}
