internal import CDigest
package import Tree

extension Digest {
    /// The SHA-256 of each of `pieces`: with some processors several at a time, in little more than half of the time that
    /// they take one by one.
    package static func all(of pieces: [UnsafeRawBufferPointer]) -> [Digest] {
        guard isSideBySide, pieces.count > 1 else { return pieces.map { Digest(of: $0) } }
        let starts = pieces.map { $0.baseAddress?.assumingMemoryBound(to: UInt8.self) }
        let sizes = pieces.map(\.count)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: pieces.count * byteCount) { digests in
            cdigest_all(starts, sizes, pieces.count, digests.baseAddress)
            return pieces.indices.compactMap { Digest(digests[($0 * byteCount)..<(($0 + 1) * byteCount)]) }
        }
    }

    private static let isSideBySide = cdigest_is_supported() != 0
}
