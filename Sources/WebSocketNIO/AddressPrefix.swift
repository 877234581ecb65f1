package import NIOCore

extension SocketAddress {
    /// Who this is, for limits by address: an IPv4 address, or the first 64 bits of an IPv6 address, since whoever has
    /// one of these has all that begin so (RFC 7934 §4). Empty for a Unix socket's other end, which has no address.
    package var prefix: String {
        switch self {
        case .v4: return ipAddress ?? ""
        case .v6(let address):
            // In a sockaddr_in6 it follows the family, the port and the flow label (RFC 3493 §3.3).
            return withUnsafeBytes(of: address.address) { all in
                let bytes = UnsafeRawBufferPointer(rebasing: all[8..<24])
                // ::ffff:a.b.c.d is an IPv4 address that came to a socket for both.
                let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
                if isMapped { return bytes[12...].map(String.init).joined(separator: ".") }
                return stride(from: 0, to: 8, by: 2)
                    .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
                    .joined(separator: ":") + "::/64"
            }
        case .unixDomainSocket: return ""
        }
    }
}
