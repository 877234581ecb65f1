import Synchronization

/// What a hub answers to curl.
struct Curl: Sendable {
    struct Answer: Sendable {
        /// curl's own exit status: 18 where a body broke off.
        let exit: Program.Status
        let status: Int
        /// By lower-case name, of the last answer.
        let headers: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private static let count = Atomic(0)

    let bench: Bench
    let hub: Replica

    /// Whether there is a curl.
    static func isHere() async throws -> Bool { try await Bench.probe(["curl", "--version"]) }

    var url: String { "http://127.0.0.1:\(hub.port)" }

    /// - Parameters:
    ///   - target: From the slash on, encoded.
    ///   - words: More of curl's options.
    func ask(_ target: String, _ words: String...) async throws -> Answer {
        try await ask(target, words)
    }

    func ask(_ target: String, _ words: [String]) async throws -> Answer {
        let number = Self.count.add(1, ordering: .relaxed).newValue
        let (head, body): (Name, Name) = ("curl-\(number).head", "curl-\(number).body")
        let program = try await bench.run(
            ["curl", "-s", "--path-as-is", "-m", "60", "-D", "\(head)", "-o", "\(body)"] + words + [url + target])
        let lines = bench.folder.exists(head) ? try bench.folder.text(head).split(separator: "\r\n") : []
        let last = lines.lastIndex { $0.hasPrefix("HTTP/") } ?? lines.endIndex
        var headers: [String: String] = [:]
        for line in lines[last...].dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let status = last < lines.endIndex ? lines[last].split(separator: " ").dropFirst().first.flatMap { Int($0) } : 0
        return Answer(
            exit: program.ended ?? -1, status: status ?? 0, headers: headers,
            body: bench.folder.exists(body) ? try bench.folder.read(body) : [])
    }

    /// Puts a text.
    func put(_ text: String, _ target: String, _ words: String...) async throws -> Answer {
        let number = Self.count.add(1, ordering: .relaxed).newValue
        let name: Name = "curl-\(number).in"
        try bench.folder.write(text, to: name)
        return try await ask(target, ["-T", "\(name)"] + words)
    }
}
