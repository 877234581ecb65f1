import Testing
import Tree

@testable import Mirror

@Suite struct TarHeaderTests {
    private func header(_ path: [UInt8], _ size: UInt64 = 0, _ mtime: Timestamp) throws -> [UInt8] {
        let digest = try #require(Digest([UInt8](repeating: 0, count: 32)))
        let file = Entry.File(size: size, digest: digest, mode: Mode(rawValue: 0o644), mtime: mtime)
        return try #require(TarHeader(try RelativePath(path), .file(file), now: mtime)).bytes
    }

    private let whole = Timestamp(seconds: 1, nanoseconds: 0)

    @Test func `What ustar has room for takes one block`() throws {
        #expect(try header(Array("name".utf8), 5, whole).count == 512)
        #expect(try header([UInt8](repeating: 0xff, count: 100), 5, whole).count == 512)
        let split = [UInt8](repeating: 0x61, count: 150) + [0x2f] + [UInt8](repeating: 0x62, count: 100)
        #expect(try header(split, 5, whole).count == 512)
        #expect(try header(Array("name".utf8), 0o777_7777_7777, whole).count == 512)
    }

    @Test func `A record counts its own digits`() throws {
        for length in 101...255 {
            let name = [UInt8](repeating: 0x61, count: length)
            let bytes = try header(name, 0, whole)
            let text = String(decoding: bytes[512...], as: UTF8.self)
            let digits = text.prefix { $0.isNumber }
            let record = Array(text.utf8.prefix(try #require(Int(digits))))
            #expect(record == Array("\(digits) path=".utf8) + name + [0x0a])
        }
    }

    @Test func `Bytes that are no text say so, and large sizes and fractions of seconds stand in records`() throws {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes[512...], as: UTF8.self) }
        #expect(text(try header([UInt8](repeating: 0xfe, count: 101), 0, whole)).contains(" hdrcharset=BINARY\n"))
        #expect(text(try header(Array("n".utf8), 0o1_0000_0000_0000, whole)).contains(" size=68719476736\n"))
        let time = Timestamp(seconds: 7, nanoseconds: 5)
        #expect(text(try header(Array("n".utf8), 0, time)).contains(" mtime=7.000000005\n"))
        let early = Timestamp(seconds: -1, nanoseconds: 250_000_000)
        #expect(text(try header(Array("n".utf8), 0, early)).contains(" mtime=-0.750000000\n"))
    }

    @Test func `A header's sum is that of its bytes with spaces for it`() throws {
        let bytes = try header(Array("name".utf8), 5, whole)
        var other = bytes
        other.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        let sum = other.reduce(0) { $0 + Int($1) }
        #expect(Int(String(decoding: bytes[148..<154], as: UTF8.self), radix: 8) == sum)
    }
}
