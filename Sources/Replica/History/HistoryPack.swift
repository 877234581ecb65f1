import Disk
import Tree

/// A file of some chunks of a version: those that a later version, kept as well, lacks.
///
/// Eight bytes that say so, how many chunks (4 bytes), the size (4) and digest (32) of each, and then their bytes in the
/// same order; integers little-endian.
struct HistoryPack {
    private static let magic = Array("nskpack1".utf8)
    private static let rowSize = 36

    let file: Descriptor
    /// Where each chunk is.
    let chunks: [(chunk: Chunk, offset: UInt64)]

    /// A pack's name beside that of the file that it takes the place of.
    static func name(_ name: String) -> String { name + ".pack" }

    /// Opens a pack and reads what it holds.
    init(_ file: Descriptor) throws(DiskError) {
        self.file = file
        let head = try file.read(Self.magic.count + 4, at: 0)
        guard head.count == Self.magic.count + 4, head.starts(with: Self.magic) else { throw Self.broken }
        let count = Self.integer(head, at: Self.magic.count)
        // A chunk has one byte at least: a count that the file can't hold is none.
        guard UInt64(count) <= (try file.status().size) / UInt64(Self.rowSize) else { throw Self.broken }
        let table = try file.read(Int(count) * Self.rowSize, at: UInt64(head.count))
        guard table.count == Int(count) * Self.rowSize else { throw Self.broken }
        var offset = UInt64(head.count + table.count)
        var chunks: [(chunk: Chunk, offset: UInt64)] = []
        chunks.reserveCapacity(Int(count))
        for row in stride(from: 0, to: table.count, by: Self.rowSize) {
            guard let digest = Digest(table[(row + 4)..<(row + Self.rowSize)]) else { throw Self.broken }
            let size = Self.integer(table, at: row)
            chunks.append((Chunk(size: size, digest: digest), offset))
            offset += UInt64(size)
        }
        self.chunks = chunks
    }

    /// Writes a pack of chunks that are found in `source`, each compared with its digest, and makes it durable.
    static func write(
        _ chunks: [(chunk: Chunk, offset: UInt64)], from source: Descriptor, to target: Descriptor,
        while goesOn: () -> Bool
    ) throws(DiskError) {
        var head = magic
        append(UInt32(chunks.count), to: &head)
        for (chunk, _) in chunks {
            append(chunk.size, to: &head)
            head += chunk.digest.bytes
        }
        try target.write(head, at: 0)
        var end = UInt64(head.count)
        for (chunk, offset) in chunks {
            guard goesOn() else { throw DiskError("pack", code: 0) }
            let bytes = try source.read(Int(chunk.size), at: offset)
            guard Digest(of: bytes) == chunk.digest else { throw broken }
            try target.write(bytes, at: end)
            end += UInt64(bytes.count)
        }
        try target.synchronize()
    }

    private static let broken = DiskError("read history", code: 0)

    private static func integer(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }

    private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

extension ChunkList {
    /// Where each chunk is found first.
    var places: [Digest: UInt64] {
        var places: [Digest: UInt64] = [:]
        places.reserveCapacity(chunks.count)
        var offset: UInt64 = 0
        for chunk in chunks {
            if places[chunk.digest] == nil { places[chunk.digest] = offset }
            offset += UInt64(chunk.size)
        }
        return places
    }

    /// The chunks that `other` does not have, each once, with where they are here.
    func chunks(lackedBy other: ChunkList) -> [(chunk: Chunk, offset: UInt64)] {
        var known = Set(other.chunks.map(\.digest))
        var offset: UInt64 = 0
        var lacked: [(chunk: Chunk, offset: UInt64)] = []
        for chunk in chunks {
            if known.insert(chunk.digest).inserted { lacked.append((chunk, offset)) }
            offset += UInt64(chunk.size)
        }
        return lacked
    }
}
