import NIOHTTP1
import Tree
import WebSocketNIO

/// Why a hub did not do what it was asked over HTTP, in words for a person.
package enum RemoteFailure: Error, Hashable, Sendable {
    /// There was no answer, or it broke off.
    case unreachable(String)
    /// No token, the wrong one, or one that may only read.
    case forbidden(String)
    /// The certificate is not the right one.
    case untrusted(String)
    /// What answers is no hub.
    case notAHub(String)
    /// There is no such thing.
    case notFound(String)
    /// What is there is not what was expected, or in the way.
    case conflict(String)
    case noSpace(String)
    case failed(String)

    package var text: String {
        switch self {
        case .unreachable(let text), .forbidden(let text), .untrusted(let text), .notAHub(let text),
            .notFound(let text), .conflict(let text), .noSpace(let text), .failed(let text):
            text
        }
    }

    /// Whether it says something of the one thing that was asked for, and the next may go well.
    package var isOfPath: Bool {
        switch self {
        case .notFound, .conflict: true
        case .unreachable, .forbidden, .untrusted, .notAHub, .noSpace, .failed: false
        }
    }

    init(_ error: WebSocketClientError) {
        switch error {
        case .unreachable, .timedOut, .proxy, .refused: self = .unreachable("\(error)")
        case .untrusted: self = .untrusted("\(error)")
        case .badTLS(let reason): self = .notAHub("it speaks no TLS that is spoken here: \(reason)")
        case .badUpgrade(let reason): self = .notAHub(reason)
        }
    }

    /// - Parameter line: The first line of what was answered.
    init(_ status: HTTPResponseStatus, _ line: String) {
        let answer = "the hub answered \(status.code) \(status.reasonPhrase)"
        let text = line.isEmpty ? answer : Self.clause(RelativePath.printable(line.utf8))
        switch status.code {
        case 401, 403: self = .forbidden(text)
        case 404, 410: self = .notFound(text)
        case 409, 412: self = .conflict(text)
        case 421, 426: self = .notAHub(text)
        case 429, 502, 503, 504: self = .unreachable(text)
        case 507: self = .noSpace(text)
        default: self = .failed(text)
        }
    }

    /// A sentence as a part of another one.
    private static func clause(_ sentence: String) -> String {
        let text = sentence.hasSuffix(".") ? sentence.dropLast() : sentence[...]
        guard let first = text.first, first.isUppercase, text.dropFirst().first?.isUppercase != true else {
            return String(text)
        }
        return first.lowercased() + text.dropFirst()
    }
}
