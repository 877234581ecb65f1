import NIOCore
import Replica
import Tree

extension Message<ByteBuffer> {
    /// The content in it that will be staged or received, as a rule.
    var arrivals: [StagingAhead.Arrival] {
        switch self {
        case .changes(let deliveries, _):
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
