import Testing

@testable import WebSocketNIO

@Suite struct ProxyEnvironmentTests {
    // MARK: Which variable counts

    struct Choice: CustomTestStringConvertible {
        let environment: [String: String]
        let isTLS: Bool
        let expected: String?

        init(_ environment: [String: String], tls: Bool, _ expected: String?) {
            self.environment = environment
            isTLS = tls
            self.expected = expected
        }

        var testDescription: String { "\(isTLS ? "wss" : "ws") with \(environment)" }
    }

    static let choices = [
        Choice([:], tls: true, nil),
        Choice(["HTTPS_PROXY": "http://p:1"], tls: true, "the proxy at p:1 (HTTPS_PROXY)"),
        Choice(["https_proxy": "p:1", "HTTPS_PROXY": "q:1"], tls: true, "the proxy at p:1 (https_proxy)"),
        Choice(["HTTPS_PROXY": "p:1", "all_proxy": "q:1"], tls: true, "the proxy at p:1 (HTTPS_PROXY)"),
        Choice(["all_proxy": "p:1", "ALL_PROXY": "q:1"], tls: true, "the proxy at p:1 (all_proxy)"),
        Choice(["ALL_PROXY": "p:1"], tls: true, "the proxy at p:1 (ALL_PROXY)"),
        Choice(["http_proxy": "p:1"], tls: true, nil),
        Choice(["HTTPS_PROXY": "p:1", "https_proxy": "p:1"], tls: false, nil),
        Choice(["http_proxy": "p:1", "all_proxy": "q:1"], tls: false, "the proxy at p:1 (http_proxy)"),
        // Whoever sends a web server a header named Proxy sets this one for the programs that it starts.
        Choice(["HTTP_PROXY": "p:1"], tls: false, nil),
        Choice(["HTTP_PROXY": "p:1", "ALL_PROXY": "q:1"], tls: false, "the proxy at q:1 (ALL_PROXY)"),
        Choice(["https_proxy": "", "HTTPS_PROXY": " ", "ALL_PROXY": "q:1"], tls: true, "the proxy at q:1 (ALL_PROXY)"),
        Choice(["ALL_PROXY": "p:1", "NO_PROXY": "hub.example"], tls: true, nil),
        Choice(["ALL_PROXY": "p:1", "no_proxy": "hub.example"], tls: true, nil),
        Choice(["ALL_PROXY": "p:1", "no_proxy": "other", "NO_PROXY": "*"], tls: true, "the proxy at p:1 (ALL_PROXY)"),
        // One that is not followed may be as wrong as it likes.
        Choice(["ALL_PROXY": "gopher://p", "NO_PROXY": "*"], tls: true, nil),
        Choice(["HTTPS_PROXY": "gopher://p"], tls: false, nil),
    ]

    @Test("The environment is read as curl reads it", arguments: choices)
    func choice(_ choice: Choice) throws {
        let environment = ProxyEnvironment(choice.environment)
        let proxy = try environment.proxy(to: .host("hub.example", port: 7625), isTLS: choice.isTLS)
        #expect(proxy?.description == choice.expected)
        #expect(Set(choice.environment.keys).subtracting(ProxyEnvironment.variables).isSubset(of: ["HTTP_PROXY"]))
    }

    @Test("Loopback goes through a proxy as everything else, and a Unix socket never")
    func loopback() throws {
        let environment = ProxyEnvironment(["all_proxy": "p:1"])
        #expect(try environment.proxy(to: .host("127.0.0.1", port: 1), isTLS: false) != nil)
        #expect(try environment.proxy(to: .host("localhost", port: 1), isTLS: true) != nil)
        #expect(try environment.proxy(to: .unixSocket(path: "/run/hub"), isTLS: false) == nil)
    }

    // MARK: What a variable may say

    struct Reading: CustomTestStringConvertible {
        let text: String
        let kind: Proxy.Kind
        let host: String
        let port: Int
        let credentials: String?

        init(_ text: String, _ kind: Proxy.Kind, _ host: String, _ port: Int, _ credentials: String? = nil) {
            self.text = text
            self.kind = kind
            self.host = host
            self.port = port
            self.credentials = credentials
        }

        var testDescription: String { text }
    }

    static let readings = [
        Reading("p.example", .http, "p.example", 1080),
        Reading("p.example:3128", .http, "p.example", 3128),
        Reading("http://p.example", .http, "p.example", 1080),
        Reading("HTTP://p.example:3128/", .http, "p.example", 3128),
        Reading("http://p.example:3128/path?query#fragment", .http, "p.example", 3128),
        Reading("https://p.example", .https, "p.example", 443),
        Reading("socks5://p.example", .socks5, "p.example", 1080),
        Reading("socks5h://p.example:9050", .socks5, "p.example", 9050),
        Reading("http://[::1]:3128", .http, "::1", 3128),
        Reading("[fe80::1%eth0]", .http, "fe80::1%eth0", 1080),
        Reading("http://user:password@p:1", .http, "p", 1, "user:password"),
        Reading("user:password@p:1", .http, "p", 1, "user:password"),
        Reading("http://user@p:1", .http, "p", 1, "user:"),
        Reading("http://u%40home:p%3A%2fw%25@p:1", .http, "p", 1, "u@home:p:/w%"),
        Reading("http://user:p@ss@p:1", .http, "p", 1, "user:p@ss"),
        Reading("http://user:a%zz%4@p:1", .http, "p", 1, "user:a%zz%4"),
        Reading("http://user:%C3%A4@p:1", .http, "p", 1, "user:ä"),
        Reading("http://:@p:1", .http, "p", 1),
        Reading("http://@p:1", .http, "p", 1),
    ]

    @Test("A proxy is written in any of the ways that people write it", arguments: readings)
    func reading(_ reading: Reading) throws {
        let proxy = try Proxy(reading.text, variable: "V")
        #expect(proxy.kind == reading.kind)
        #expect(proxy.host == reading.host)
        #expect(proxy.port == reading.port)
        let credentials = proxy.credentials.map { String(decoding: $0.user + [0x3A] + $0.password, as: UTF8.self) }
        #expect(credentials == reading.credentials)
    }

    static let faults: [(String, Proxy.Fault)] = [
        ("ftp://p:1", .scheme("ftp")), ("socks4://p:1", .scheme("socks4")), ("a b://p:1", .scheme("")),
        ("://p", .scheme("")), ("http://", .noHost), ("http://:3128", .noHost), ("http://a b:1", .noHost),
        ("http://[::1:3128", .noHost), ("::1", .noHost), ("p:", .port), ("p:0", .port), ("p:65536", .port),
        ("p:+1", .port), ("p:1x", .port), ("[::1]1", .port), ("user:s3cret/@p:1", .port),
        ("http://a%0d%0aX:s3cret@p:1", .credentials), ("http://a%3Ab:s3cret@p:1", .credentials),
        ("socks5://\(String(repeating: "u", count: 256)):s3cret@h", .credentials),
    ]

    @Test("What is no proxy is told by the variable's name, with nothing of a secret", arguments: faults)
    func fault(text: String, reason: Proxy.Fault) {
        let environment = ProxyEnvironment(["ALL_PROXY": text])
        let error = #expect(throws: ProxyEnvironment.Fault.self) {
            try environment.proxy(to: .host("hub.example", port: 1), isTLS: true)
        }
        #expect(error == ProxyEnvironment.Fault(variable: "ALL_PROXY", reason: reason))
        let words = error?.description ?? ""
        #expect(words.hasPrefix("ALL_PROXY names no proxy: "))
        #expect(!words.contains("s3cret"))
    }

    @Test("No way of printing a proxy shows its secret")
    func secret() throws {
        let proxy = try Proxy("http://me:hunter2@p:1", variable: "V")
        var dumped = ""
        dump(proxy.credentials, to: &dumped)
        for text in ["\(proxy)", String(reflecting: proxy), "\(proxy.credentials as Any)", dumped] {
            #expect(!text.contains("hunter2"), "\(text)")
        }
        #expect(proxy.credentials?.basic == "Basic bWU6aHVudGVyMg==")
    }

    // MARK: Exceptions

    struct Exception: CustomTestStringConvertible {
        let list: String
        let host: String
        let isExempt: Bool

        init(_ list: String, _ host: String, _ isExempt: Bool) {
            self.list = list
            self.host = host
            self.isExempt = isExempt
        }

        var testDescription: String { "\(host) by \(list)" }
    }

    static let exceptions = [
        Exception("", "hub.example", false),
        Exception("*", "hub.example", true),
        Exception("a.example, *", "::1", true),
        Exception("hub.example", "hub.example", true),
        Exception("HUB.example", "hub.EXAMPLE.", true),
        Exception("hub.example.", "hub.example", true),
        Exception("example", "hub.example", true),
        Exception(".example", "hub.example", true),
        Exception("*.example", "a.hub.example", true),
        Exception(".hub.example", "hub.example", true),
        Exception("b.example", "hub.example", false),
        Exception("ub.example", "hub.example", false),
        Exception("hub.example", "example", false),
        Exception("other, ,\texample", "hub.example", true),
        Exception("a.example b.example", "b.example", true),
        Exception(".", "hub.example", false),
        Exception("hub.example:7625", "hub.example", true),
        Exception("hub.example:443", "hub.example", false),
        Exception("hub.example:x", "hub.example", false),
        Exception("127.0.0.1", "127.0.0.1", true),
        Exception("127.0.0.1:7625", "127.0.0.1", true),
        Exception("127.0.0.1:80", "127.0.0.1", false),
        Exception("0.0.1", "127.0.0.1", false),
        Exception("0.1", "127.0.0.1", false),
        Exception("127.0.0.1", "127.0.0.11", false),
        Exception("127.0.0.0/8", "127.255.0.1", true),
        Exception("10.0.0.0/8", "127.0.0.1", false),
        Exception("192.168.8.0/21", "192.168.15.255", true),
        Exception("192.168.8.0/21", "192.168.16.0", false),
        Exception("192.168.0.1/32", "192.168.0.1", true),
        Exception("192.168.0.1/33", "192.168.0.1", false),
        Exception("0.0.0.0/0", "192.168.0.1", true),
        Exception("0.0.0.0/0", "::1", false),
        Exception("10.0.0.0/8", "10.example", false),
        Exception("10.0.0.0/x", "10.0.0.1", false),
        Exception("::1", "0:0:0:0:0:0:0:1", true),
        Exception("[::1]", "::1", true),
        Exception("[::1]:7625", "::1", true),
        Exception("[::1]:80", "::1", false),
        Exception("[::1", "::1", false),
        Exception("fe80::/10", "fe80::1%eth0", true),
        Exception("fe80::/10", "fec0::1", false),
    ]

    @Test("Exceptions are names and what is below them, addresses, and blocks of addresses", arguments: exceptions)
    func exception(_ exception: Exception) {
        #expect(ProxyExceptions(exception.list).contain(host: exception.host, port: 7625) == exception.isExempt)
    }
}
