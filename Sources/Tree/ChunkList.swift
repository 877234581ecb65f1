/// A content-defined piece of a file, named by its digest.
package struct Chunk: Hashable, Sendable {
    package let size: UInt32
    package let digest: Digest

    package init(size: UInt32, digest: Digest) {
        self.size = size
        self.digest = digest
    }
}

/// How a file is cut. The parameters follow from the file's size alone, so that the same bytes have the same digest
/// everywhere (FastCDC, Xia et al., USENIX ATC 2016: gear hash, normalised chunking).
package struct ChunkingParameters: Hashable, Sendable {
    /// The average chunk in bytes, a power of two.
    package let average: UInt32
    /// No chunk but the last is smaller.
    package var minimum: UInt32 { average / 4 }
    /// No chunk is larger.
    package var maximum: UInt32 { average * 4 }

    /// A file of up to this many bytes is one chunk, and travels inside its change.
    package static let oneChunkLimit: UInt64 = 64 * 1024

    /// The parameters for a file of `size` bytes: the power of two next to the square root of 24·size, which balances
    /// the bytes of the list against those of a changed chunk, kept within 8 KiB to 64 KiB. From 4 GiB on the average
    /// grows with the size (to 4 MiB at most), so that a list stays within one message up to ``largestFile``.
    package init(fileSize size: UInt64) {
        let ideal = (24.0 * Double(size)).squareRoot()
        var average: UInt32 = 8 * 1024
        while average < 64 * 1024 && Double(average) * 1.414_213_562 < ideal { average *= 2 }
        while average < 4 * 1024 * 1024 && UInt64(average) * 65_536 < size { average *= 2 }
        self.average = average
    }

    /// The largest file that can be mirrored: 1 TiB.
    package static let largestFile: UInt64 = 1 << 40
}

/// The chunks of a file, in order.
package struct ChunkList: Hashable, Sendable {
    package let parameters: ChunkingParameters
    package let chunks: [Chunk]
    /// The sum of the chunks' sizes.
    package let fileSize: UInt64

    package init(fileSize: UInt64, chunks: [Chunk]) {
        self.parameters = ChunkingParameters(fileSize: fileSize)
        self.chunks = chunks
        self.fileSize = fileSize
    }

    /// The bytes whose SHA-256 is the file's digest, and in which lists are stored and sent: the average (4 bytes) and
    /// the file's size (8), then each chunk's size (4) and digest (32); integers little-endian.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(12 + 36 * chunks.count)
        func append<Integer: FixedWidthInteger>(_ value: Integer) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(parameters.average)
        append(fileSize)
        for chunk in chunks {
            append(chunk.size)
            chunk.digest.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Reads ``encoded()``; nil if the bytes are not a list: wrong parameters for the size, sizes out of range, or
    /// sizes that do not add up.
    package init?(encoded: [UInt8]) {
        guard encoded.count >= 12, (encoded.count - 12) % 36 == 0 else { return nil }
        func integer<Integer: FixedWidthInteger>(_ type: Integer.Type, at offset: Int) -> Integer {
            encoded.withUnsafeBytes { Integer(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
        }
        let size = integer(UInt64.self, at: 4)
        guard size > ChunkingParameters.oneChunkLimit, size <= ChunkingParameters.largestFile else { return nil }
        let parameters = ChunkingParameters(fileSize: size)
        guard integer(UInt32.self, at: 0) == parameters.average else { return nil }
        let count = (encoded.count - 12) / 36
        var chunks: [Chunk] = []
        chunks.reserveCapacity(count)
        var sum: UInt64 = 0
        for index in 0..<count {
            let offset = 12 + 36 * index
            let chunkSize = integer(UInt32.self, at: offset)
            guard chunkSize > 0, chunkSize <= parameters.maximum,
                chunkSize >= parameters.minimum || index == count - 1,
                let digest = Digest(encoded[(offset + 4)..<(offset + 36)])
            else { return nil }
            sum += UInt64(chunkSize)
            chunks.append(Chunk(size: chunkSize, digest: digest))
        }
        guard sum == size else { return nil }
        self.init(fileSize: size, chunks: chunks)
    }
}
