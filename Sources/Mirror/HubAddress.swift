/// Where a hub is, as a person or a script says it.
package struct HubAddress: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int
    /// Begins with a slash.
    package let path: String
    /// Whether TLS is to be used.
    package let isSecure: Bool
    /// The Unix socket's path, where there is one: then host and port mean nothing.
    package let socketPath: String?

    /// The port that spells SOCK.
    package static let defaultPort = 7625

    package enum Fault: Error, Hashable, Sendable {
        case scheme(String)
        case noHost
        case host(String)
        case port(String)
        case secret
    }

    /// Reads `ws://HOST[:PORT][/PATH]`, `wss://…`, or `HOST[:PORT]`, which means `ws` for loopback names and `wss` for
    /// any other. An IPv6 address stands in brackets.
    package init(_ text: String) throws(Fault) {
        if let path = Self.socketPath(text) {
            self.init(socketPath: path)
            return
        }
        var rest = text[...]
        var scheme: String?
        if let mark = text.range(ofText: "://") {
            scheme = text[..<mark.lowerBound].lowercased()
            rest = text[mark.upperBound...]
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let tail = String(rest[authority.endIndex...])
        guard !authority.contains("@") else { throw .secret }
        let (host, port) = try Self.split(authority)
        guard !host.isEmpty else { throw .noHost }
        guard Self.isName(host) else { throw .host(host) }
        let isSecure: Bool
        switch scheme {
        case nil: isSecure = !Self.isLoopback(host)
        case "ws"?, "http"?: isSecure = false
        case "wss"?, "https"?: isSecure = true
        case let other?: throw .scheme(other)
        }
        self.init(
            host: host, port: port ?? Self.defaultPort, path: tail.hasPrefix("/") ? tail : "/" + tail,
            isSecure: isSecure)
    }

    /// Reads where to listen: `HOST:PORT` (0 takes a free one), `HOST`, or `unix:PATH`.
    package init(listening text: String) throws(Fault) {
        if let path = Self.socketPath(text) {
            self.init(socketPath: path)
            return
        }
        guard text.allSatisfy({ $0 != "/" && $0 != "@" }) else { throw .noHost }
        let (host, port) = try Self.split(text[...], smallestPort: 0)
        guard !host.isEmpty else { throw .noHost }
        guard Self.isName(host) else { throw .host(host) }
        self.init(host: host, port: port ?? Self.defaultPort)
    }

    package init(host: String, port: Int, path: String = "/", isSecure: Bool = false) {
        self.host = host
        self.port = port
        self.path = path
        self.isSecure = isSecure
        socketPath = nil
    }

    package init(socketPath: String) {
        host = ""
        port = 0
        path = "/"
        isSecure = false
        self.socketPath = socketPath
    }

    private static func socketPath(_ text: String) -> String? {
        text.hasPrefix("unix:") && text.utf8.count > 5 ? String(text.dropFirst(5)) : nil
    }

    private static func split(_ authority: Substring, smallestPort: Int = 1) throws(Fault) -> (String, Int?) {
        var host = authority
        var digits: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .noHost }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { throw .port(String(rest)) }
                digits = rest.dropFirst()
            }
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            digits = authority[authority.index(after: colon)...]
        }
        guard let digits else { return (String(host), nil) }
        guard let port = Int(digits), (smallestPort...65535).contains(port), digits.allSatisfy(\.isNumber) else {
            throw .port(String(digits))
        }
        return (String(host), port)
    }

    /// Whether this can be the name or the address of a machine.
    private static func isName(_ host: String) -> Bool {
        host.unicodeScalars.allSatisfy { $0.properties.isAlphabetic || "0123456789.-_:%".unicodeScalars.contains($0) }
    }

    /// Where a browser finds the hub's page; nil on a Unix socket.
    package var page: String? {
        guard socketPath == nil else { return nil }
        return "http\(description.dropFirst("ws".count))\(path == "/" ? "/" : "")"
    }

    /// Whether others than this machine can reach what listens here.
    package var isInTheOpen: Bool { socketPath == nil && !Self.isLoopback(host) }

    /// Whether a name or address can only mean this machine.
    package static func isLoopback(_ host: String) -> Bool {
        let name = host.lowercased()
        if name == "localhost" || name.hasSuffix(".localhost") || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    package var description: String {
        if let socketPath { return "unix:\(socketPath)" }
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(isSecure ? "wss" : "ws")://\(name):\(port)\(path == "/" ? "" : path)"
    }
}

extension HubAddress.Fault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .scheme(let scheme): "\(scheme):// is not spoken here"
        case .noHost: "it names no host"
        case .host(let text): "\"\(text)\" names no machine"
        case .port(let text): "\"\(text)\" is no port (1 to 65535)"
        case .secret: "it holds a name or password, which a URL must not"
        }
    }
}

extension String {
    /// Where `text` first stands in this string.
    fileprivate func range(ofText text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
