import NIOCore

/// What eats bytes from outside: from the network, from files that another machine wrote, or from a damaged disk.
enum Parser: String, CaseIterable {
    /// WebSocket frames, as either side gets them, and the messages that they make.
    case frames
    /// permessage-deflate's data.
    case inflate
    /// Sec-WebSocket-Extensions.
    case extensions
    /// Whatever comes on a connection that is not yet a WebSocket.
    case head
    /// The messages between hub and peer.
    case messages
    /// The chunk list of a file.
    case lists
    /// The difference of one from another.
    case differences
    /// A path off the wire.
    case paths
    /// The names of conflict copies.
    case conflicts
    /// Rule files, with a path for their last line.
    case ignore
    /// What the index holds in a row, and what is known of something removed.
    case rows
    /// Questions of another process, and the answers.
    case control
    /// Targets, ranges, conditions and times of HTTP requests.
    case requests

    /// Feeds `input`, whatever it is, to the parser. That it returns at all is half of what is wanted of it.
    ///
    /// - Throws: ``Broken`` if something does not hold of what the parser made of it.
    func eat(_ input: [UInt8]) throws {
        switch self {
        case .frames: try eatFrames(input)
        case .inflate: try eatDeflated(input)
        case .extensions: try eatExtensions(input)
        case .head: try eatHead(input)
        case .messages: try eatMessage(input)
        case .lists: try eatList(input)
        case .differences: try eatDifference(input)
        case .paths: try eatPath(input)
        case .conflicts: try eatConflictName(input)
        case .ignore: try eatRules(input)
        case .rows: try eatRow(input)
        case .control: try eatControl(input)
        case .requests: try eatRequest(input)
        }
    }

    /// Inputs that the parser takes as they are, for others to be made of.
    func seeds() throws -> [[UInt8]] {
        switch self {
        case .frames: frameSeeds()
        case .inflate: try deflatedSeeds()
        case .extensions: extensionSeeds()
        case .head: headSeeds()
        case .messages: try messageSeeds()
        case .lists: try listSeeds()
        case .differences: try differenceSeeds()
        case .paths: pathSeeds()
        case .conflicts: try conflictSeeds()
        case .ignore: ruleSeeds()
        case .rows: try rowSeeds()
        case .control: try controlSeeds()
        case .requests: requestSeeds()
        }
    }
}

/// Something that must hold does not.
struct Broken: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

func demand(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    guard holds else { throw Broken(what()) }
}

/// `bytes` cut into pieces of `size` bytes, as a network may deliver them; whole if `size` is 0.
func pieces(_ bytes: some Collection<UInt8>, of size: Int) -> [ByteBuffer] {
    var rest = Array(bytes)[...]
    guard size > 0 else { return [ByteBuffer(bytes: rest)] }
    var pieces: [ByteBuffer] = []
    while !rest.isEmpty {
        pieces.append(ByteBuffer(bytes: rest.prefix(size)))
        rest = rest.dropFirst(size)
    }
    return pieces
}
