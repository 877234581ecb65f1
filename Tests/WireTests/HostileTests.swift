import NIOCore
import TestSupport
import Testing
import Tree
import Wire

@Suite struct HostileTests {
    @Test func `A message that was cut anywhere is refused`() throws {
        var samples = Samples(seed: 1)
        for _ in 0..<100 {
            let bytes = encode(samples.message())
            for count in 0..<bytes.count {
                #expect(throws: WireError.self) { try decode(Array(bytes[..<count])) }
            }
        }
    }

    @Test func `Mutated messages are refused or mean something`() throws {
        let seed: UInt64 = 42
        var samples = Samples(seed: seed)
        var random = SeededRandom(seed: seed)
        var refused = 0
        var inputs = 0
        for _ in 0..<2_000 {
            let original = encode(samples.message())
            for _ in 0..<100 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&bytes, using: &random) }
                inputs += 1
                do {
                    guard let message = try decode(bytes) else { continue }
                    let again = encode(message)
                    let back = try decode(again)
                    guard let back, isSame(back, message), encode(back) == again else {
                        Issue.record("seed \(seed), input \(inputs): \(bytes)")
                        continue
                    }
                } catch {
                    refused += 1
                }
            }
        }
        print("wire: \(inputs) mutated messages, \(refused) refused")
    }

    private func mutate(_ bytes: inout [UInt8], using random: inout SeededRandom) {
        let values: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
        guard !bytes.isEmpty else { return bytes.append(values[5]) }
        // Lengths and counts stand near the front.
        let span = Bool.random(using: &random) ? min(bytes.count, 48) : bytes.count
        let offset = Int.random(in: 0..<span, using: &random)
        switch Int.random(in: 0...4, using: &random) {
        case 0: bytes[offset] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1: bytes[offset] = values.randomElement(using: &random) ?? 0
        case 2: bytes.insert(values.randomElement(using: &random) ?? 0, at: offset)
        case 3: bytes.remove(at: offset)
        default: bytes.replaceSubrange(offset..., with: bytes.shuffled(using: &random).prefix(8))
        }
    }

    @Test(
        arguments: [
            ([], WireError.truncated(.kind)),
            ([0x00], .unknownKind(0)),
            ([0x0c, 1, 2, 3], .unknownKind(0x0c)),
            ([0x01] + Array("nosucks".utf8), .notNosocks),
            ([0x01] + Array("GET / HTTP/1.1".utf8), .notNosocks),
            ([0x01] + Array("nosocks".utf8) + [2, 0, 1, 0], .inconsistent(.versions)),
            ([0x04, 1, 0, 5, 9, 9], .trailingBytes(2)),
            ([0x04, 2, 0, 5], .truncated(.section)),
            ([0x04, 10, 0] + [UInt8](repeating: 0xff, count: 9) + [0x01], .outOfRange(.revision, .max)),
            ([0x04, 10, 0] + [UInt8](repeating: 0xff, count: 10), .outOfRange(.revision, .max)),
            ([0x05, 3, 0, 0xff, 0xff, 0x03], .truncated(.count)),
            ([0x05, 3, 0, 0x81, 0x80, 0x04], .outOfRange(.count, 65537)),
            ([0x06, 1, 0, 1, 3, 0, 7, 9, 0], .outOfRange(.verdict, 9)),
            ([0x06, 1, 0, 1, 3, 0, 7, 4, 0], .outOfRange(.refusal, 0)),
            ([0x06, 1, 0, 1, 5, 0, 7, 3, 2, 0x2e, 0x2e], .path(.dotComponent)),
            ([0x0a, 3, 0, 0, 1, 0xff], .notUTF8(.text)),
            ([0x0a, 2, 0, 0, 201], .outOfRange(.text, 201)),
        ] as [([UInt8], WireError)])
    func `An error says what was wrong`(bytes: [UInt8], error: WireError) {
        #expect(throws: error) { try decode(bytes) }
    }

    /// An offer of one entry at `a`, with fields of a section in the order of the format.
    private func offer(_ flags: UInt8, _ entry: [UInt8], content: [UInt8]? = nil) -> [UInt8] {
        let fields = [flags, 1, 0x61, 0, 0] + entry
        let attached = content.map { [UInt8($0.count), 0, 0, 0] + $0 } ?? []
        return [0x05, 1, 0, 1, UInt8(fields.count), 0] + fields + attached
    }

    private func file(mode: [UInt8] = [0xa4, 1], size: [UInt8] = [2], nanoseconds: [UInt8] = [0, 0, 0, 0]) -> [UInt8] {
        [1] + mode + size + [UInt8](repeating: 7, count: 32) + [0] + nanoseconds
    }

    @Test func `An entry that cannot be is refused`() throws {
        func expect(_ error: WireError, _ bytes: [UInt8]) {
            #expect(throws: error) { try decode(bytes) }
        }
        #expect(try decode(offer(0, file())) != nil)
        expect(.outOfRange(.entry, 9), offer(0, [9]))
        expect(.outOfRange(.flags, 16), offer(16, file()))
        expect(.outOfRange(.mode, 0o1000), offer(0, file(mode: [0x00, 0x02])))
        expect(.outOfRange(.nanoseconds, 1_000_000_000), offer(0, file(nanoseconds: [0x00, 0xca, 0x9a, 0x3b])))
        let tooLarge: [UInt8] = [0x81, 0x80, 0x80, 0x80, 0x80, 0x20]
        expect(.outOfRange(.size, (1 << 40) + 1), offer(0, file(size: tooLarge)))
        expect(.outOfRange(.target, 0), offer(0, [3, 0]))
        expect(.outOfRange(.target, 4096), offer(0, [3, 0x80, 0x20]))
        expect(.inconsistent(.target), offer(0, [3, 2, 0x61, 0]))
    }

    /// A delivery's section: of a path that begins with `b / 2` bytes of another one, and a deleted entry.
    private func delivery(_ b: [UInt8], _ rest: String, revision: UInt8) -> [UInt8] {
        let fields = [0] + b + [UInt8(rest.utf8.count)] + Array(rest.utf8) + [revision, 0, 0]
        return [UInt8(fields.count), 0] + fields
    }

    @Test func `A delivery builds on what is before it, and on nothing else`() throws {
        func changes(_ deliveries: [UInt8]...) -> [UInt8] {
            [0x03, 2, 0, 9, UInt8(deliveries.count)] + deliveries.joined()
        }
        func expect(_ error: WireError, _ bytes: [UInt8]) {
            #expect(throws: error) { try decode(bytes) }
        }
        let first = delivery([0], "new/a", revision: 3)
        let second = delivery([0], "old/a", revision: 0)
        guard
            case .changes(let deliveries, _, _) = try decode(
                changes(first, second, delivery([9], "b", revision: 0), delivery([9], "b", revision: 7)))
        else {
            Issue.record("another message")
            return
        }
        #expect(
            deliveries.map { String(decoding: $0.change.path.bytes, as: UTF8.self) } == [
                "new/a", "old/a", "new/b", "old/b",
            ])
        #expect(deliveries.map(\.change.revision.rawValue) == [3, 4, 5, 7])
        expect(.outOfRange(.revision, 0), changes(delivery([0], "a", revision: 0)))
        expect(.outOfRange(.path, 2), changes(delivery([2], "a", revision: 1)))
        expect(.outOfRange(.path, 3), changes(first, delivery([3], "a", revision: 0)))
        expect(.outOfRange(.path, 12), changes(first, delivery([12], "", revision: 0)))
        expect(
            .outOfRange(.path, .max),
            changes(first, delivery([UInt8](repeating: 0xff, count: 9) + [1], "", revision: 0)))
        expect(.path(.emptyComponent), changes(first, delivery([8], "", revision: 0)))
        expect(.inconsistent(.revision), changes(delivery([0], "a", revision: 9), delivery([0], "b", revision: 0)))
    }

    @Test func `Paths that are told by one another do not grow without bound`() throws {
        let components = [String](repeating: String(repeating: "a", count: 204), count: 19).joined(separator: "/")
        var message: [UInt8] = [0x03, 4, 0, 1, 0xff, 0xff, 0x03]
        let path = Array(components.utf8)
        let fields = [0, 0, UInt8(path.count & 0x7f) | 0x80, UInt8(path.count >> 7)] + path + [1, 0, 0]
        message += [UInt8(fields.count & 0xff), UInt8(fields.count >> 8)] + fields
        let length = path.count << 1
        let again: [UInt8] = [0, UInt8(length & 0x7f) | 0x80, UInt8(length >> 7), 0, 1, 0, 0]
        for _ in 1..<65_535 { message += [UInt8(again.count), 0] + again }
        let limit = (8 << 20) / path.count * path.count
        #expect(throws: WireError.outOfRange(.path, UInt64(limit))) { try decode(message) }
    }

    @Test func `An attachment must fit its entry`() throws {
        func expect(_ error: WireError, _ bytes: [UInt8]) {
            #expect(throws: error) { try decode(bytes) }
        }
        #expect(try decode(offer(1, file(), content: [1, 2])) != nil)
        expect(.outOfRange(.attachment, 1), offer(1, file(), content: [1]))
        expect(.outOfRange(.attachment, 3), offer(1, file(), content: [1, 2, 3]))
        expect(.truncated(.attachment), offer(1, file()))
        expect(.inconsistent(.attachment), offer(3, file(), content: [1, 2]))
        expect(.inconsistent(.attachment), offer(2, file(), content: [1, 2]))
        expect(.inconsistent(.attachment), offer(1, [2, 0, 0], content: []))
        expect(.inconsistent(.attachment), offer(1, [0], content: []))
        let large: [UInt8] = [0x81, 0x80, 0x04]
        expect(.inconsistent(.attachment), offer(1, file(size: large), content: [1]))
        let former = [UInt8](repeating: 9, count: 32)
        #expect(try decode(offer(3, file(size: large)) + former + [4, 0, 0, 0, 0, 0, 0, 0]) != nil)
        expect(.outOfRange(.list, 3), offer(3, file(size: large)) + former + [3, 0, 0, 0, 0, 0, 0])
        expect(.truncated(.digest), offer(3, file(size: large)) + former.dropLast())
        #expect(try decode(offer(2, file(size: large), content: [UInt8](repeating: 0, count: 48))) != nil)
        expect(.outOfRange(.list, 11), offer(2, file(size: large), content: [UInt8](repeating: 0, count: 11)))
        expect(.outOfRange(.list, 49), offer(2, file(size: large), content: [UInt8](repeating: 0, count: 49)))
    }
}

@Suite struct CompatibilityTests {
    @Test func `A field that is unknown is passed over`() throws {
        guard case .caughtUp(let revision) = try decode([0x04, 4, 0, 5, 1, 2, 3]) else {
            Issue.record("another message")
            return
        }
        #expect(revision.rawValue == 5)
    }

    @Test func `A kind that is unknown and not critical is passed over`() throws {
        #expect(try decode([0x80]) == nil)
        #expect(try decode([0xff, 1, 2, 3]) == nil)
    }

    @Test func `The hello of a later version is understood`() throws {
        let hello = Hello(versions: 7...9, replica: 1, name: "later", cursor: .start)
        guard case .hello(let back) = try decode(encode(.hello(hello)) + [1, 2, 3]) else {
            Issue.record("another message")
            return
        }
        #expect(back == hello)
    }

    @Test func `The goodbye of a later version is understood`() throws {
        guard case .goodbye(let goodbye) = try decode([0x0a, 4, 0, 99, 2, 0x6e, 0x6f]) else {
            Issue.record("another message")
            return
        }
        #expect(goodbye == Goodbye(reason: .failed, text: "no"))
    }
}
