/// One element of a Sec-WebSocket-Extensions header: a name and its parameters (RFC 6455 §9.1).
package struct ExtensionElement: Equatable, Sendable {
    package struct Parameter: Equatable, Sendable {
        package var name: String
        /// `nil` for a parameter without `=`; quotes and escapes are taken off.
        package var value: String?
    }

    package var name: String
    package var parameters: [Parameter]
}

/// The grammar of Sec-WebSocket-Extensions, whose value is a list, and whose lines are one list together.
package enum ExtensionHeader {
    /// - Parameter lines: The header's value on each line it stands on.
    /// - Returns: For each element, in order, what it says, or `nil` where it is malformed. An element that is
    ///   malformed does not take its neighbours with it.
    package static func parse(_ lines: some Sequence<String>) -> [ExtensionElement?] {
        lines.flatMap { line in
            split(Array(line.utf8), at: UInt8(ascii: ",")).compactMap { piece -> ExtensionElement?? in
                // RFC 9110 §5.6.1 lets a list have empty elements, which count for nothing.
                trim(piece[...]).isEmpty ? nil : .some(element(piece))
            }
        }
    }

    private static func element(_ bytes: [UInt8]) -> ExtensionElement? {
        let parts = split(bytes, at: UInt8(ascii: ";"))
        guard let first = parts.first, let name = token(trim(first[...])) else { return nil }
        var parameters: [ExtensionElement.Parameter] = []
        for part in parts.dropFirst() {
            guard let parameter = parameter(trim(part[...])) else { return nil }
            parameters.append(parameter)
        }
        return ExtensionElement(name: name, parameters: parameters)
    }

    private static func parameter(_ bytes: ArraySlice<UInt8>) -> ExtensionElement.Parameter? {
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else {
            return token(bytes).map { ExtensionElement.Parameter(name: $0, value: nil) }
        }
        guard let name = token(trim(bytes[..<equals])) else { return nil }
        let right = trim(bytes[(equals + 1)...])
        guard let value = right.first == UInt8(ascii: "\"") ? unquoted(right) : token(right) else { return nil }
        return ExtensionElement.Parameter(name: name, value: value)
    }

    /// A quoted value must be a token once the quotes are off (RFC 6455 §9.1).
    private static func unquoted(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.count >= 2, bytes.last == UInt8(ascii: "\"") else { return nil }
        var plain: [UInt8] = []
        var isEscaped = false
        for byte in bytes.dropFirst().dropLast() {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            } else if byte == UInt8(ascii: "\"") {
                return nil
            }
            plain.append(byte)
        }
        return isEscaped ? nil : token(plain[...])
    }

    /// RFC 9110 §5.6.2.
    private static func token(_ bytes: ArraySlice<UInt8>) -> String? {
        guard !bytes.isEmpty, bytes.allSatisfy(isTokenByte) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// Splits outside quotes. A quote that never closes keeps the rest together, which the caller then finds malformed.
    private static func split(_ bytes: [UInt8], at separator: UInt8) -> [[UInt8]] {
        var parts: [[UInt8]] = [[]]
        var isQuoted = false
        var isEscaped = false
        for byte in bytes {
            if isEscaped {
                isEscaped = false
            } else if isQuoted && byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == separator && !isQuoted {
                parts.append([])
                continue
            }
            parts[parts.count - 1].append(byte)
        }
        return parts
    }

    private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }
}
