import Tree

@testable import Mirror

extension Parser {
    /// The first byte says what the rest is read as.
    func eatRequest(_ input: [UInt8]) throws {
        guard let kind = input.first else { return }
        let text = String(decoding: input.dropFirst(), as: UTF8.self)
        switch kind % 6 {
        case 0: try eatTarget(text)
        case 1:
            let size = UInt64(input.count % 7) * 1_000
            guard case .part(let part) = ByteRange(text, size: size) else { return }
            try demand(!part.isEmpty && part.upperBound <= size, "a range that is not there: \(part) of \(size)")
        case 2:
            guard case .these(let tags) = EntityTags([text]) else { return }
            try demand(tags.allSatisfy { !$0.contains("\"") }, "a quote in a tag: \(tags)")
        case 3:
            guard let seconds = HTTPDate.seconds(text) else { return }
            try demand(HTTPDate.seconds(HTTPDate.text(seconds)) == seconds, "another time: \(text)")
        case 4: _ = Gatekeeper.token(text)
        default:
            let query = Query(text)
            _ = (try? FeedStart(query.text("since")), query.bytes("path"), query.has("recursive"))
        }
    }

    private func eatTarget(_ text: String) throws {
        guard let route = try? Route(text) else { return }
        switch route {
        case .entry(let path), .directory(let path?):
            let again = "/files/" + PercentCoding.encode(path: path.bytes)
            try demand((try? Route(again)) == .entry(path), "another path: \(text)")
        case .directory(nil), .health, .metrics, .status, .events, .snapshot, .root: break
        }
    }

    func requestSeeds() -> [[UInt8]] {
        let seeds: [(UInt8, String)] = [
            (0, "/files/a%20b/%FF/c"), (0, "/files/a/"), (0, "/snapshot.tar"), (1, "bytes=0-499"), (1, "bytes=-500"),
            (1, "bytes=9500-"), (2, "\"x\", W/\"y\""), (2, "*"), (3, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (4, "Bearer " + String(repeating: "0a", count: 32)), (4, "Basic YWxhZGRpbjpvcGVu"),
            (5, "since=0123456789abcdef:12&path=a%2Fb+c&recursive"),
        ]
        return seeds.map { [$0] + Array($1.utf8) }
    }
}
