import NIOCore
import Replica
import Tree
import Wire

extension Message<ByteBuffer> {
    /// How many bytes of content travel along: beside them the rest weighs little, and costs its receiver so much more
    /// than inflating it that it may always be compressed.
    var contentBytes: Int {
        switch self {
        case .changes(let deliveries, _, _): deliveries.reduce(0) { $0 + Self.bytes($1.attachment) }
        case .submit(let offers): offers.reduce(0) { $0 + Self.bytes($1.attachment) }
        case .chunks(let supply):
            supply.chunks.reduce(supply.list?.readableBytes ?? 0) { $0 + $1.content.readableBytes }
        default: 0
        }
    }

    private static func bytes(_ attachment: Attachment<ByteBuffer>) -> Int {
        attachment.bytes?.readableBytes ?? 0
    }

    /// The content in it that will be staged or received, as a rule.
    var arrivals: [StagingAhead.Arrival] {
        switch self {
        case .changes(let deliveries, _, _):
            deliveries.compactMap { Self.arrival($0.change.entry, $0.attachment) }
        case .submit(let offers):
            offers.compactMap { $0.isInquiry ? nil : Self.arrival($0.submission.entry, $0.attachment) }
        case .chunks(let supply):
            supply.chunks.map { digest, bytes in
                StagingAhead.Arrival(chunk: digest) { body in bytes.withUnsafeReadableBytes(body) }
            }
        default: []
        }
    }

    private static func arrival(_ entry: Entry, _ attachment: Attachment<ByteBuffer>) -> StagingAhead.Arrival? {
        guard case .file(let file) = entry, file.isOneChunk, case .content(let bytes) = attachment else { return nil }
        return StagingAhead.Arrival(file) { body in bytes.withUnsafeReadableBytes(body) }
    }
}
