import NIOCore
import Synchronization
import WebSocket

/// What happened that is no change, as an event line: who came and went, conflicts, problems, deletions that are held. It is
/// told once, to whoever is there; `GET /status` has how things stand.
final class FeedNotice: Sendable {
    private let line: ByteBuffer
    private let frame = Mutex<PreparedMessage?>(nil)

    /// Nil for what is told to whoever runs the hub alone.
    init?(_ event: MirrorEvent) {
        var text = EventText()
        guard text.write(event, time: EventText.text(.now)) else { return nil }
        line = text.take()
    }

    func frame(_ prepare: ([ByteBuffer]) -> PreparedMessage) -> PreparedMessage {
        frame.withLock { frame in
            if let frame { return frame }
            let made = prepare([line])
            frame = made
            return made
        }
    }
}
