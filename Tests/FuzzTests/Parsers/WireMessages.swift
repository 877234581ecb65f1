import NIOCore
import Tree
import Wire

extension Parser {
    func eatMessage(_ input: [UInt8]) throws {
        guard let message = try? MessageDecoder().decode(ByteBuffer(bytes: input)) else { return }
        let encoded = MessageEncoder().encode(message)
        guard let back = try MessageDecoder().decode(encoded) else { throw Broken("skipped its own message") }
        try demand(MessageEncoder().encode(back) == encoded, "another message came back: \(message), \(back)")
    }

    func messageSeeds() throws -> [[UInt8]] {
        let digest = try digest()
        let path = try RelativePath("some/path.txt")
        let revision = Revision(rawValue: 7)
        let small = entry(size: 3, digest)
        let large = entry(size: 100_000, digest)
        let content = Attachment.content(ByteBuffer(string: "abc"))
        let list = Attachment.list(ByteBuffer(bytes: try listSeeds()[0]))
        let difference = Attachment.difference(ByteBuffer(bytes: try differenceSeeds()[1]), from: digest)
        func delivery(_ entry: Entry, _ attachment: Attachment<ByteBuffer>) -> Delivery<ByteBuffer> {
            Delivery(
                change: Change(path: path, version: Version(revision: revision, entry: entry), author: "ann"),
                attachment: attachment)
        }
        func offer(_ entry: Entry, _ attachment: Attachment<ByteBuffer>) -> Offer<ByteBuffer> {
            Offer(
                number: 300, submission: Submission(path: path, base: revision, entry: entry, isConfirmed: true),
                attachment: attachment, isInquiry: true)
        }
        let directory = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
        let symlink = Entry.symlink(Entry.Symlink(target: Array("target".utf8)))
        let messages: [Message<ByteBuffer>] = [
            .hello(
                Hello(
                    versions: 1...2, replica: 99, name: "ann",
                    cursor: Cursor(epoch: Epoch(rawValue: 5), revision: revision))),
            .welcome(
                Welcome(
                    version: 1, epoch: Epoch(rawValue: 5), from: revision, head: revision, replica: 9, name: "hub",
                    isReadOnly: true, term: Term(rawValue: 6), nextTerm: Term(rawValue: 7), continues: true)),
            .changes(
                [
                    delivery(small, content), delivery(large, list), delivery(large, difference),
                    delivery(directory, .none), delivery(.tombstone, .none), delivery(symlink, .none),
                ], through: revision, newest: revision.next),
            .caughtUp(revision),
            .submit([
                offer(small, content), offer(large, list), offer(large, difference), offer(.tombstone, .none),
            ]),
            .settled(
                [.accepted(revision), .lost(revision), .blocked(by: path), .refused(.invalid)].map {
                    Settlement(number: 1 << 40, verdict: $0)
                }),
            .want(Want(file: digest, list: true, chunks: [digest, digest])),
            .chunks(
                Supply(
                    file: digest, list: ByteBuffer(bytes: try listSeeds()[0]),
                    chunks: [(digest: digest, content: ByteBuffer(string: "chunk"))], unavailable: [digest],
                    listUnavailable: false)),
            .applied(revision, known: revision), .everywhere(revision), .goodbye(Goodbye(reason: .ended, text: "bye")),
        ]
        return messages.map { Array(MessageEncoder().encode($0).readableBytesView) }
    }

    func eatList(_ input: [UInt8]) throws {
        guard let list = ChunkList(encoded: input) else { return }
        try demand(list.encoded() == input, "another list came back")
        try demand(list.chunks.reduce(0) { $0 + UInt64($1.size) } == list.fileSize, "sizes that do not add up")
    }

    func eatDifference(_ input: [UInt8]) throws {
        let base = try largeList(of: 1_000_000, 30)
        for size in [100_000, 1_000_000, UInt64.max] {
            guard let list = ChunkListDifference.apply(input, to: base, fileSize: size) else { continue }
            try demand((list.count - 12) % 36 == 0, "the list ends within a chunk")
            guard let again = ChunkListDifference.encode(list, from: base) else { continue }
            let back = ChunkListDifference.apply(again, to: base, fileSize: size)
            try demand(back == list, "another list came back")
        }
    }

    func differenceSeeds() throws -> [[UInt8]] {
        let base = try largeList(of: 1_000_000, 30)
        var edited = base
        edited[12 + 36 * 7 + 5] ^= 1
        let shifted = base[..<12] + base[(12 + 36)...] + base[12..<(12 + 36)]
        return [base, edited, Array(shifted)].compactMap { ChunkListDifference.encode($0, from: base) }
    }

    /// A list of chunks of different digests.
    private func largeList(of size: UInt64, _ count: Int) throws -> [UInt8] {
        let chunks = (0..<count).compactMap { number in
            Digest([UInt8](repeating: UInt8(number), count: 32)).map { Chunk(size: 20_000, digest: $0) }
        }
        return ChunkList(fileSize: size, chunks: chunks).encoded()
    }

    func listSeeds() throws -> [[UInt8]] {
        let digest = try digest()
        return [(70_000, [60_000, 10_000]), (100_000, [32_768, 32_768, 32_768, 1_696])].map { size, chunks in
            ChunkList(fileSize: size, chunks: chunks.map { Chunk(size: $0, digest: digest) }).encoded()
        }
    }

    func digest() throws -> Digest {
        guard let digest = Digest(1...32 as ClosedRange<UInt8>) else { throw Broken("32 bytes are no digest") }
        return digest
    }

    func entry(size: UInt64, _ digest: Digest) -> Entry {
        .file(
            Entry.File(
                size: size, digest: digest, mode: Mode(rawValue: 0o644),
                mtime: Timestamp(seconds: -1_700_000_000, nanoseconds: 999_999_999)))
    }
}
