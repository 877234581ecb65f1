package import NIOCore
package import Tree

/// Turns the bytes of one WebSocket binary message into a message, checking all of it.
///
/// Content comes as slices of the message's buffer, without a copy, and so keeps the whole buffer in memory.
package struct MessageDecoder: Sendable {
    package init() {}

    /// The message, or nil where it is of a kind that is unknown here and may be passed over.
    package func decode(_ buffer: ByteBuffer) throws(WireError) -> Message<ByteBuffer>? {
        try buffer.withUnsafeReadableBytes { raw in
            Result { () throws(WireError) in
                var decoding = Decoding(buffer: buffer, reader: WireReader(raw))
                return try decoding.message()
            }
        }.get()
    }
}

/// One message being read.
private struct Decoding {
    let buffer: ByteBuffer
    var reader: WireReader

    mutating func message() throws(WireError) -> Message<ByteBuffer>? {
        let byte = try reader.byte(.kind)
        guard let kind = Kind(rawValue: byte) else {
            guard byte & Kind.skippable != 0 else { throw .unknownKind(byte) }
            return nil
        }
        // What a `hello` of a later version has after the part known here is its own affair.
        if kind == .hello { return .hello(try hello()) }
        let message = try message(of: kind)
        try reader.finish()
        return message
    }

    private mutating func message(of kind: Kind) throws(WireError) -> Message<ByteBuffer> {
        switch kind {
        case .hello: return .hello(try hello())
        case .welcome: return .welcome(try welcome())
        case .changes:
            let (through, count, newest) = try reader.section { (fields) throws(WireError) in
                let through = try fields.revision()
                let count = try fields.count(upTo: WireLimits.entries, .count)
                let newest = fields.remaining == 0 ? through : try fields.revision()
                guard newest >= through else { throw .inconsistent(.revision) }
                return (through, count, newest)
            }
            var former = FormerDeliveries()
            let deliveries = try items(count) { (decoding) throws(WireError) in
                let delivery = try decoding.delivery(after: former, through: through)
                former.append(delivery.change.path, delivery.change.revision)
                return delivery
            }
            return .changes(deliveries, through: through, newest: newest)
        case .caughtUp: return .caughtUp(try reader.section { (fields) throws(WireError) in try fields.revision() })
        case .submit:
            return .submit(try items(try itemCount()) { (decoding) throws(WireError) in try decoding.offer() })
        case .settled:
            return .settled(try items(try itemCount()) { (decoding) throws(WireError) in try decoding.settlement() })
        case .want: return .want(try want())
        case .chunks: return .chunks(try supply())
        case .applied:
            return try reader.section { (fields) throws(WireError) in
                let known = try fields.revision()
                return .applied(try fields.revision(), known: known)
            }
        case .everywhere: return .everywhere(try reader.section { (fields) throws(WireError) in try fields.revision() })
        case .upcoming:
            return .upcoming(
                try reader.section { (fields) throws(WireError) in fields.remaining == 0 ? nil : try fields.digest() })
        case .goodbye: return .goodbye(try goodbye())
        }
    }

    // MARK: Lists

    private mutating func itemCount() throws(WireError) -> Int {
        try reader.section { (fields) throws(WireError) in try fields.count(upTo: WireLimits.entries, .count) }
    }

    /// No item takes less than this, so a count that cannot be is known before room is made for it.
    private static let leastItem = 4

    private mutating func items<Item>(
        _ count: Int, _ item: (inout Decoding) throws(WireError) -> Item
    ) throws(WireError) -> [Item] {
        guard count <= reader.remaining / Self.leastItem else { throw .truncated(.count) }
        var items: [Item] = []
        items.reserveCapacity(count)
        for _ in 0..<count { items.append(try item(&self)) }
        return items
    }

    private mutating func digests(_ count: Int) throws(WireError) -> [Digest] {
        guard count <= reader.remaining / Digest.byteCount else { throw .truncated(.digest) }
        var digests: [Digest] = []
        digests.reserveCapacity(count)
        for _ in 0..<count { digests.append(try reader.digest()) }
        return digests
    }

    private mutating func content(
        _ range: ClosedRange<Int>, _ field: WireError.Field
    ) throws(WireError) -> ByteBuffer {
        let length = Int(try reader.fixed(UInt32.self, field))
        guard range.contains(length) else { throw .outOfRange(field, UInt64(length)) }
        let start = reader.offset
        try reader.skip(length, field)
        guard let slice = buffer.getSlice(at: buffer.readerIndex + start, length: length) else {
            throw .truncated(field)
        }
        return slice
    }

    private mutating func list(upTo limit: Int) throws(WireError) -> ByteBuffer {
        let list = try content(12...limit, .list)
        guard (list.readableBytes - 12) % 36 == 0 else { throw .outOfRange(.list, UInt64(list.readableBytes)) }
        return list
    }

    // MARK: Messages

    private mutating func hello() throws(WireError) -> Hello {
        guard reader.remaining >= Magic.bytes.count else { throw .truncated(.magic) }
        guard try reader.take(Magic.bytes.count, .magic).elementsEqual(Magic.bytes) else { throw .notNosocks }
        let oldest = try reader.fixed(UInt16.self, .versions)
        let newest = try reader.fixed(UInt16.self, .versions)
        guard oldest <= newest else { throw .inconsistent(.versions) }
        return try reader.section { (fields) throws(WireError) in
            let replica = try fields.fixed(UInt64.self, .replica)
            let epoch = Epoch(rawValue: try fields.fixed(UInt64.self, .epoch))
            let revision = try fields.revision()
            let name = try fields.text(1...WireLimits.name, .name)
            let known = fields.remaining == 0 ? Mark(revision: revision, term: .none) : try fields.mark()
            let cursor = Cursor(epoch: epoch, revision: revision, known: known)
            guard epoch != .none || cursor == .start, known.revision >= revision else { throw .inconsistent(.cursor) }
            return Hello(versions: oldest...newest, replica: replica, name: name, cursor: cursor)
        }
    }

    private mutating func welcome() throws(WireError) -> Welcome {
        try reader.section { (fields) throws(WireError) in
            let version = try fields.fixed(UInt16.self, .versions)
            let epoch = Epoch(rawValue: try fields.fixed(UInt64.self, .epoch))
            guard epoch != .none else { throw .outOfRange(.epoch, 0) }
            let from = try fields.revision()
            let head = try fields.revision()
            guard from <= head else { throw .inconsistent(.revision) }
            let replica = try fields.fixed(UInt64.self, .replica)
            let flags = try fields.flags(1)
            let name = try fields.text(1...WireLimits.name, .name)
            let isWithoutTerms = fields.remaining == 0
            let term = isWithoutTerms ? .none : try fields.term()
            let nextTerm = isWithoutTerms ? .none : try fields.term()
            let continues = isWithoutTerms ? true : try fields.flags(1) != 0
            guard continues || from == .zero else { throw .inconsistent(.revision) }
            return Welcome(
                version: version, epoch: epoch, from: from, head: head, replica: replica, name: name,
                isReadOnly: flags != 0, term: term, nextTerm: nextTerm, continues: continues)
        }
    }

    private mutating func delivery(
        after former: FormerDeliveries, through: Revision
    ) throws(WireError) -> Delivery<ByteBuffer> {
        let (kind, change) = try reader.section { (fields) throws(WireError) in
            let kind = try fields.byte(.attachment)
            let path = try fields.path(after: former)
            let revision = try fields.revision(after: former)
            guard revision <= through else { throw .inconsistent(.revision) }
            let author = try fields.text(0...WireLimits.name, .author)
            let version = Version(revision: revision, entry: try fields.entry())
            return (kind, Change(path: path, version: version, author: author))
        }
        return Delivery(change: change, attachment: try attachment(kind, to: change.entry))
    }

    private mutating func offer() throws(WireError) -> Offer<ByteBuffer> {
        let (flags, number, submission) = try reader.section { (fields) throws(WireError) in
            let flags = try fields.flags(15)
            let path = try fields.path()
            let base = try fields.revision()
            let number = try fields.unsigned(.number)
            let submission = Submission(
                path: path, base: base, entry: try fields.entry(), isConfirmed: flags & 8 != 0)
            return (flags, number, submission)
        }
        return Offer(
            number: number, submission: submission, attachment: try attachment(flags & 3, to: submission.entry),
            isInquiry: flags & 4 != 0)
    }

    private mutating func attachment(_ byte: UInt8, to entry: Entry) throws(WireError) -> Attachment<ByteBuffer> {
        guard let kind = AttachmentKind(rawValue: byte) else { throw .outOfRange(.attachment, UInt64(byte)) }
        if kind == .none { return .none }
        guard case .file(let file) = entry, file.isOneChunk == (kind == .content) else {
            throw .inconsistent(.attachment)
        }
        let listLimit = WireLimits.list(ofFileSize: file.size)
        if kind == .list { return .list(try list(upTo: listLimit)) }
        if kind == .difference {
            let former = try reader.digest()
            return .difference(try content(4...max(4, listLimit), .list), from: former)
        }
        let size = Int(file.size)
        return .content(try content(size...size, .attachment))
    }

    private mutating func settlement() throws(WireError) -> Settlement {
        try reader.section { (fields) throws(WireError) in
            let number = try fields.unsigned(.number)
            return Settlement(number: number, verdict: try fields.verdict())
        }
    }

    private mutating func want() throws(WireError) -> Want {
        let (file, flags, count) = try reader.section { (fields) throws(WireError) in
            (try fields.digest(), try fields.flags(3), try fields.count(upTo: WireLimits.digests, .count))
        }
        return Want(file: file, list: flags & 1 != 0, chunks: try digests(count), isDoubted: flags & 2 != 0)
    }

    private mutating func supply() throws(WireError) -> Supply<ByteBuffer> {
        let (file, flags, chunkCount, unavailableCount) = try reader.section { (fields) throws(WireError) in
            (
                try fields.digest(), try fields.flags(7), try fields.count(upTo: WireLimits.digests, .count),
                try fields.count(upTo: WireLimits.digests, .count)
            )
        }
        guard flags & 3 != 3 else { throw .inconsistent(.list) }
        let list = flags & 1 != 0 ? try list(upTo: WireLimits.list) : nil
        let chunks = try items(chunkCount) { (decoding) throws(WireError) in
            (digest: try decoding.reader.digest(), content: try decoding.content(1...WireLimits.chunk, .chunk))
        }
        return Supply(
            file: file, list: list, chunks: chunks, unavailable: try digests(unavailableCount),
            listUnavailable: flags & 2 != 0, isCompared: flags & 4 != 0)
    }

    private mutating func goodbye() throws(WireError) -> Goodbye {
        try reader.section { (fields) throws(WireError) in
            // A reason of a later version is still a goodbye, and its text says the rest.
            let reason = Goodbye.Reason(rawValue: try fields.byte(.reason)) ?? .failed
            return Goodbye(reason: reason, text: try fields.text(0...WireLimits.text, .text))
        }
    }
}
