import NIOCore
import Tree

/// Large files that were offered to the hub: how much of them has gone to it.
struct Uploads {
    private var files: [Digest: (size: UInt64, sent: UInt64)] = [:]

    /// What the hub already has of them counts as left, until they are in the feed.
    var underway: Underway {
        files.values.reduce(into: Underway()) { all, file in
            all.done += file.sent
            all.left += file.size - file.sent
        }
    }

    mutating func sends(_ message: Message<ByteBuffer>) {
        switch message {
        case .submit(let offers):
            for case .file(let file) in offers.lazy.filter({ $0.attachment.isList }).map(\.submission.entry) {
                if files[file.digest] == nil { files[file.digest] = (file.size, 0) }
            }
        case .chunks(let supply):
            guard let file = files[supply.file] else { return }
            let sent = supply.chunks.reduce(file.sent) { $0 + UInt64($1.content.readableBytes) }
            files[supply.file] = (file.size, min(file.size, sent))
        default: break
        }
    }

    mutating func ended(_ change: Change) {
        if let file = change.entry.largeFile { files[file.digest] = nil }
    }

    mutating func removeAll() { files.removeAll() }
}

extension Attachment {
    fileprivate var isList: Bool {
        switch self {
        case .list, .difference: true
        case .none, .content: false
        }
    }
}
