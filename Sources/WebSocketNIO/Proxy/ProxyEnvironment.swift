/// What the environment says of proxies, read as curl reads it. Pure: the variables are handed in.
package struct ProxyEnvironment: Sendable {
    /// A variable that would have been followed and can't be.
    package struct Fault: Error, Hashable, Sendable {
        package let variable: String
        package let reason: Proxy.Fault
    }

    /// What is asked for a server with TLS and one without, the first that is set. `HTTP_PROXY` is not: where a web
    /// server starts programs, whoever sends it a header named Proxy has set that.
    private static let secure = ["https_proxy", "HTTPS_PROXY"] + all
    private static let plain = ["http_proxy"] + all
    private static let all = ["all_proxy", "ALL_PROXY"]
    private static let exceptions = ["no_proxy", "NO_PROXY"]

    /// The names of all variables that are looked at.
    package static let variables = secure + ["http_proxy"] + exceptions

    private let values: [String: String]

    package init(_ values: [String: String]) {
        self.values = values
    }

    /// The proxy to go through; `nil` where the server is to be reached directly, as a Unix socket always is.
    package func proxy(to address: WebSocketClient.Address, isTLS: Bool) throws(Fault) -> Proxy? {
        guard case .host(let host, let port) = address,
            let (variable, text) = first(of: isTLS ? Self.secure : Self.plain)
        else { return nil }
        if let (_, list) = first(of: Self.exceptions), ProxyExceptions(list).contain(host: host, port: port) {
            return nil
        }
        do {
            return try Proxy(text, variable: variable)
        } catch {
            throw Fault(variable: variable, reason: error)
        }
    }

    /// One that is empty is not set.
    private func first(of variables: [String]) -> (variable: String, value: String)? {
        for variable in variables {
            guard let words = values[variable]?.split(whereSeparator: \.isWhitespace), !words.isEmpty else { continue }
            return (variable, words.joined(separator: " "))
        }
        return nil
    }
}

extension ProxyEnvironment.Fault: CustomStringConvertible {
    package var description: String {
        "\(variable) names no proxy: \(reason); write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, or unset it"
    }
}
