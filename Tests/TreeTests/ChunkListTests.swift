import Testing
import Tree

private func digest(_ byte: UInt8) throws -> Digest {
    try #require(Digest([UInt8](repeating: byte, count: 32)))
}

@Suite struct ChunkListTests {
    /// 100,000 bytes: an average of 8 KiB, so chunks of 2 KiB to 32 KiB.
    private func list() throws -> ChunkList {
        let sizes: [UInt32] = [32768, 32768, 2048, 32000, 416]
        let chunks = try sizes.enumerated().map { Chunk(size: $1, digest: try digest(UInt8($0))) }
        return ChunkList(fileSize: 100_000, chunks: chunks)
    }

    @Test func `A list comes back as it was encoded`() throws {
        let encoded = try list().encoded()
        #expect(encoded.count == 12 + 5 * 36)
        #expect(encoded.prefix(12) == [0x00, 0x20, 0, 0, 0xa0, 0x86, 0x01, 0, 0, 0, 0, 0])
        #expect(encoded[12..<16] == [0x00, 0x80, 0, 0])
        #expect(try ChunkList(encoded: encoded) == list())
    }

    @Test func `Bytes of another length are no list`() throws {
        let encoded = try list().encoded()
        for count in 0..<encoded.count { #expect(ChunkList(encoded: Array(encoded.prefix(count))) == nil) }
        #expect(ChunkList(encoded: encoded + [0]) == nil)
        #expect(ChunkList(encoded: encoded + [UInt8](repeating: 0, count: 36)) == nil)
    }

    @Test(
        arguments: [
            (0, 1, "another average"), (1, 0x40, "the double average"), (4, 0xa1, "another size"),
            (6, 0, "a size of one chunk"), (9, 0xff, "a size above 1 TiB"), (11, 0x80, "a size above Int64"),
            (13, 0x81, "a chunk above the maximum"), (15, 0xff, "a chunk far above the maximum"),
            (12 + 72 + 1, 0x07, "a chunk below the minimum that is not the last"),
            (12 + 144, 0xa1, "sizes that do not add up"),
        ] as [(Int, UInt8, String)])
    func `A wrong byte is noticed`(offset: Int, byte: UInt8, what: String) throws {
        var encoded = try list().encoded()
        encoded[offset] = byte
        #expect(ChunkList(encoded: encoded) == nil, "\(what)")
    }

    @Test func `An empty chunk is none`() throws {
        var chunks = try list().chunks
        chunks.append(Chunk(size: 0, digest: try digest(9)))
        #expect(ChunkList(encoded: ChunkList(fileSize: 100_000, chunks: chunks).encoded()) == nil)
    }

    @Test(
        arguments: [
            (0, 8), (64 << 10, 8), (1 << 20, 8), (4 << 20, 8), (8 << 20, 16), (32 << 20, 32), (64 << 20, 32),
            (100 << 20, 64), (1 << 30, 64), (4 << 30, 64), ((4 << 30) + 1, 128), (16 << 30, 256), (256 << 30, 4096),
            (1 << 40, 4096),
        ] as [(UInt64, UInt32)])
    func `The parameters follow from the size`(size: UInt64, averageKibibytes: UInt32) {
        let parameters = ChunkingParameters(fileSize: size)
        #expect(parameters.average == averageKibibytes * 1024)
        #expect(parameters.minimum * 4 == parameters.average)
        #expect(parameters.maximum == parameters.average * 4)
    }

    @Test func `A file of up to 64 KiB is one chunk`() throws {
        func file(_ size: UInt64) throws -> Entry.File {
            Entry.File(
                size: size, digest: try digest(1), mode: Mode(rawValue: 0o644),
                mtime: Timestamp(seconds: 0, nanoseconds: 0))
        }
        #expect(try file(0).isOneChunk)
        #expect(try file(65536).isOneChunk)
        #expect(try !file(65537).isOneChunk)
    }
}
