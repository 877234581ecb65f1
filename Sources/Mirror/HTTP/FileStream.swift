import NIOCore
import Replica
import Tree

/// Hands out a file, or a part of it, a piece at a time. Each piece was compared with its digest before it is handed out.
struct FileStream: Sendable {
    enum Piece: Sendable {
        case bytes(ByteBuffer)
        /// This chunk is not where it was.
        case lost(Chunk)
    }

    /// In bytes; a piece is larger by a chunk at the most.
    private static let pieceSize = 256 << 10

    let content: FileContent
    private var rest: Range<UInt64>
    /// The chunk to be read next, and where it begins.
    private var index = 0
    private var start: UInt64 = 0

    init(_ content: FileContent, _ range: Range<UInt64>) {
        self.content = content
        rest = range
        while index < content.chunks.count, start + UInt64(content.chunks[index].size) <= range.lowerBound { pass() }
    }

    var isEmpty: Bool { rest.isEmpty || index >= content.chunks.count }

    private mutating func pass() {
        start += UInt64(content.chunks[index].size)
        index += 1
    }

    /// Reads on; blocks. Where a chunk is lost, what was read before it is handed out first.
    mutating func next() -> Piece {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(Int(min(UInt64(Self.pieceSize + (1 << 18)), rest.upperBound - start)))
        while !isEmpty, buffer.readableBytes < Self.pieceSize {
            let chunk = content.chunks[index]
            let offset = start
            var isThere = false
            let writer = buffer.writerIndex
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(chunk.size)) { space in
                let place = UnsafeMutableRawBufferPointer(rebasing: space[..<Int(chunk.size)])
                isThere = content.read(chunk, at: offset, into: place)
                return isThere ? place.count : 0
            }
            guard isThere else {
                return buffer.readableBytes > 0 ? .bytes(buffer) : .lost(chunk)
            }
            trim(&buffer, from: writer, chunk)
            pass()
        }
        return .bytes(buffer)
    }

    /// Takes what was found elsewhere of the chunk that was lost.
    mutating func take(_ bytes: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer(bytes: bytes)
        trim(&buffer, from: 0, content.chunks[index])
        pass()
        return buffer
    }

    /// Leaves of the chunk that was just written what belongs to the range.
    private mutating func trim(_ buffer: inout ByteBuffer, from writer: Int, _ chunk: Chunk) {
        let end = start + UInt64(chunk.size)
        if end > rest.upperBound { buffer.moveWriterIndex(to: buffer.writerIndex - Int(end - rest.upperBound)) }
        // Only the first chunk of a range begins before it, and there is nothing in front of that in the buffer.
        if start < rest.lowerBound { buffer.moveReaderIndex(to: writer + Int(rest.lowerBound - start)) }
        rest = min(end, rest.upperBound)..<rest.upperBound
    }
}
