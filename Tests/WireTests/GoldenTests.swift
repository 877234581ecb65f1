import NIOCore
import Testing
import Tree
import Wire

/// The bytes of one message of each kind. A change here is a change of the protocol.
@Suite struct GoldenTests {
    @Test func `The format is what it was`() throws {
        let digest = try #require(Digest(Array(0..<32) as [UInt8]))
        let other = try #require(Digest([UInt8](repeating: 0xee, count: 32)))
        func file(_ size: UInt64) -> Entry {
            .file(
                Entry.File(
                    size: size, digest: digest, mode: Mode(rawValue: 0o644),
                    mtime: Timestamp(seconds: -2, nanoseconds: 999_999_999)))
        }
        func delivery(_ path: String, _ revision: UInt64, _ entry: Entry, _ attachment: Tree.Attachment<ByteBuffer>)
            throws
            -> Delivery<ByteBuffer>
        {
            let version = Version(revision: Revision(rawValue: revision), entry: entry)
            return Delivery(
                change: Change(path: try RelativePath(path), version: version, author: "ada"), attachment: attachment)
        }
        let epoch = Epoch(rawValue: 0x0102_0304_0506_0708)
        let cursor = Cursor(
            epoch: epoch, revision: Revision(rawValue: 300),
            known: Mark(revision: Revision(rawValue: 301), term: Term(rawValue: 0x11)))
        let list = ByteBuffer(bytes: [UInt8](repeating: 0xcc, count: 12))
        let messages: [(Message<ByteBuffer>, String)] = try [
            (
                .hello(Hello(versions: 1...2, replica: 0xff, name: "ada", cursor: cursor)),
                """
                016e6f736f636b73010002002000ff000000000000000807060504030201ac0203616461ad021100000000000000
                """
            ),
            (
                .welcome(
                    Welcome(
                        version: 1, epoch: epoch, from: Revision(rawValue: 1), head: Revision(rawValue: 300),
                        replica: 0xfe, name: "hub", isReadOnly: true, term: Term(rawValue: 0x12),
                        nextTerm: Term(rawValue: 0x13),
                        continues: true)),
                "022b000100080706050403020101ac02fe00000000000000010368756212000000000000001300000000000000" + "01"
            ),
            (
                .changes(
                    [
                        delivery("a/b", 1, file(2), .content(ByteBuffer(string: "hi"))),
                        delivery("c", 2, file(70_000), .list(list)),
                        delivery("d", 3, .directory(Entry.Directory(mode: Mode(rawValue: 0o755))), .none),
                        delivery("d/e", 4, .symlink(Entry.Symlink(target: Array("a/b".utf8))), .none),
                        delivery("f", 5, .tombstone, .none),
                    ], through: Revision(rawValue: 6), newest: Revision(rawValue: 6)),
                """
                03020006053400010003612f62010361646101a40102000102030405060708090a0b0c0d0e0f10111213141516171819
                1a1b1c1d1e1f03ffc99a3b020000006869340002000163000361646101a401f0a204000102030405060708090a0b0c0d
                0e0f101112131415161718191a1b1c1d1e1f03ffc99a3b0c000000cccccccccccccccccccccccc0c0000000164000361
                646102ed010f000002022f6500036164610303612f620a0000000166000361646100
                """
            ),
            (
                .changes(
                    [delivery("g", 1, file(70_000), .difference(ByteBuffer(bytes: [0, 0, 0, 0]), from: other))],
                    through: Revision(rawValue: 1), newest: Revision(rawValue: 300)),
                """
                0304000101ac02340003000167010361646101a401f0a204000102030405060708090a0b0c0d0e0f1011121314151617
                18191a1b1c1d1e1f03ffc99a3beeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee040000
                0000000000
                """
            ),
            (.caughtUp(Revision(rawValue: 300)), "040200ac02"),
            (
                .submit([
                    Offer(
                        number: 9,
                        submission: Submission(path: RelativePath("a"), base: Revision(rawValue: 7), entry: file(2)),
                        attachment: .content(ByteBuffer(string: "hi")), isInquiry: false),
                    Offer(
                        number: 10,
                        submission: Submission(path: RelativePath("b"), base: .zero, entry: .tombstone),
                        attachment: .none, isInquiry: true),
                ]),
                """
                050100022e00010161070901a40102000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f03
                ffc99a3b0200000068690600040162000a00
                """
            ),
            (
                .settled([
                    Settlement(number: 1, verdict: .accepted(Revision(rawValue: 8))),
                    Settlement(number: 2, verdict: .lost(Revision(rawValue: 9))),
                    Settlement(number: 3, verdict: .blocked(by: RelativePath("a"))),
                    Settlement(number: 4, verdict: .refused(.guarded)),
                ]), "06010004030001010803000202090400030301610300040405"
            ),
            (
                .want(Want(file: digest, list: false, chunks: [other], isDoubted: true)),
                """
                072200000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0201eeeeeeeeeeeeeeeeeeeeee
                eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee
                """
            ),
            (
                .want(Want(file: digest, list: true, chunks: [other])),
                """
                072200000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0101eeeeeeeeeeeeeeeeeeeeee
                eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee
                """
            ),
            (
                .chunks(
                    Supply(
                        file: digest, list: list, chunks: [(other, ByteBuffer(string: "hi"))], unavailable: [digest],
                        listUnavailable: false)),
                """
                082300000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0101010c000000cccccccccccc
                cccccccccccceeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee02000000686900010203
                0405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
                """
            ),
            (.applied(Revision(rawValue: 5), known: Revision(rawValue: 300)), "090300ac0205"),
            (.everywhere(Revision(rawValue: 300)), "0b0200ac02"),
            (.upcoming(digest), "812000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
            (.upcoming(nil), "810000"),
            (.goodbye(Goodbye(reason: .version, text: "no")), "0a040001026e6f"),
        ]
        for (message, golden) in messages {
            let hex = encode(message).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            #expect(hex == golden.filter(\.isHexDigit))
            let back = try #require(try decode(encode(message)))
            #expect(isSame(back, message))
        }
    }
}
