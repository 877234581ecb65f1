import NIOCore
import Tree

/// Writes into room that was reserved. All integers are little-endian.
struct WireWriter {
    private let room: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ room: UnsafeMutableRawBufferPointer) {
        self.room = room
    }

    /// The room is as large as ``Message/encodedBound`` says; were that ever wrong, stopping is the safe thing.
    private func check(_ more: Int) {
        precondition(more <= room.count - count, "a message is longer than its bound")
    }

    mutating func append(byte: UInt8) {
        check(1)
        room[count] = byte
        count += 1
    }

    mutating func append<Integer: FixedWidthInteger>(fixed value: Integer) {
        check(MemoryLayout<Integer>.size)
        room.storeBytes(of: value.littleEndian, toByteOffset: count, as: Integer.self)
        count += MemoryLayout<Integer>.size
    }

    mutating func append(_ raw: UnsafeRawBufferPointer) {
        check(raw.count)
        UnsafeMutableRawBufferPointer(rebasing: room[count..<(count + raw.count)]).copyMemory(from: raw)
        count += raw.count
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    mutating func append(_ digest: Digest) {
        digest.withUnsafeBytes { append($0) }
    }

    /// Seven bits a byte, the low ones first; the high bit says that more follow (LEB128).
    mutating func append(_ value: UInt64) {
        check(10)
        var rest = value
        while rest >= 0x80 {
            room[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        room[count] = UInt8(truncatingIfNeeded: rest)
        count += 1
    }

    /// The sign goes to the lowest bit, so that small negative numbers are short too.
    mutating func append(signed value: Int64) {
        append(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func append(_ path: RelativePath) {
        append(UInt64(path.bytes.count))
        append(path.bytes)
    }

    /// By what it begins with of one of the two paths before it.
    mutating func append(_ path: RelativePath, after former: FormerDeliveries) {
        let (which, shared) = former.nearest(to: path.bytes)
        append(UInt64(shared) << 1 | which.rawValue)
        append(UInt64(path.bytes.count - shared))
        path.bytes.withUnsafeBytes { append(UnsafeRawBufferPointer(rebasing: $0[shared...])) }
    }

    /// 0 for the one after that of the delivery before it.
    mutating func append(_ revision: Revision, after former: FormerDeliveries) {
        append(revision == former.revision?.next ? 0 : revision.rawValue)
    }

    /// A byte for the length, then UTF-8; cut between characters where it is longer than `limit`, 255 at the most.
    mutating func append(text: String, limit: Int) {
        var text = text
        if text.utf8.count > limit {
            var kept = text.unicodeScalars[...]
            while text[..<kept.endIndex].utf8.count > limit { kept.removeLast() }
            text = String(kept)
        }
        append(byte: UInt8(text.utf8.count))
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Fields with their length (2 bytes) before them, so that who knows fewer of them can pass over the rest.
    mutating func section(_ body: (inout WireWriter) -> Void) {
        let start = count
        append(fixed: UInt16(0))
        body(&self)
        room.storeBytes(of: UInt16(count - start - 2).littleEndian, toByteOffset: start, as: UInt16.self)
    }

    mutating func append(content: ByteBuffer) {
        append(fixed: UInt32(content.readableBytes))
        content.withUnsafeReadableBytes { append($0) }
    }
}
