import NIOCore
import Synchronization
import Tree

import struct Crypto.SHA256

/// What one peer holds: a folder's entries, in memory. A value, so that what all peers have in common is kept once.
struct Replica {
    /// How far it is in the feed; ``Cursor/start`` before the first hub.
    private(set) var cursor = Cursor.start
    private(set) var entries: [RelativePath: Entry] = [:]
    private var mark = Cursor.start.known

    /// A hub has answered: its feed will come from here.
    mutating func welcomed(_ welcome: Welcome) {
        if welcome.epoch != cursor.epoch || !welcome.continues {
            entries.removeAll()
            mark = Mark(revision: .zero, term: .none)
        }
        advance(to: welcome.from, knowing: welcome.from, of: welcome)
    }

    /// Takes what was sent.
    ///
    /// - Throws: What is wrong with it.
    mutating func follow(
        _ deliveries: [Delivery<ByteBuffer>], through: Revision, newest: Revision, of welcome: Welcome,
        checking content: ContentCheck
    ) throws(Failure) {
        guard through >= cursor.revision else { throw Failure("the feed ran backwards") }
        for delivery in deliveries {
            let change = delivery.change
            if case .file(let file) = change.entry {
                switch delivery.attachment {
                case .content(let bytes):
                    guard content.admits(bytes, as: file.digest) else {
                        throw Failure("the content of revision \(change.revision) is not that of its digest")
                    }
                case .none where content.knows(file.digest): break
                case .none, .list, .difference:
                    throw Failure("revision \(change.revision) came without content: it is not 64 KiB")
                }
            }
            entries[change.path] = change.entry.isLive ? change.entry : nil
        }
        advance(to: through, knowing: newest, of: welcome)
    }

    private mutating func advance(to revision: Revision, knowing newest: Revision, of welcome: Welcome) {
        if newest > mark.revision { mark = welcome.mark(covering: newest) }
        cursor = Cursor(epoch: welcome.epoch, revision: revision, known: mark)
    }
}

/// Checks content against its digest. All peers are sent the same, so the digest is computed for the first of them, and
/// for the others the bytes are compared: every byte is checked, at the speed of memory.
final class ContentCheck: Sendable {
    /// Of more than so much at a time some is hashed again.
    private static let limit = 4096

    private let known = Mutex<[Digest: ByteBuffer]>([:])

    /// Whether these are the bytes that the digest stands for.
    func admits(_ bytes: ByteBuffer, as digest: Digest) -> Bool {
        if let same = known.withLock({ $0[digest] }) { return same == bytes }
        var hash = SHA256()
        bytes.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
        guard Digest(Array(hash.finalize())) == digest else { return false }
        // A copy of its own: the message that it came in is not kept.
        let copy = ByteBuffer(bytes: bytes.readableBytesView)
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            known[digest] = copy
        }
        return true
    }

    /// Whether content of this digest has come before.
    func knows(_ digest: Digest) -> Bool { known.withLock { $0[digest] != nil } }
}
