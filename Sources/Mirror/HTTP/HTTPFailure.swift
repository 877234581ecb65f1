import NIOHTTP1
import Tree
import WebSocketNIO

/// A request is answered with this instead of what it asked for.
struct HTTPFailure: Error, Sendable {
    private(set) var answer: HTTPAnswer

    init(_ status: HTTPResponseStatus, _ text: String, headers: HTTPHeaders = [:]) {
        answer = HTTPAnswer(status: status, headers: headers, text: text)
    }

    init(_ answer: HTTPAnswer) { self.answer = answer }

    mutating func add(_ name: String, _ value: String) { answer.headers.add(name: name, value: value) }

    static let ending = HTTPFailure(
        .serviceUnavailable, "This hub is ending.", headers: ["retry-after": "5"])

    static func notFound(_ path: RelativePath) -> HTTPFailure {
        HTTPFailure(.notFound, "There is nothing at \(path).")
    }
}
