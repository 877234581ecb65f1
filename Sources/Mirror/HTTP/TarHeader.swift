import Tree

/// The headers of one entry of a tar archive in POSIX's pax format (IEEE 1003.1, pax): a ustar header, before it an extended
/// one for what that has no room for. Names stand as the bytes that they are.
struct TarHeader {
    static let block = 512
    private static let largestField: UInt64 = 0o777_7777_7777

    enum Kind: UInt8 {
        case file = 0x30
        case symlink = 0x32
        case directory = 0x35
        fileprivate static let extended = UInt8(ascii: "x")
    }

    private let kind: Kind
    private let name: [UInt8]
    private let link: [UInt8]
    private let mode: UInt16
    private let size: UInt64
    private let mtime: Timestamp

    /// Nil for a tombstone.
    ///
    /// - Parameter now: The time of what has none that is mirrored: of directories and symlinks.
    init?(_ path: RelativePath, _ entry: Entry, now: Timestamp) {
        switch entry {
        case .tombstone: return nil
        case .file(let file):
            (kind, name, link) = (.file, path.bytes, [])
            (mode, size, mtime) = (file.mode.rawValue, file.size, file.mtime)
        case .directory(let directory):
            (kind, name, link) = (.directory, path.bytes + [UInt8(ascii: "/")], [])
            (mode, size, mtime) = (directory.mode.rawValue, 0, now)
        case .symlink(let symlink):
            (kind, name, link) = (.symlink, path.bytes, symlink.target)
            (mode, size, mtime) = (0o777, 0, now)
        }
    }

    /// How many zeros follow content of this size.
    static func padding(after size: UInt64) -> Int { Int((UInt64(block) - size % UInt64(block)) % UInt64(block)) }

    var bytes: [UInt8] {
        var records: [UInt8] = []
        let place = Self.split(name)
        let hasLongName = place == nil
        let hasLongLink = link.count > 100
        if hasLongName && !Self.isUTF8(name) || hasLongLink && !Self.isUTF8(link) {
            records += Self.record("hdrcharset", Array("BINARY".utf8))
        }
        if hasLongName { records += Self.record("path", name) }
        if hasLongLink { records += Self.record("linkpath", link) }
        if size > Self.largestField { records += Self.record("size", Array(String(size).utf8)) }
        if kind == .file, mtime.nanoseconds != 0 || mtime.seconds < 0 || mtime.seconds > Int64(Self.largestField) {
            records += Self.record("mtime", Array(Self.decimal(mtime).utf8))
        }
        var all: [UInt8] = []
        if !records.isEmpty {
            all = Self.header(
                TarHeader.Kind.extended, name: (Array("pax".utf8), []), link: [], mode: 0o644,
                size: UInt64(records.count), mtime: 0)
            all += records
            all += [UInt8](repeating: 0, count: Self.padding(after: UInt64(records.count)))
        }
        all += Self.header(
            kind.rawValue, name: place ?? (Array(name.prefix(100)), []), link: Array(link.prefix(100)), mode: mode,
            size: size > Self.largestField ? 0 : size, mtime: UInt64(clamping: max(0, mtime.seconds)))
        return all
    }

    /// A name as ustar holds it: up to 100 bytes, and up to 155 before a slash in front of them.
    private static func split(_ name: [UInt8]) -> (name: [UInt8], prefix: [UInt8])? {
        if name.count <= 100 { return (name, []) }
        guard name.count <= 256 else { return nil }
        let slash = UInt8(ascii: "/")
        // Not the slash at the end of a directory's name.
        for index in name.indices.dropLast()
        where name[index] == slash && index <= 155 && index > 0 && name.count - index - 1 <= 100 {
            return (Array(name[(index + 1)...]), Array(name[..<index]))
        }
        return nil
    }

    /// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = key.utf8.count + value.count + 3
        var length = rest + 1
        while length != rest + String(length).utf8.count { length = rest + String(length).utf8.count }
        return Array("\(length) \(key)=".utf8) + value + [0x0a]
    }

    private static func decimal(_ time: Timestamp) -> String {
        // Before 1970 the fraction counts down from the second before.
        let isNegative = time.seconds < 0 && time.nanoseconds > 0
        let whole = isNegative ? time.seconds + 1 : time.seconds
        let fraction = isNegative ? 1_000_000_000 - Int(time.nanoseconds) : Int(time.nanoseconds)
        let sign = isNegative && whole == 0 ? "-" : ""
        return "\(sign)\(whole).\(String(1_000_000_000 + fraction).dropFirst())"
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    private static func header(
        _ type: UInt8, name: (name: [UInt8], prefix: [UInt8]), link: [UInt8], mode: UInt16, size: UInt64, mtime: UInt64
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ bytes: some Collection<UInt8>, at offset: Int) {
            header.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        func octal(_ value: UInt64, digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
        }
        put(name.name, at: 0)
        put(octal(UInt64(mode), digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(octal(size, digits: 11), at: 124)
        put(octal(min(mtime, largestField), digits: 11), at: 136)
        put([UInt8](repeating: 0x20, count: 8), at: 148)
        header[156] = type
        put(link, at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(octal(0, digits: 7), at: 329)
        put(octal(0, digits: 7), at: 337)
        put(name.prefix, at: 345)
        let sum = header.reduce(UInt64(0)) { $0 + UInt64($1) }
        put(octal(sum, digits: 6) + [0, 0x20], at: 148)
        return header
    }
}
