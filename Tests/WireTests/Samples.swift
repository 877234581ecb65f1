import NIOCore
import TestSupport
import Tree
import Wire

/// Random messages, all of them valid.
struct Samples {
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func message() -> Message<ByteBuffer> {
        switch int(0...11) {
        case 0: return .hello(hello())
        case 1: return .welcome(welcome())
        case 2:
            let deliveries = many { $0.delivery() }
            let highest = deliveries.map(\.change.revision).max() ?? .zero
            return .changes(deliveries, through: highest, newest: bool() ? highest : max(highest, revision()))
        case 3: return .caughtUp(revision())
        case 4: return .submit(many { $0.offer() })
        case 5: return .settled(many { Settlement(number: $0.random.next(), verdict: $0.verdict()) })
        case 6: return .want(Want(file: digest(), list: bool(), chunks: many { $0.digest() }, isDoubted: bool()))
        case 7: return .chunks(supply())
        case 8: return .applied(revision(), known: revision())
        case 9: return .everywhere(revision())
        case 10: return .upcoming(bool() ? digest() : nil)
        default:
            let reason = Goodbye.Reason(rawValue: UInt8(int(0...5))) ?? .ended
            return .goodbye(Goodbye(reason: reason, text: text(0...60)))
        }
    }

    private mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func bool() -> Bool { Bool.random(using: &random) }

    private mutating func many<Item>(_ item: (inout Samples) -> Item) -> [Item] {
        let count = int(0...5)
        return (0..<count).map { _ in item(&self) }
    }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 1...255, using: &random) }
    }

    private mutating func buffer(_ count: Int) -> ByteBuffer { ByteBuffer(bytes: bytes(count)) }

    private mutating func digest() -> Digest {
        guard let digest = Digest(bytes(32)) else { fatalError("32 bytes are a digest") }
        return digest
    }

    /// Of any magnitude.
    private mutating func number(_ limit: UInt64) -> UInt64 {
        min(random.next() >> UInt64(int(0...63)), limit)
    }

    private mutating func revision() -> Revision { Revision(rawValue: number(UInt64(Int64.max))) }
    private mutating func text(_ range: ClosedRange<Int>) -> String {
        let letters = Array("abcXYZ09 -é日🧦")
        let count = int(range) / 4
        let text = String((0..<count).compactMap { _ in letters.randomElement(using: &random) })
        return text.isEmpty && range.lowerBound > 0 ? "x" : text
    }

    private mutating func path() -> RelativePath {
        while true {
            let components = (0...int(0...3)).map { _ in bytes(int(0...9) == 0 ? 255 : int(1...12)) }
            if let path = try? RelativePath(Array(components.joined(separator: [0x2f]))) { return path }
        }
    }

    private mutating func mode() -> Mode { Mode(rawValue: UInt16(int(0...0o777))) }

    private mutating func entry() -> Entry {
        switch int(0...4) {
        case 0: return .tombstone
        case 1: return .directory(Entry.Directory(mode: mode()))
        case 2: return .symlink(Entry.Symlink(target: bytes(int(1...40))))
        default:
            let size = bool() ? UInt64(int(0...300)) : number(ChunkingParameters.largestFile)
            let mtime = Timestamp(
                seconds: Int64(bitPattern: random.next()) >> Int64(int(0...63)),
                nanoseconds: UInt32(int(0...999_999_999)))
            return .file(Entry.File(size: size, digest: digest(), mode: mode(), mtime: mtime))
        }
    }

    private mutating func attachment(to entry: Entry) -> Attachment<ByteBuffer> {
        guard case .file(let file) = entry, bool() else { return .none }
        if file.isOneChunk { return file.size <= 300 ? .content(buffer(Int(file.size))) : .none }
        if bool() { return .difference(buffer(4 + int(0...80)), from: digest()) }
        return .list(buffer(12 + 36 * int(0...3)))
    }

    private mutating func delivery() -> Delivery<ByteBuffer> {
        let entry = entry()
        let version = Version(revision: Revision(rawValue: max(1, revision().rawValue)), entry: entry)
        return Delivery(
            change: Change(path: path(), version: version, author: text(0...60)), attachment: attachment(to: entry))
    }

    private mutating func offer() -> Offer<ByteBuffer> {
        let entry = entry()
        return Offer(
            number: random.next(),
            submission: Submission(path: path(), base: revision(), entry: entry, isConfirmed: bool()),
            attachment: attachment(to: entry), isInquiry: bool())
    }

    private mutating func verdict() -> Verdict {
        switch int(0...3) {
        case 0: .accepted(revision())
        case 1: .lost(revision())
        case 2: .blocked(by: path())
        default: .refused(Refusal(rawValue: UInt8(int(1...6))) ?? .invalid)
        }
    }

    private mutating func supply() -> Supply<ByteBuffer> {
        let hasList = bool()
        return Supply(
            file: digest(), list: hasList ? buffer(12 + 36 * int(0...3)) : nil,
            chunks: many { ($0.digest(), $0.buffer($0.int(1...100))) }, unavailable: many { $0.digest() },
            listUnavailable: !hasList && bool(), isCompared: bool())
    }

    private mutating func hello() -> Hello {
        let oldest = UInt16(int(0...3))
        let epoch = Epoch(rawValue: bool() ? 0 : max(1, random.next()))
        return Hello(
            versions: oldest...(oldest + UInt16(int(0...3))), replica: random.next(), name: text(1...60),
            cursor: Cursor(epoch: epoch, revision: epoch == .none ? .zero : revision()))
    }

    private mutating func welcome() -> Welcome {
        let head = revision()
        return Welcome(
            version: UInt16(int(0...9)), epoch: Epoch(rawValue: max(1, random.next())),
            from: Revision(rawValue: number(head.rawValue)), head: head, replica: random.next(), name: text(1...60),
            isReadOnly: bool(), term: Term(rawValue: random.next()), nextTerm: Term(rawValue: random.next()),
            continues: true)
    }
}

/// Whether two messages are the same, down to their content.
func isSame(_ left: Message<ByteBuffer>, _ right: Message<ByteBuffer>) -> Bool {
    switch (left, right) {
    case (.hello(let left), .hello(let right)): left == right
    case (.welcome(let left), .welcome(let right)): left == right
    case (.changes(let left, let leftEnd, let leftNewest), .changes(let right, let rightEnd, let rightNewest)):
        leftEnd == rightEnd && leftNewest == rightNewest
            && left.elementsEqual(right) { $0.change == $1.change && isSame($0.attachment, $1.attachment) }
    case (.caughtUp(let left), .caughtUp(let right)): left == right
    case (.submit(let left), .submit(let right)):
        left.elementsEqual(right) {
            $0.number == $1.number && $0.submission == $1.submission && $0.isInquiry == $1.isInquiry
                && isSame($0.attachment, $1.attachment)
        }
    case (.settled(let left), .settled(let right)): left == right
    case (.want(let left), .want(let right)): left == right
    case (.chunks(let left), .chunks(let right)):
        left.file == right.file && left.list == right.list && left.unavailable == right.unavailable
            && left.listUnavailable == right.listUnavailable
            && left.chunks.elementsEqual(right.chunks) { $0.digest == $1.digest && $0.content == $1.content }
    case (.applied(let left, let known), .applied(let right, let alsoKnown)): left == right && known == alsoKnown
    case (.everywhere(let left), .everywhere(let right)): left == right
    case (.upcoming(let left), .upcoming(let right)): left == right
    case (.goodbye(let left), .goodbye(let right)): left == right
    default: false
    }
}

private func isSame(_ left: Attachment<ByteBuffer>, _ right: Attachment<ByteBuffer>) -> Bool {
    switch (left, right) {
    case (.none, .none): true
    case (.content(let left), .content(let right)), (.list(let left), .list(let right)): left == right
    case (.difference(let left, let former), .difference(let right, let other)): left == right && former == other
    default: false
    }
}

func encode(_ message: Message<ByteBuffer>) -> [UInt8] {
    Array(MessageEncoder().encode(message).readableBytesView)
}

func decode(_ bytes: [UInt8]) throws(WireError) -> Message<ByteBuffer>? {
    try MessageDecoder().decode(ByteBuffer(bytes: bytes))
}
