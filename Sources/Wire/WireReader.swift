import NIOCore
import Tree

/// Reads what ``WireWriter`` wrote, and takes nothing on trust: every length is held against what is there before it
/// is used.
struct WireReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0
    /// Where the section that is being read ends; the end of the message outside any.
    private var end: Int

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        self.end = bytes.count
    }

    var remaining: Int { end - offset }

    mutating func skip(_ count: Int, _ field: WireError.Field) throws(WireError) {
        guard count >= 0, count <= remaining else { throw .truncated(field) }
        offset += count
    }

    mutating func take(_ count: Int, _ field: WireError.Field) throws(WireError) -> UnsafeRawBufferPointer {
        let start = offset
        try skip(count, field)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
    }

    mutating func byte(_ field: WireError.Field) throws(WireError) -> UInt8 {
        try skip(1, field)
        return bytes[offset - 1]
    }

    mutating func fixed<Integer: FixedWidthInteger>(
        _ type: Integer.Type, _ field: WireError.Field
    ) throws(WireError) -> Integer {
        let start = offset
        try skip(MemoryLayout<Integer>.size, field)
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: type))
    }

    mutating func unsigned(_ field: WireError.Field) throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte(field)
            let bits = UInt64(next & 0x7f)
            guard shift < 63 || (shift == 63 && bits <= 1) else { throw .outOfRange(field, .max) }
            value |= bits << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    mutating func signed(_ field: WireError.Field) throws(WireError) -> Int64 {
        let value = try unsigned(field)
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// A count or length of at most `limit`.
    mutating func count(upTo limit: Int, _ field: WireError.Field) throws(WireError) -> Int {
        let value = try unsigned(field)
        guard value <= UInt64(limit) else { throw .outOfRange(field, value) }
        return Int(value)
    }

    mutating func revision() throws(WireError) -> Revision {
        let value = try unsigned(.revision)
        guard value <= WireLimits.revision else { throw .outOfRange(.revision, value) }
        return Revision(rawValue: value)
    }

    mutating func mark() throws(WireError) -> Mark {
        Mark(revision: try revision(), term: try term())
    }

    mutating func term() throws(WireError) -> Term {
        Term(rawValue: try fixed(UInt64.self, .term))
    }

    mutating func digest(_ field: WireError.Field = .digest) throws(WireError) -> Digest {
        guard let digest = Digest(try take(Digest.byteCount, field)) else { throw .truncated(field) }
        return digest
    }

    mutating func path() throws(WireError) -> RelativePath {
        let count = try count(upTo: RelativePath.maximumLength, .path)
        return try path(Array(try take(count, .path)))
    }

    private func path(_ bytes: [UInt8]) throws(WireError) -> RelativePath {
        do {
            return try RelativePath(bytes)
        } catch {
            throw .path(error)
        }
    }

    /// - Parameter former: The deliveries before the one whose path it is.
    mutating func path(after former: FormerDeliveries) throws(WireError) -> RelativePath {
        let beginning = try unsigned(.path)
        guard let which = FormerDeliveries.Which(rawValue: beginning & 1), beginning >> 1 <= RelativePath.maximumLength,
            let shared = former.beginning(which, Int(beginning >> 1))
        else { throw .outOfRange(.path, beginning) }
        let rest = try take(try count(upTo: RelativePath.maximumLength - shared.count, .path), .path)
        guard former.pathBytes + shared.count + rest.count <= WireLimits.paths else {
            throw .outOfRange(.path, UInt64(former.pathBytes))
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(shared.count + rest.count)
        bytes.append(contentsOf: shared)
        bytes.append(contentsOf: rest)
        return try path(bytes)
    }

    mutating func revision(after former: FormerDeliveries) throws(WireError) -> Revision {
        let revision = try revision()
        guard revision == .zero else { return revision }
        guard let last = former.revision, last.rawValue < WireLimits.revision else { throw .outOfRange(.revision, 0) }
        return last.next
    }

    mutating func text(_ range: ClosedRange<Int>, _ field: WireError.Field) throws(WireError) -> String {
        let count = Int(try byte(field))
        guard range.contains(count) else { throw .outOfRange(field, UInt64(count)) }
        guard let text = String(validating: try take(count, field), as: UTF8.self) else { throw .notUTF8(field) }
        return text
    }

    /// Reads a section; what `body` leaves of it are fields of a newer version, and passed over.
    mutating func section<Result>(
        _ body: (inout WireReader) throws(WireError) -> Result
    ) throws(WireError) -> Result {
        let length = Int(try fixed(UInt16.self, .section))
        guard length <= remaining else { throw .truncated(.section) }
        let outer = end
        end = offset + length
        let result = try body(&self)
        offset = end
        end = outer
        return result
    }

    func finish() throws(WireError) {
        guard remaining == 0 else { throw .trailingBytes(remaining) }
    }
}
