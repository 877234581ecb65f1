/// Which bytes of a file a request wants (RFC 9110 §14).
enum ByteRange: Hashable, Sendable {
    /// All of it: no range was asked for, or one that is not understood, or several.
    case whole
    case part(Range<UInt64>)
    /// None of what was asked for is there.
    case unsatisfiable

    /// - Parameters:
    ///   - header: Of the Range header.
    ///   - size: The file's, in bytes.
    init(_ header: some StringProtocol, size: UInt64) {
        self = Self.parse(header, size) ?? .whole
    }

    private static func parse(_ header: some StringProtocol, _ size: UInt64) -> ByteRange? {
        let text = header.lowercased()
        guard text.hasPrefix("bytes=") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false).map(trimmed)
        guard ends.count == 2 else { return nil }
        if ends[0].isEmpty {
            guard let count = number(ends[1]) else { return nil }
            guard count > 0, size > 0 else { return .unsatisfiable }
            return .part(size - min(count, size)..<size)
        }
        guard let first = number(ends[0]) else { return nil }
        if ends[1].isEmpty { return first < size ? .part(first..<size) : .unsatisfiable }
        guard let last = number(ends[1]), last >= first else { return nil }
        guard first < size else { return .unsatisfiable }
        return .part(first..<min(last, size - 1) + 1)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    /// Digits alone; what has too many of them is beyond every file.
    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return UInt64(text) ?? .max
    }
}
