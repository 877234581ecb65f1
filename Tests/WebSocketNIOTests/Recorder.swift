import NIOCore
import Synchronization
import WebSocket

@testable import WebSocketNIO

/// A handler that notes what it is told, for a test to wait for.
final class Recorder: WebSocketHandler {
    enum Note: Sendable {
        case opened(WebSocketConnection)
        case message(ByteBuffer, isText: Bool)
        case writable(Bool)
        case closed(CloseCode?, reason: String, error: (any Error)?)
    }

    let notes: AsyncStream<Note>
    private let continuation: AsyncStream<Note>.Continuation
    private let held = Mutex<WebSocketConnection?>(nil)
    private let ended = Mutex<(code: CloseCode?, error: (any Error)?)?>(nil)
    private let closings = Atomic(0)
    private let onOpened: @Sendable (WebSocketConnection) -> Void
    private let echoes: Bool
    private let pausesAfterEach: Bool
    private let messages = Mutex<[[UInt8]]>([])

    init(
        echoes: Bool = false, pausesAfterEach: Bool = false,
        onOpened: @escaping @Sendable (WebSocketConnection) -> Void = { _ in }
    ) {
        (notes, continuation) = AsyncStream.makeStream()
        self.echoes = echoes
        self.pausesAfterEach = pausesAfterEach
        self.onOpened = onOpened
    }

    func opened(_ connection: WebSocketConnection) {
        held.withLock { $0 = connection }
        continuation.yield(.opened(connection))
        onOpened(connection)
    }

    func received(message: ByteBuffer, isText: Bool) {
        continuation.yield(.message(message, isText: isText))
        messages.withLock { $0.append(Array(message.readableBytesView)) }
        if pausesAfterEach { connection?.pauseReading() }
        if echoes { held.withLock { $0 }?.send(message, text: isText, compress: true) }
    }

    func writabilityChanged(_ isWritable: Bool) {
        continuation.yield(.writable(isWritable))
    }

    func closed(code: CloseCode?, reason: String, error: (any Error)?) {
        closings.add(1, ordering: .relaxed)
        held.withLock { $0 = nil }
        ended.withLock { $0 = (code, error) }
        continuation.yield(.closed(code, reason: reason, error: error))
        continuation.finish()
    }

    var timesClosed: Int { closings.load(ordering: .relaxed) }

    func opening() async -> WebSocketConnection? {
        for await case .opened(let connection) in notes { return connection }
        return nil
    }

    func message() async -> (bytes: ByteBuffer, isText: Bool)? {
        for await case .message(let bytes, let isText) in notes { return (bytes, isText) }
        return nil
    }

    func closing() async -> (code: CloseCode?, reason: String, error: (any Error)?)? {
        for await case .closed(let code, let reason, let error) in notes { return (code, reason, error) }
        return nil
    }

    /// Its connection while that is open, for tests that cannot wait.
    var connection: WebSocketConnection? { held.withLock { $0 } }
    /// What has come so far, for tests that cannot wait.
    var messagesSoFar: [[UInt8]] { messages.withLock { $0 } }
    /// How it ended so far, for tests that cannot wait.
    var ending: (code: CloseCode?, error: (any Error)?)? { ended.withLock { $0 } }
}
