internal import Crypto
package import Tree

// Crypto has a protocol of the same name.
extension Tree.Digest {
    /// The SHA-256 of `bytes`.
    package init(of bytes: UnsafeRawBufferPointer) {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        self.init(hash.finalize())
    }

    package init(of bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Tree.Digest(of: $0) }
    }

    private init(_ result: SHA256Digest) {
        let digest = result.withUnsafeBytes { Tree.Digest(Array($0)) }
        guard let digest else { preconditionFailure("a SHA-256 has 32 bytes") }
        self = digest
    }
}

extension ChunkList {
    /// The digest of the file that has these chunks: that of the list, which says everything about the bytes.
    ///
    /// Of the bytes themselves it would cost a second hash of each on every read, could not be made by several threads,
    /// and would have to be made of the whole file again whenever an edit of it arrives. Of the list, what arrives is
    /// compared chunk by chunk, and once all are right the file is.
    package var fileDigest: Tree.Digest { Tree.Digest(of: encoded()) }
}
