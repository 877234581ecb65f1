package import NIOCore
package import Tree

/// Turns messages into the bytes of one WebSocket binary message each. Wire.docc describes the format.
package struct MessageEncoder: Sendable {
    private let allocator: ByteBufferAllocator

    package init(allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.allocator = allocator
    }

    /// The message's bytes. Texts that are longer than ``WireLimits`` allow are cut; all else is the caller's to keep
    /// within them, for the other side checks.
    package func encode(_ message: Message<ByteBuffer>) -> ByteBuffer {
        let bound = message.encodedBound
        var buffer = allocator.buffer(capacity: bound)
        // One call for the whole message: a call for every field costs several times as much.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { raw in
            var writer = WireWriter(raw)
            writer.append(message)
            return writer.count
        }
        return buffer
    }
}

extension WireWriter {
    fileprivate mutating func append(_ message: Message<ByteBuffer>) {
        switch message {
        case .hello(let hello): append(hello)
        case .welcome(let welcome): append(welcome)
        case .changes(let deliveries, let through, let newest):
            append(byte: Kind.changes.rawValue)
            section {
                $0.append(through.rawValue)
                $0.append(UInt64(deliveries.count))
                if newest > through { $0.append(newest.rawValue) }
            }
            var former = FormerDeliveries()
            for delivery in deliveries {
                append(delivery, after: former)
                former.append(delivery.change.path, delivery.change.revision)
            }
        case .caughtUp(let revision): append(.caughtUp, revision)
        case .submit(let offers):
            append(byte: Kind.submit.rawValue)
            section { $0.append(UInt64(offers.count)) }
            for offer in offers { append(offer) }
        case .settled(let settlements):
            append(byte: Kind.settled.rawValue)
            section { $0.append(UInt64(settlements.count)) }
            for settlement in settlements { append(settlement) }
        case .want(let want): append(want)
        case .chunks(let supply): append(supply)
        case .applied(let revision, let known):
            append(byte: Kind.applied.rawValue)
            section {
                $0.append(known.rawValue)
                $0.append(revision.rawValue)
            }
        case .everywhere(let revision): append(.everywhere, revision)
        case .upcoming(let base):
            append(byte: Kind.upcoming.rawValue)
            section { fields in if let base { fields.append(base) } }
        case .goodbye(let goodbye):
            append(byte: Kind.goodbye.rawValue)
            section {
                $0.append(byte: goodbye.reason.rawValue)
                $0.append(text: goodbye.text, limit: WireLimits.text)
            }
        }
    }

    private mutating func append(_ kind: Kind, _ revision: Revision) {
        append(byte: kind.rawValue)
        section { $0.append(revision.rawValue) }
    }

    private mutating func append(_ hello: Hello) {
        append(byte: Kind.hello.rawValue)
        append(Magic.bytes)
        append(fixed: hello.versions.lowerBound)
        append(fixed: hello.versions.upperBound)
        section {
            $0.append(fixed: hello.replica)
            $0.append(fixed: hello.cursor.epoch.rawValue)
            $0.append(hello.cursor.revision.rawValue)
            $0.append(text: hello.name, limit: WireLimits.name)
            $0.append(hello.cursor.known.revision.rawValue)
            $0.append(fixed: hello.cursor.known.term.rawValue)
        }
    }

    private mutating func append(_ welcome: Welcome) {
        append(byte: Kind.welcome.rawValue)
        section {
            $0.append(fixed: welcome.version)
            $0.append(fixed: welcome.epoch.rawValue)
            $0.append(welcome.from.rawValue)
            $0.append(welcome.head.rawValue)
            $0.append(fixed: welcome.replica)
            $0.append(byte: welcome.isReadOnly ? 1 : 0)
            $0.append(text: welcome.name, limit: WireLimits.name)
            $0.append(fixed: welcome.term.rawValue)
            $0.append(fixed: welcome.nextTerm.rawValue)
            $0.append(byte: welcome.continues ? 1 : 0)
        }
    }

    private mutating func append(_ delivery: Delivery<ByteBuffer>, after former: FormerDeliveries) {
        section {
            $0.append(byte: delivery.attachment.kind.rawValue)
            $0.append(delivery.change.path, after: former)
            $0.append(delivery.change.revision, after: former)
            $0.append(text: delivery.change.author, limit: WireLimits.name)
            $0.append(delivery.change.entry)
        }
        append(delivery.attachment)
    }

    private mutating func append(_ offer: Offer<ByteBuffer>) {
        section {
            $0.append(
                byte: offer.attachment.kind.rawValue | (offer.isInquiry ? 4 : 0)
                    | (offer.submission.isConfirmed ? 8 : 0))
            $0.append(offer.submission.path)
            $0.append(offer.submission.base.rawValue)
            $0.append(offer.number)
            $0.append(offer.submission.entry)
        }
        append(offer.attachment)
    }

    private mutating func append(_ attachment: Attachment<ByteBuffer>) {
        switch attachment {
        case .none: break
        case .content(let bytes), .list(let bytes): append(content: bytes)
        case .difference(let bytes, let former):
            append(former)
            append(content: bytes)
        }
    }

    private mutating func append(_ settlement: Settlement) {
        section {
            $0.append(settlement.number)
            switch settlement.verdict {
            case .accepted(let revision):
                $0.append(byte: VerdictKind.accepted.rawValue)
                $0.append(revision.rawValue)
            case .lost(let revision):
                $0.append(byte: VerdictKind.lost.rawValue)
                $0.append(revision.rawValue)
            case .blocked(let path):
                $0.append(byte: VerdictKind.blocked.rawValue)
                $0.append(path)
            case .refused(let refusal):
                $0.append(byte: VerdictKind.refused.rawValue)
                $0.append(byte: refusal.rawValue)
            }
        }
    }

    private mutating func append(_ want: Want) {
        append(byte: Kind.want.rawValue)
        section {
            $0.append(want.file)
            $0.append(byte: (want.list ? 1 : 0) | (want.isDoubted ? 2 : 0))
            $0.append(UInt64(want.chunks.count))
        }
        for digest in want.chunks { append(digest) }
    }

    private mutating func append(_ supply: Supply<ByteBuffer>) {
        append(byte: Kind.chunks.rawValue)
        section {
            $0.append(supply.file)
            $0.append(
                byte: (supply.list == nil ? 0 : 1) | (supply.listUnavailable ? 2 : 0) | (supply.isCompared ? 4 : 0))
            $0.append(UInt64(supply.chunks.count))
            $0.append(UInt64(supply.unavailable.count))
        }
        if let list = supply.list { append(content: list) }
        for (digest, content) in supply.chunks {
            append(digest)
            append(content: content)
        }
        for digest in supply.unavailable { append(digest) }
    }

    private mutating func append(_ entry: Entry) {
        switch entry {
        case .tombstone:
            append(byte: EntryKind.tombstone.rawValue)
        case .file(let file):
            append(byte: EntryKind.file.rawValue)
            append(fixed: file.mode.rawValue)
            append(file.size)
            append(file.digest)
            append(signed: file.mtime.seconds)
            append(fixed: file.mtime.nanoseconds)
        case .directory(let directory):
            append(byte: EntryKind.directory.rawValue)
            append(fixed: directory.mode.rawValue)
        case .symlink(let symlink):
            append(byte: EntryKind.symlink.rawValue)
            append(UInt64(symlink.target.count))
            append(symlink.target)
        }
    }
}

extension Attachment where Content == ByteBuffer {
    fileprivate var kind: AttachmentKind {
        switch self {
        case .none: .none
        case .content: .content
        case .list: .list
        case .difference: .difference
        }
    }

    package var bytes: ByteBuffer? {
        switch self {
        case .none: nil
        case .content(let bytes), .list(let bytes), .difference(let bytes, _): bytes
        }
    }
}
