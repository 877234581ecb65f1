import NIOCore
import Tree

// How many bytes a message takes at the most: what is of varying length is counted, the rest is taken at its longest.
// So one look over the message finds its room, and one more fills it.

private enum Bound {
    /// The kind, the magic, and a first section with its fixed fields.
    static let head = 160
    /// An item's section without its path, author and target: 2 + 1 + 4 + 3 × 10 + 1, and a file's 1 + 2 + 10 + 32 + 10 + 4.
    static let item = 128
    static let contentLength = 4
}

extension Message where Content == ByteBuffer {
    var encodedBound: Int {
        switch self {
        case .hello, .welcome: Bound.head + WireLimits.name
        case .caughtUp, .applied, .everywhere, .upcoming: Bound.head
        case .goodbye: Bound.head + WireLimits.text
        case .changes(let deliveries, _, _):
            deliveries.reduce(Bound.head) {
                $0 + Bound.item + WireLimits.name + $1.change.path.bytes.count + $1.change.entry.varyingBytes
                    + $1.attachment.encodedBound
            }
        case .submit(let offers):
            offers.reduce(Bound.head) {
                $0 + Bound.item + $1.submission.path.bytes.count + $1.submission.entry.varyingBytes
                    + $1.attachment.encodedBound
            }
        case .settled(let settlements):
            settlements.reduce(Bound.head) {
                if case .blocked(let path) = $1.verdict { $0 + Bound.item + path.bytes.count } else { $0 + Bound.item }
            }
        case .want(let want): Bound.head + want.chunks.count * Digest.byteCount
        case .chunks(let supply):
            supply.chunks.reduce(
                Bound.head + Bound.contentLength + (supply.list?.readableBytes ?? 0)
                    + supply.unavailable.count * Digest.byteCount
            ) {
                $0 + Digest.byteCount + Bound.contentLength + $1.content.readableBytes
            }
        }
    }
}

extension Entry {
    fileprivate var varyingBytes: Int {
        if case .symlink(let symlink) = self { symlink.target.count } else { 0 }
    }
}

extension Attachment where Content == ByteBuffer {
    fileprivate var encodedBound: Int {
        bytes.map { Digest.byteCount + Bound.contentLength + $0.readableBytes } ?? 0
    }
}
