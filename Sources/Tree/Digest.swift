/// A SHA-256 (FIPS 180-4): what content is known by.
///
/// The digest of a file of one chunk is that of its bytes; the digest of a larger one is that of its encoded
/// ``ChunkList``. An arriving edit is so checked at the cost of what changed, not of what the file weighs.
package struct Digest: Hashable, Sendable {
    // Four words rather than an array: no allocation, and equality is four comparisons.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    package static let byteCount = 32

    /// Takes exactly ``byteCount`` bytes; nil for any other count.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
        self.words = words
    }

    package static func == (left: Digest, right: Digest) -> Bool {
        left.words == right.words
    }

    package func hash(into hasher: inout Hasher) {
        // The words are already uniform: one is enough to spread.
        hasher.combine(words.0)
    }

    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var copy = words
        return try Swift.withUnsafeBytes(of: &copy) { (raw: UnsafeRawBufferPointer) throws(Failure) -> Result in
            try body(raw)
        }
    }

    package var bytes: [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    /// The first `count` hexadecimal digits (64 at the most).
    package func hex(_ count: Int = 64) -> String {
        String(Hex.text(bytes).prefix(count))
    }
}

extension Digest: CustomStringConvertible {
    package var description: String { hex(16) }
}
