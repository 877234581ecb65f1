import Disk
import TestSupport
import Testing
import Tree

@Suite("Digests of several pieces") struct DigestTests {
    private func expectSame(_ pieces: [[UInt8]]) {
        func gather(_ rest: ArraySlice<[UInt8]>, _ found: [UnsafeRawBufferPointer]) -> [Digest] {
            guard let first = rest.first else { return Digest.all(of: found) }
            return first.withUnsafeBytes { gather(rest.dropFirst(), found + [$0]) }
        }
        #expect(gather(pieces[...], []) == pieces.map { Digest(of: $0) })
    }

    @Test func `Known answers`() {
        // FIPS 180-2, appendix B, and of nothing.
        let answers = [
            "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq":
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ]
        for (text, answer) in answers {
            let bytes = Array(text.utf8)
            bytes.withUnsafeBytes { piece in
                for count in 1...9 {
                    let digests = Digest.all(of: Array(repeating: piece, count: count))
                    #expect(digests.map { $0.hex() } == Array(repeating: answer, count: count))
                }
            }
        }
    }

    @Test func `Of every small size, beside others of every size`() {
        let bytes = randomBytes(300, seed: 1)
        for size in 0...200 {
            expectSame([Array(bytes[..<size]), Array(bytes[(300 - size)...]), bytes, Array(bytes[..<(200 - size)])])
        }
        expectSame((0...300).map { Array(bytes[..<$0]) })
    }

    @Test func `Of any number of pieces of any size`() {
        var random = SeededRandom(seed: 2)
        for count in 0...20 {
            let pieces = (0..<count).map { piece in
                let most = 1 << Int.random(in: 0...17, using: &random)
                return randomBytes(Int.random(in: 0...most, using: &random), seed: UInt64(piece))
            }
            expectSame(pieces)
        }
    }
}
