import NIOCore
import NIOHTTP1
import Synchronization
import Tree
import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Who may come in: decides on each request before a byte of the protocol is read.
final class Gatekeeper: Sendable {
    struct Rules: Sendable {
        /// Web pages that may use this hub, as browsers name them: `https://example.org`.
        var origins: Set<String> = []
        /// Whoever comes in may look, and change nothing.
        var isReadOnly = false
        var maxPeers = 10_000
        /// Nobody comes in without a token, even where nobody has one.
        var wantsToken = false
    }

    /// What a guest may do, and by whose token it came; no holder where the hub has no tokens.
    struct Admission: Sendable {
        let holder: TokenBook.Holder?
        let isReadOnly: Bool
        /// Came through the control socket, which is in nobody else's reach.
        var isOwner = false

        static let owner = Admission(holder: nil, isReadOnly: false, isOwner: true)
    }

    enum Verdict: Sendable {
        case admitted(Admission)
        case refused(HTTPAnswer)
    }

    private struct State {
        var rules: Rules
        var book: TokenBook
        /// Once there were tokens, the last one's revocation shuts the door and does not open it.
        var wantsToken: Bool
        var brake = FailureBrake()
    }

    private let state: Mutex<State>

    init(_ rules: Rules, book: TokenBook) {
        state = Mutex(State(rules: rules, book: book, wantsToken: rules.wantsToken || !book.isEmpty))
    }

    var book: TokenBook { state.withLock(\.book) }

    /// From now on, this is who may come in.
    func use(_ book: TokenBook) {
        state.withLock { state in
            state.book = book
            if !book.isEmpty { state.wantsToken = true }
        }
    }

    /// From now on, these web pages may use the hub.
    func use(origins: Set<String>) { state.withLock { $0.rules.origins = origins } }

    /// Judges a request.
    ///
    /// - Parameters:
    ///   - address: who asks, as failures are counted by it; empty where nobody else can ask, as on a Unix socket.
    ///   - peers: how many are in already.
    ///   - isLook: whether it changes nothing, whatever it brings: the hub's own page may do that.
    ///   - offered: tokens that came otherwise than in a header of their own, as a browser's WebSocket has none.
    func judge(
        _ headers: HTTPHeaders, from address: String, peers: Int, isLook: Bool = false, offered: [String] = [],
        now: NIODeadline
    ) -> Verdict {
        if let origin = headers["origin"].first, !state.withLock({ $0.rules.origins.contains(origin) }),
            !(isLook && Self.isOwnPage(origin, headers))
        {
            return .refused(
                HTTPAnswer(
                    status: .forbidden,
                    text: "A web page may not use this hub, unless it was started with --allow-origin \(safe(origin)).")
            )
        }
        return state.withLock { state in
            guard state.wantsToken else {
                guard Self.isLoopback(headers["host"].first ?? "") else { return .refused(Self.foreignHost) }
                return admit(nil, peers, state.rules)
            }
            if let wait = state.brake.wait(address, now: now) {
                let seconds = (wait.nanoseconds + 999_999_999) / 1_000_000_000
                return .refused(
                    HTTPAnswer(
                        status: .tooManyRequests, headers: ["retry-after": "\(seconds)"],
                        text: "Too many wrong tokens from this address; wait \(seconds) s."))
            }
            let header = headers["authorization"]
            let given = header.isEmpty ? offered.map { "bearer \($0)" } : header
            guard given.count == 1, let token = Self.token(given[0]) else { return .refused(Self.tokenWanted(given)) }
            guard let holder = state.book.holder(of: token) else {
                if !address.isEmpty { state.brake.failed(address, now: now) }
                return .refused(Self.tokenWanted(given))
            }
            state.brake.succeeded(address)
            return admit(holder, peers, state.rules)
        }
    }

    /// Whether somebody who was let in would be let in now.
    func stillAdmits(_ admission: Admission) -> Bool {
        if admission.isOwner { return true }
        let book = book
        guard let holder = admission.holder else { return book.isEmpty }
        return book[holder.name]?.digest == holder.digest
    }

    private func admit(_ holder: TokenBook.Holder?, _ peers: Int, _ rules: Rules) -> Verdict {
        guard peers < rules.maxPeers else {
            return .refused(
                HTTPAnswer(
                    status: .serviceUnavailable, headers: ["retry-after": "30"],
                    text: "This hub has all the \(rules.maxPeers) peers that it takes."))
        }
        return .admitted(Admission(holder: holder, isReadOnly: rules.isReadOnly || holder?.role == .read))
    }

    /// `Bearer TOKEN` (RFC 6750 §2.1), or `Basic …` (RFC 7617) with the token as the password, as programs send it that know
    /// no other way; the scheme in any case.
    static func token(_ value: String) -> AccessToken? {
        let words = value.split(separator: " ")
        guard words.count == 2 else { return nil }
        switch words[0].lowercased() {
        case "bearer": return AccessToken(words[1])
        case "basic":
            guard words[1].utf8.count <= 1024, let bytes = Data(base64Encoded: String(words[1])),
                let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
                let password = String(validating: bytes[bytes.index(after: colon)...], as: UTF8.self)
            else { return nil }
            return AccessToken(password)
        default: return nil
        }
    }

    /// A name that another machine's DNS could have pointed to this one means that a web page was tricked, or tricks.
    private static let foreignHost = HTTPAnswer(
        status: .misdirectedRequest,
        text: "This hub has no tokens, so it answers to loopback names alone: 127.0.0.1, ::1, localhost.")

    private static func tokenWanted(_ given: [String]) -> HTTPAnswer {
        HTTPAnswer(
            status: .unauthorized, headers: ["www-authenticate": "Bearer realm=\"nosocks\""],
            text: given.isEmpty
                ? "This hub wants a token: give its file with --token-file FILE."
                : "This hub does not know this token.")
    }

    /// Whether the page that asks came from here: from the very host that it asks. A name that was made to lead here
    /// (DNS rebinding) is such a host, too; it is told apart by its name, or has no token.
    static func isOwnPage(_ origin: String, _ headers: HTTPHeaders) -> Bool {
        guard headers["sec-fetch-site"].allSatisfy({ $0 == "same-origin" }), let host = headers["host"].first else {
            return false
        }
        // Whoever does TLS in front of a hub leaves it a scheme that is none of the browser's.
        return [("http://", ":80"), ("https://", ":443")].contains { scheme, port in
            guard origin.hasPrefix(scheme) else { return false }
            let authority = origin.dropFirst(scheme.count)
            return !authority.isEmpty && (authority == host || "\(authority)\(port)" == host)
        }
    }

    /// Whether a Host header names this machine and can name no other.
    static func isLoopback(_ host: String) -> Bool {
        guard let address = try? HubAddress(listening: host) else { return false }
        return address.socketPath == nil && HubAddress.isLoopback(address.host)
    }

    /// A stranger's words in an answer: printable ASCII, and not many.
    private func safe(_ text: String) -> String {
        String(text.unicodeScalars.filter { (0x20...0x7e).contains($0.value) }.prefix(100).map(Character.init))
    }
}
