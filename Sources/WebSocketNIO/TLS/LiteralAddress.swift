#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An IP address in the place of a host name, which TLS treats otherwise than a name.
struct LiteralAddress {
    /// 4 or 16, as they travel.
    let octets: [UInt8]

    /// `nil` for a name.
    init?(_ host: String) {
        // An address may name an interface (RFC 4007 §11), which nobody else knows.
        let text = String(host.prefix { $0 != "%" })
        guard let octets = Self.parse(text, AF_INET, 4) ?? Self.parse(text, AF_INET6, 16) else { return nil }
        self.octets = octets
    }

    private static func parse(_ text: String, _ family: Int32, _ length: Int) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: length)
        return inet_pton(family, text, &octets) == 1 ? octets : nil
    }
}
