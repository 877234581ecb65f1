import TestSupport
import Testing
import Tree

@testable import Disk

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct ChunkerTests {
    @Test func `The gear table never changes`() {
        let bytes = GearTable.words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
        #expect(GearTable.words.count == 256)
        #expect(Digest(of: bytes).hex() == "9f0b14d5a4af5a8635ae23579bac9370954df92077350c398390589c28b94d00")
    }

    @Test(arguments: [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (65_536, "ccf5943c6c514320eb6a681df9e22cf3b6cd7dd90eb1385df4ac01244dc310a7"),
        (65_537, "9cfecb139e140c0cbb180891646c6c9e83f783d43bc81e49a4d127e2d0749228"),
        (3_000_000, "da7b3696c365b65d7c38365822a8fe31466cf47af59bd3afa189afcad7a0bb6e"),
    ])
    func `The same bytes have the same digest for ever`(size: Int, digest: String) throws {
        let read = try contentOf(randomBytes(size, seed: 7))
        #expect(read.digest.hex() == digest)
        #expect(read.size == UInt64(size))
        #expect((read.list == nil) == (size <= 65_536))
        #expect((read.bytes == nil) == (size > 65_536))
    }

    @Test func `Cuts are where they always were`() throws {
        let list = try #require(try contentOf(randomBytes(200_000, seed: 1)).list)
        let sizes: [UInt32] = [
            11674, 9877, 10533, 5626, 12363, 12605, 8790, 15695, 11578, 8247, 12241, 13699, 3458, 8567, 10094, 12691,
            9193, 9967, 8299, 4803,
        ]
        #expect(list.chunks.map(\.size) == sizes)
    }

    @Test func `Cuts are where hashing byte by byte finds them, wherever that is and wherever the bytes end`() {
        for fileSize: UInt64 in [100_000, 1 << 30] {
            let parameters = ChunkingParameters(fileSize: fileSize)
            let chunker = Chunker(parameters)
            let bytes = randomBytes(24 * Int(parameters.average), seed: fileSize)
            var start = 0
            while start < bytes.count {
                // Once more where the bytes end at the cut and near it, as several are looked at together.
                let rest = bytes[start...].prefix(Int(parameters.maximum))
                let cut = plainCut(rest, parameters)
                for count in [rest.count, cut - 1, cut, cut + 1, cut + 2] where rest.count >= count {
                    let some = Array(rest.prefix(count))
                    #expect(some.withUnsafeBytes { chunker.firstCut(in: $0) } == plainCut(some[...], parameters))
                }
                start += cut
            }
        }
    }

    /// FastCDC as it is written, a byte at a time.
    private func plainCut(_ bytes: ArraySlice<UInt8>, _ parameters: ChunkingParameters) -> Int {
        let bits = parameters.average.trailingZeroBitCount
        var hash: UInt64 = 0
        var index = Int(parameters.minimum)
        while index < bytes.count {
            hash = (hash << 1) &+ GearTable.words[Int(bytes[bytes.startIndex + index])]
            let zeros = index < Int(parameters.average) ? bits + 2 : bits - 2
            index += 1
            if hash.leadingZeroBitCount >= zeros { return index }
        }
        return bytes.count
    }

    @Test(arguments: [70_000, 1 << 20, (1 << 20) + 1, 5_000_000, (9 << 20) + 7])
    func `A list is valid, and its chunks are the file`(size: Int) throws {
        let bytes = randomBytes(size, seed: UInt64(size))
        let list = try #require(try contentOf(bytes).list)
        #expect(ChunkList(encoded: list.encoded()) == list)
        var start = 0
        for chunk in list.chunks {
            #expect(Digest(of: Array(bytes[start..<(start + Int(chunk.size))])) == chunk.digest)
            start += Int(chunk.size)
        }
        #expect(start == size)
    }

    @Test func `Chunks gather around the average`() throws {
        let size = 8 << 20
        let list = try #require(try contentOf(randomBytes(size, seed: 3)).list)
        let mean = size / list.chunks.count
        let average = Int(list.parameters.average)
        #expect(mean > average / 2 && mean < average * 2)
    }

    @Test func `An insertion changes the chunks next to it and no others`() throws {
        var bytes = randomBytes(4 << 20, seed: 5)
        let before = try #require(try contentOf(bytes).list)
        bytes.insert(contentsOf: Array("a few bytes".utf8), at: 2_000_000)
        let after = try #require(try contentOf(bytes).list)
        let old = Set(before.chunks.map(\.digest))
        #expect(after.chunks.count { !old.contains($0.digest) } <= 3)
    }

    @Test func `A file of zeros is cut at the maximum`() throws {
        let list = try #require(try contentOf([UInt8](repeating: 0, count: 1 << 20)).list)
        #expect(list.chunks.allSatisfy { $0.size == list.parameters.maximum || $0.size < list.parameters.maximum })
        #expect(Set(list.chunks.map(\.digest)).count <= 2)
    }

    @Test(arguments: 0...3)
    func `However many threads hash, the chunks are the same and in order`(helpers: Int) {
        let bytes = randomBytes(1 << 20, seed: 11)
        let hasher = ChunkHasher(blockSize: 1 << 16, helpers: helpers)
        defer { hasher.end() }
        var block = ChunkHasher.Block(byteCount: 1 << 16)
        var expected: [Chunk] = []
        var held = 0
        var start = 0
        for number in 0..<100 {
            // Some bytes stay behind each time, as an end of the last chunk that has not come yet.
            let filled = min(1 << 16, held + 9_000)
            bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: block.bytes[held..<filled])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[(start + held)..<(start + filled)]))
            }
            var cut = 0
            for size in [5_000, 1, number * 10 + 100] {
                let chunk = bytes[(start + cut)..<(start + cut + size)]
                expected.append(Chunk(size: UInt32(size), digest: Digest(of: Array(chunk))))
                block.cuts.append(size)
                cut += size
            }
            held = filled - cut
            start += cut
            if number == 99 { break }
            block = hasher.next(after: block, keeping: cut..<filled)
        }
        #expect(hasher.finish(block) == expected)
    }

    @Test(arguments: [3 << 20, 20 << 20])
    func `A file that changes while it is read is unstable`(size: Int) throws {
        let scratch = try Scratch()
        try scratch.write(randomBytes(size, seed: 1), to: "f")
        let file = try scratch.root().openFile(path("f"))
        let status = try file.status()
        let reader = ContentReader()
        reader.cancel = {
            scratch.shell("printf x >> f")
            return false
        }
        #expect(throws: ContentReader.Failure.unstable) { try reader.read(file, status: status) }
        try scratch.write([1, 2, 3], to: "g")
        let small = try scratch.root().openFile(path("g"))
        let before = try small.status()
        scratch.shell("printf longer > g")
        #expect(throws: ContentReader.Failure.unstable) { try ContentReader().read(small, status: before) }
        let longer = try small.status()
        scratch.shell("printf as-long > g; printf 654321 > g")
        #expect(throws: ContentReader.Failure.unstable) { try ContentReader().read(small, status: longer) }
    }

    private func contentOf(_ bytes: [UInt8]) throws -> ReadContent {
        let scratch = try Scratch()
        try scratch.write(bytes, to: "f")
        let file = try scratch.root().openFile(path("f"))
        return try ContentReader().read(file, status: file.status())
    }
}
