import Crypto

/// A server's certificate in 71 characters: the SHA-256 of its DER. Whoever holds one needs no authority to know the
/// server again.
package struct CertificatePin: Equatable, Hashable, Sendable, CustomStringConvertible {
    private static let prefix = "sha256:"

    private let digest: [UInt8]

    /// - Parameter der: A whole certificate.
    package init(der: [UInt8]) {
        digest = Array(SHA256.hash(data: der))
    }

    /// Reads `sha256:` and 64 hexadecimal digits, in either case; `nil` for anything else.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let digits = text.utf8.dropFirst(Self.prefix.utf8.count).compactMap(Self.value)
        // A digit that is none leaves too few of them, or more characters than digits.
        guard digits.count == 64, text.utf8.count == Self.prefix.utf8.count + 64 else { return nil }
        digest = stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    package var description: String {
        let digits = Array("0123456789abcdef".utf8)
        let hex = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return Self.prefix + String(decoding: hex, as: UTF8.self)
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
