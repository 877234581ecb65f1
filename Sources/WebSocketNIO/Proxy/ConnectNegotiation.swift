import NIOCore

/// HTTP's CONNECT (RFC 9110 §9.3.6). NIO's HTTP decoder would take what follows the answer for another answer, so the
/// head is read here.
struct ConnectNegotiation: TunnelNegotiation {
    private let target: String
    private let credentials: ProxyCredentials?
    /// The most bytes that all heads together may have.
    private var budget: Int

    /// - Parameter target: HOST:PORT, a literal IPv6 address in brackets.
    init(to target: String, credentials: ProxyCredentials?, maxHeadSize: Int) {
        self.target = target
        self.credentials = credentials
        budget = maxHeadSize
    }

    var opening: ByteBuffer {
        var head = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        if let credentials { head += "Proxy-Authorization: \(credentials.basic)\r\n" }
        return ByteBuffer(string: head + "\r\n")
    }

    mutating func received(_ bytes: inout ByteBuffer) throws(TunnelFailure) -> TunnelStep {
        while true {
            guard zip(bytes.readableBytesView, "HTTP/1.".utf8).allSatisfy({ $0 == $1 }) else { throw Self.notHTTP }
            guard let end = Self.endOfHead(bytes.readableBytesView), end <= budget else {
                guard bytes.readableBytes <= budget else { throw TunnelFailure("does not come to the point") }
                return .wait
            }
            guard let head = bytes.readSlice(length: end) else { return .wait }
            budget -= end
            let lines = String(buffer: head).split(whereSeparator: \.isNewline)
            let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
            guard words.count >= 2, words[1].utf8.count == 3, let status = UInt16(decimal: words[1]), status >= 100
            else { throw Self.notHTTP }
            switch status {
            // The answer proper follows.
            case 100..<200: continue
            case 200..<300: return .open
            default:
                let reason = words.count == 3 ? " \(words[2])" : ""
                throw refusal(status, "\(status)\(reason)".printable, lines.dropFirst())
            }
        }
    }

    private static let notHTTP = TunnelFailure("does not speak HTTP")

    /// How many bytes there are up to the first empty line, that included.
    private static func endOfHead(_ bytes: ByteBufferView) -> Int? {
        let lineFeed = UInt8(ascii: "\n")
        var isLineEmpty = false
        for (index, byte) in bytes.enumerated() {
            if byte == lineFeed {
                if isLineEmpty { return index + 1 }
                isLineEmpty = true
            } else if byte != UInt8(ascii: "\r") {
                isLineEmpty = false
            }
        }
        return nil
    }

    private func refusal(_ status: UInt16, _ said: String, _ lines: ArraySlice<Substring>) -> TunnelFailure {
        guard status == 407 else {
            return TunnelFailure("\(status >= 500 ? "cannot" : "refuses to") connect to \(target): \(said)")
        }
        let schemes = lines.compactMap { line -> Substring? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "proxy-authenticate" else { return nil }
            return parts[1].split(separator: " ").first
        }
        if !schemes.isEmpty, !schemes.contains(where: { $0.lowercased() == "basic" }) {
            let wanted = schemes.joined(separator: ", ").printable
            return TunnelFailure("wants to know who asks by \(wanted), and only Basic is spoken here: \(said)")
        }
        return TunnelFailure(
            "\(credentials == nil ? "wants a" : "does not accept the") user name and password: \(said)")
    }
}
