import NIOCore
import Synchronization
import Tree
import WebSocket

/// A piece of the feed as event lines. They are encoded once, and framed once for each way in which followers get them: all
/// of those share the bytes.
final class FeedPiece: Sendable {
    private struct Line {
        let revision: Revision
        let range: Range<Int>
    }

    private struct Forms {
        var stream: ByteBuffer?
        var frames: PreparedMessage?
    }

    /// Up to where in the feed it goes.
    let through: Revision
    private let epoch: Epoch
    private let text: ByteBuffer
    private let lines: [Line]
    private let forms = Mutex(Forms())

    /// - Parameter changes: Each with what was there before, if that is known.
    init(_ changes: [(change: Change, was: Entry?)], epoch: Epoch, through: Revision) {
        var text = EventText()
        var lines: [Line] = []
        let time = EventText.text(.now)
        for line in FeedLine.lines(of: changes) {
            let start = text.buffer.writerIndex
            text.write(line, time: time)
            lines.append(Line(revision: line.revision, range: start..<text.buffer.writerIndex))
        }
        self.through = through
        self.epoch = epoch
        self.text = text.buffer
        self.lines = lines
    }

    /// In bytes, in one form.
    var size: Int { text.readableBytes + 64 * lines.count }
    var isEmpty: Bool { lines.isEmpty }

    /// As Server-Sent Events, whose ids are cursors.
    var stream: ByteBuffer {
        forms.withLock { forms in
            if let stream = forms.stream { return stream }
            var stream = ByteBuffer()
            stream.reserveCapacity(size)
            for line in lines {
                stream.writeString("id: \(epoch):\(line.revision)\ndata: ")
                stream.writeImmutableBuffer(bytes(of: line))
                stream.writeStaticString("\n\n")
            }
            forms.stream = stream
            return stream
        }
    }

    /// As a WebSocket's text messages, one a line.
    func frames(_ prepare: ([ByteBuffer]) -> PreparedMessage) -> PreparedMessage {
        forms.withLock { forms in
            if let frames = forms.frames { return frames }
            let frames = prepare(lines.map(bytes))
            forms.frames = frames
            return frames
        }
    }

    private func bytes(of line: Line) -> ByteBuffer {
        text.getSlice(at: line.range.lowerBound, length: line.range.count) ?? ByteBuffer()
    }
}
