/// Who asks a proxy for a way through, and how that is proven.
struct ProxyCredentials: Hashable, Sendable {
    let user: [UInt8]
    let password: [UInt8]

    /// Reads `USER[:PASSWORD]`, percent-encoded; `nil` if a proxy of this kind can't be told so.
    init?(_ text: Substring, for kind: Proxy.Kind) {
        let name = text.prefix { $0 != ":" }
        user = Self.decode(name)
        password = Self.decode(text[name.endIndex...].dropFirst())
        guard (user + password).allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        switch kind {
        // RFC 7617 §2 ends the name with the first colon, RFC 1929 counts in bytes.
        case .http, .https: guard !user.contains(UInt8(ascii: ":")) else { return nil }
        case .socks5: guard max(user.count, password.count) <= 255 else { return nil }
        }
    }

    var isEmpty: Bool { user.isEmpty && password.isEmpty }

    /// For an HTTP proxy (RFC 7617).
    var basic: String { "Basic " + Base64.text(user + [UInt8(ascii: ":")] + password) }

    /// A `%` that begins no pair of hexadecimal digits stands for itself, as in curl.
    private static func decode(_ text: Substring) -> [UInt8] {
        var rest = Array(text.utf8)[...]
        var decoded: [UInt8] = []
        while let first = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            if first == UInt8(ascii: "%"), digits.count == 2 {
                decoded.append(UInt8(digits[0] << 4 | digits[1]))
                rest = rest.dropFirst(2)
            } else {
                decoded.append(first)
            }
        }
        return decoded
    }
}

extension ProxyCredentials: CustomStringConvertible, CustomDebugStringConvertible {
    /// Nothing of the secret.
    var description: String { "a user name and password" }
    var debugDescription: String { description }
}
