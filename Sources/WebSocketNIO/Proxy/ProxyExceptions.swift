/// Which servers are reached without a proxy, as `NO_PROXY` lists them.
struct ProxyExceptions {
    private let entries: [Substring]

    /// Reads names, addresses and blocks of addresses (`10.0.0.0/8`), separated by commas or white space, each with a
    /// port or without; `*` is everything. What is none of these stands for nothing.
    init(_ list: String) {
        entries = list.split { $0 == "," || $0.isWhitespace }
    }

    func contain(host: String, port: Int) -> Bool {
        let host = Host(host)
        return entries.contains { Self.covers($0, host, port) }
    }

    private enum Host {
        case address([UInt8])
        /// In lower case, without the root's dot.
        case name(String)

        init(_ text: some StringProtocol) {
            if let address = LiteralAddress(String(text)) {
                self = .address(address.octets)
            } else {
                self = .name((text.hasSuffix(".") ? String(text.dropLast()) : String(text)).lowercased())
            }
        }
    }

    private static func covers(_ entry: Substring, _ host: Host, _ port: Int) -> Bool {
        if entry == "*" { return true }
        guard let (text, only) = split(entry), only == nil || only == port else { return false }
        if let slash = text.lastIndex(of: "/") {
            guard case .address(let block) = Host(text[..<slash]), case .address(let octets) = host,
                let bits = UInt16(decimal: text[slash...].dropFirst()), bits <= block.count * 8
            else { return false }
            return octets.count == block.count && isSame(octets, block, bits: Int(bits))
        }
        // A dot in front, or a star before it, is how some write that a name stands for all below it, as it always does.
        let suffix = text.hasPrefix("*.") ? text.dropFirst(2) : text.hasPrefix(".") ? text.dropFirst() : text
        switch (Host(suffix), host) {
        case (.address(let one), .address(let other)): return one == other
        case (.name(let domain), .name(let name)):
            return !domain.isEmpty && (name == domain || name.hasSuffix(".\(domain)"))
        default: return false
        }
    }

    /// Takes the port off the end; `nil` if what stands there is none.
    private static func split(_ entry: Substring) -> (text: Substring, port: Int?)? {
        if entry.hasPrefix("[") {
            guard let end = entry.firstIndex(of: "]") else { return nil }
            let (text, rest) = (entry[..<end].dropFirst(), entry[end...].dropFirst())
            if rest.isEmpty { return (text, nil) }
            guard rest.hasPrefix(":"), let port = UInt16(decimal: rest.dropFirst()) else { return nil }
            return (text, Int(port))
        }
        // More than one colon is an IPv6 address.
        guard let colon = entry.firstIndex(of: ":"), colon == entry.lastIndex(of: ":") else { return (entry, nil) }
        guard let port = UInt16(decimal: entry[colon...].dropFirst()) else { return nil }
        return (entry[..<colon], Int(port))
    }

    private static func isSame(_ left: [UInt8], _ right: [UInt8], bits: Int) -> Bool {
        zip(left, right).enumerated().allSatisfy { index, pair in
            let counted = min(max(bits - index * 8, 0), 8)
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> counted)
            return pair.0 & mask == pair.1 & mask
        }
    }
}
