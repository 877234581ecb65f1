/// Writes the index's compact values.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(reserving count: Int) {
        bytes.reserveCapacity(count)
    }

    mutating func append(byte: UInt8) {
        bytes.append(byte)
    }

    mutating func append(_ more: some Collection<UInt8>) {
        bytes.append(contentsOf: more)
    }

    mutating func append(raw: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: raw)
    }

    /// Seven bits a byte, the low ones first; the high bit says that more follow (LEB128).
    mutating func append(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// The sign goes to the lowest bit, so that small negative numbers are short too.
    mutating func append(_ value: Int64) {
        append(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }
}

/// Reads what ``ByteWriter`` wrote, and takes nothing on trust.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func byte() throws -> UInt8 {
        guard offset < bytes.count else { throw Damage("a value ends too early") }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - offset else { throw Damage("a value ends too early") }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    mutating func unsigned() throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            let bits = UInt64(next & 0x7f)
            guard shift < 63 || (shift == 63 && bits <= 1) else { throw Damage("an integer is too long") }
            value |= bits << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    /// An unsigned integer of at most `limit`.
    mutating func unsigned(upTo limit: UInt64) throws -> UInt64 {
        let value = try unsigned()
        guard value <= limit else { throw Damage("\(value) is more than \(limit)") }
        return value
    }

    mutating func signed() throws -> Int64 {
        let value = try unsigned()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func string() throws -> String {
        let raw = try take(Int(unsigned(upTo: UInt64(Int32.max))))
        guard let string = String(validating: raw, as: UTF8.self) else { throw Damage("a text is not UTF-8") }
        return string
    }

    var isAtEnd: Bool { offset == bytes.count }

    func finish() throws {
        guard offset == bytes.count else { throw Damage("a value is too long") }
    }
}
