import Tree

/// What a request is about.
enum Route: Hashable, Sendable {
    case health
    case metrics
    case status
    case events
    /// What is at a path.
    case entry(RelativePath)
    /// A directory, with a slash behind its name; nil for the folder itself.
    case directory(RelativePath?)
    case snapshot
    /// The page, which is the WebSocket's address as well.
    case root

    /// Why a target is none of these.
    enum Failure: Error, Hashable, Sendable {
        case unknown
        /// Bytes that can't be a path, and why.
        case path(PathError)
        /// A percent sign without two digits.
        case encoding
    }

    /// - Parameter target: A request's target without its query.
    init(_ target: some StringProtocol) throws(Failure) {
        let bytes = Array(target.utf8)
        switch String(target) {
        case "/": self = .root
        case "/healthz": self = .health
        case "/metrics": self = .metrics
        case "/status": self = .status
        case "/events": self = .events
        case "/snapshot.tar": self = .snapshot
        case "/files/", "/files": self = .directory(nil)
        default:
            let prefix = Array("/files/".utf8)
            guard bytes.starts(with: prefix) else { throw .unknown }
            let path = bytes[prefix.count...]
            let isDirectory = path.last == UInt8(ascii: "/")
            let found = try Self.path(isDirectory ? path.dropLast() : path)
            self = isDirectory ? .directory(found) : .entry(found)
        }
    }

    /// A path with each of its components percent-encoded: an encoded slash would be a part of a name, which none can have.
    static func path(_ encoded: some Collection<UInt8>) throws(Failure) -> RelativePath {
        let slash = UInt8(ascii: "/")
        var bytes: [UInt8] = []
        for (index, component) in encoded.split(separator: slash, omittingEmptySubsequences: false).enumerated() {
            guard let name = PercentCoding.decode(component) else { throw .encoding }
            guard !name.contains(slash) else { throw .path(.emptyComponent) }
            if index > 0 { bytes.append(slash) }
            bytes += name
        }
        do {
            return try RelativePath(bytes)
        } catch {
            throw .path(error)
        }
    }
}

/// A target's query: `name=value&…`, percent-encoded, with `+` for a space.
struct Query: Hashable, Sendable {
    private var values: [String: [UInt8]] = [:]

    /// Takes the first of several of one name; what is not well encoded counts as not given.
    init(_ text: some StringProtocol) {
        for part in text.utf8.split(separator: UInt8(ascii: "&")) {
            let pair = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let plain = pair.map { $0.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 } }
            guard let name = PercentCoding.decode(plain[0]).flatMap({ String(validating: $0, as: UTF8.self) }),
                let value = plain.count > 1 ? PercentCoding.decode(plain[1]) : [], values[name] == nil
            else { continue }
            values[name] = value
        }
    }

    func bytes(_ name: String) -> [UInt8]? { values[name] }
    func text(_ name: String) -> String? { values[name].flatMap { String(validating: $0, as: UTF8.self) } }
    func has(_ name: String) -> Bool { values[name] != nil }
}
