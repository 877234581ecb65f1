import NIOCore
import Testing
import Tree
import Wire

@Suite struct RoundTripTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `What was encoded comes back`(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        for number in 0..<100 {
            let message = samples.message()
            let bytes = encode(message)
            let back = try #require(try decode(bytes), "seed \(seed), message \(number)")
            #expect(isSame(back, message), "seed \(seed), message \(number): \(message)")
            #expect(encode(back) == bytes, "seed \(seed), message \(number)")
        }
    }

    @Test func `Content is a slice of the message, wherever the message starts`() throws {
        let digest = try #require(Digest([UInt8](repeating: 1, count: 32)))
        let supply = Supply(
            file: digest, list: nil, chunks: [(digest, ByteBuffer(string: "content"))], unavailable: [],
            listUnavailable: false)
        var buffer = ByteBuffer(string: "before")
        buffer.writeImmutableBuffer(MessageEncoder().encode(.chunks(supply)))
        buffer.moveReaderIndex(forwardBy: 6)
        guard case .chunks(let back) = try MessageDecoder().decode(buffer) else {
            Issue.record("another message")
            return
        }
        let content = try #require(back.chunks.first?.content)
        #expect(content == ByteBuffer(string: "content"))
        let inside = buffer.withUnsafeReadableBytes { whole in
            content.withUnsafeReadableBytes { part in
                guard let start = whole.baseAddress, let slice = part.baseAddress else { return false }
                return start <= slice && slice < start + whole.count
            }
        }
        #expect(inside)
    }

    @Test func `Texts are cut between characters to what the other side takes`() throws {
        let long = String(repeating: "é", count: 150)
        guard case .goodbye(let goodbye) = try decode(encode(.goodbye(Goodbye(reason: .failed, text: "a" + long))))
        else {
            Issue.record("another message")
            return
        }
        #expect(goodbye.text == "a" + String(repeating: "é", count: 99))
    }

    @Test func `The largest of everything fits`() throws {
        let path = try RelativePath((1...4095).map { $0 % 256 == 0 ? 0x2f : 0x78 })
        let link = Entry.symlink(Entry.Symlink(target: [UInt8](repeating: 0x79, count: 4095)))
        let version = Version(revision: Revision(rawValue: UInt64(Int64.max)), entry: link)
        let delivery = Delivery<ByteBuffer>(
            change: Change(path: path, version: version, author: String(repeating: "z", count: 64)), attachment: .none)
        let message = Message.changes([delivery], through: version.revision, newest: version.revision)
        let back = try #require(try decode(encode(message)))
        #expect(isSame(back, message))
    }
}
