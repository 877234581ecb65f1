import Testing
import Tree

@Suite struct ChunkListDifferenceTests {
    /// The list of a file of as many chunks of 20,000 bytes as there are numbers, each of its own digest.
    private func list(_ numbers: [Int]) throws -> [UInt8] {
        let chunks = try numbers.map { number in
            let digest = [UInt8(number & 255), UInt8(number >> 8)] + [UInt8](repeating: 7, count: 30)
            return Chunk(size: 20_000, digest: try #require(Digest(digest)))
        }
        return ChunkList(fileSize: 20_000 * UInt64(numbers.count), chunks: chunks).encoded()
    }

    private let former = Array(0..<1000)

    /// Encodes the list of `numbers` as a difference from that of `former`, and gives how many bytes that took.
    private func roundTrip(_ numbers: [Int]) throws -> Int? {
        let base = try list(former)
        let wanted = try list(numbers)
        guard let difference = ChunkListDifference.encode(wanted, from: base) else { return nil }
        let size = 20_000 * UInt64(numbers.count)
        #expect(ChunkListDifference.apply(difference, to: base, fileSize: size) == wanted)
        return difference.count
    }

    @Test func `An edit costs what it changed`() throws {
        var edited = former
        edited[500] = 5000
        #expect(try roundTrip(edited) == 4 + 2 * 12 + 36)
        edited[10] = 5001
        edited[11] = 5002
        edited[999] = 5003
        #expect(try roundTrip(edited) == 4 + 3 * 12 + 4 * 36)
        #expect(try roundTrip(former) == 4 + 12)
    }

    @Test func `What is inserted, removed, moved, appended or put in front is found`() throws {
        let inserted = former[..<300] + [5000, 5001] + former[300...]
        #expect(try roundTrip(Array(inserted)) == 4 + 2 * 12 + 2 * 36)
        let removed = former[..<300] + former[310...]
        #expect(try roundTrip(Array(removed)) == 4 + 2 * 12)
        let moved = former[500...] + former[..<500]
        #expect(try roundTrip(Array(moved)) == 4 + 2 * 12)
        #expect(try roundTrip(former + [5000]) == 4 + 12 + 36)
        #expect(try roundTrip([5000] + former) == 4 + 2 * 12 + 36)
        #expect(try roundTrip(former + former[..<10]) == 4 + 2 * 12)
    }

    @Test func `What is not much smaller than the list is none`() throws {
        #expect(try roundTrip(Array(2000..<3000)) == nil)
        #expect(try roundTrip(former.map { $0 % 2 == 0 ? $0 : $0 + 2000 }) == nil)
    }

    @Test func `What was cut in another way is none`() throws {
        let large = ChunkList(
            fileSize: 20_000 * 200_000, chunks: [Chunk(size: 20_000, digest: try #require(Digest([UInt8](1...32))))])
        #expect(ChunkListDifference.encode(large.encoded(), from: try list(former)) == nil)
    }

    @Test func `A difference that points beyond the other list, or says too little or too much, is none`() throws {
        let base = try list(former)
        let size: UInt64 = 20_000_000
        func bytes(_ integers: [UInt32]) -> [UInt8] {
            integers.flatMap { integer in withUnsafeBytes(of: integer.littleEndian) { Array($0) } }
        }
        func apply(_ difference: [UInt8]) -> [UInt8]? {
            ChunkListDifference.apply(difference, to: base, fileSize: size)
        }
        #expect(apply(bytes([1, 0, 1000, 0])) == base)
        #expect(apply(bytes([1, 1, 1000, 0])) == nil)
        #expect(apply(bytes([1, 1001, 0, 0])) == nil)
        #expect(apply(bytes([1, .max, .max, .max])) == nil)
        #expect(apply(bytes([.max, 0, 1, 0])) == nil)
        #expect(apply(bytes([1, 0, 1000, 1])) == nil)
        #expect(apply(bytes([1, 0, 1000, 0]) + [0]) == nil)
        #expect(apply([1, 0, 0]) == nil)
        #expect(apply([]) == nil)
        // More chunks than a file of this size can have.
        let all: [UInt32] = [0, 1000, 0]
        #expect(apply(bytes([20] + (0..<20).flatMap { _ in all })) == nil)
        #expect(ChunkListDifference.apply(bytes([1, 0, 0, 0]), to: [], fileSize: size) == nil)
    }
}
