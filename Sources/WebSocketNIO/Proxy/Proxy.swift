/// A proxy, as a person or a script names it in a variable of the environment.
package struct Proxy: Hashable, Sendable {
    package enum Kind: String, Sendable {
        case http
        /// HTTP inside TLS, by a certificate that this system trusts.
        case https
        case socks5

        fileprivate init?(scheme: String) {
            // The h of socks5h says that the proxy resolves names, which is what is asked of every proxy here.
            self.init(rawValue: scheme == "socks5h" ? "socks5" : scheme)
        }

        /// As curl has it.
        fileprivate var defaultPort: Int { self == .https ? 443 : 1080 }
    }

    package let kind: Kind
    /// A name or a literal address, without brackets.
    package let host: String
    package let port: Int
    /// Who is to be let through; `nil` where nobody is named.
    let credentials: ProxyCredentials?
    /// The variable that names it.
    package let variable: String

    /// What is wrong with a text. None of them holds more of it than a scheme: the rest may be a secret.
    package enum Fault: Error, Hashable, Sendable {
        case scheme(String)
        case noHost
        case port
        case credentials
    }

    /// Reads `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT][/]`. User and password may be percent-encoded.
    package init(_ text: String, variable: String) throws(Fault) {
        var rest = text[...]
        var kind = Kind.http
        if let mark = text.firstRange(of: "://") {
            let scheme = text[..<mark.lowerBound].lowercased()
            guard let known = Kind(scheme: scheme) else { throw .scheme(Self.isScheme(scheme) ? scheme : "") }
            kind = known
            rest = text[mark.upperBound...]
        }
        var authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var credentials: ProxyCredentials?
        if let at = authority.lastIndex(of: "@") {
            guard let read = ProxyCredentials(authority[..<at], for: kind) else { throw .credentials }
            credentials = read.isEmpty ? nil : read
            authority = authority[authority.index(after: at)...]
        }
        let (host, port) = try Self.split(authority)
        self.kind = kind
        self.host = host
        self.port = port ?? kind.defaultPort
        self.credentials = credentials
        self.variable = variable
    }

    private static func isScheme(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "+-.".utf8.contains($0) }
    }

    private static func split(_ authority: Substring) throws(Fault) -> (host: String, port: Int?) {
        let (host, rest): (Substring, Substring)
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .noHost }
            host = authority[..<end].dropFirst()
            rest = authority[end...].dropFirst()
        } else {
            host = authority.prefix { $0 != ":" }
            rest = authority[host.endIndex...]
        }
        let isName = host.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || "0123456789.-_:%".unicodeScalars.contains($0)
        }
        guard !host.isEmpty, isName else { throw .noHost }
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.hasPrefix(":"), let port = UInt16(decimal: rest.dropFirst()), port > 0 else { throw .port }
        return (String(host), Int(port))
    }
}

extension UInt16 {
    /// Digits and nothing else.
    init?(decimal text: Substring) {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(text)
    }
}

extension Proxy: CustomStringConvertible {
    /// As it is spoken of, without its secret.
    package var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return "the proxy at \(kind == .http ? "" : "\(kind)://")\(name):\(port) (\(variable))"
    }
}

extension Proxy.Fault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .scheme(""): "its scheme is none"
        case .scheme(let scheme): "\(scheme):// is not spoken here, only http, https and socks5"
        case .noHost: "it names no machine"
        case .port: "its port is none (1 to 65535)"
        case .credentials: "its user name or password is none that a proxy can be told"
        }
    }
}
