import Tree

/// The numbers of the format. Wire.docc tells what they mean.
enum Kind: UInt8 {
    case hello = 0x01
    case welcome = 0x02
    case changes = 0x03
    case caughtUp = 0x04
    case submit = 0x05
    case settled = 0x06
    case want = 0x07
    case chunks = 0x08
    case applied = 0x09
    case goodbye = 0x0a
    case everywhere = 0x0b
    case upcoming = 0x81

    /// A kind with this bit may be passed over by who does not know it.
    static let skippable: UInt8 = 0x80
}

enum EntryKind: UInt8 {
    case tombstone = 0
    case file = 1
    case directory = 2
    case symlink = 3
}

enum AttachmentKind: UInt8 {
    case none = 0
    case content = 1
    case list = 2
    case difference = 3
}

enum VerdictKind: UInt8 {
    case accepted = 1
    case lost = 2
    case blocked = 3
    case refused = 4
}

enum Magic {
    static let bytes = Array("nosocks".utf8)
}

/// The most that a message may hold. A sender keeps to these, a receiver checks them before it allocates.
package enum WireLimits {
    /// Changes, offers or settlements in one message.
    package static let entries = 65_536
    /// Digests wanted, chunks supplied, or digests unavailable, in one message.
    package static let digests = 65_536
    /// Bytes of the paths of all deliveries in one message: they are told by one another, so that the message's own length
    /// bounds them no more.
    package static let paths = 8 << 20
    /// Bytes of a replica's name, at least 1; of an author, which may be empty.
    package static let name = 64
    /// Bytes of the text of a `goodbye`.
    package static let text = 200
    /// Bytes of a symlink's target, at least 1.
    package static let target = 4095
    /// Revisions are stored as signed integers.
    package static let revision = UInt64(Int64.max)
    /// Bytes of one chunk, at least 1.
    package static let chunk = Int(ChunkingParameters(fileSize: ChunkingParameters.largestFile).maximum)
    /// Bytes of the longest chunk list.
    package static let list = list(ofFileSize: ChunkingParameters.largestFile)

    /// Bytes of the longest chunk list that a file of `size` bytes can have.
    package static func list(ofFileSize size: UInt64) -> Int {
        12 + 36 * (Int(size / UInt64(ChunkingParameters(fileSize: size).minimum)) + 1)
    }
}
