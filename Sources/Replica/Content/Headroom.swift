import Disk

/// Keeps some of a file system free: for the index, for the folder's user, and for everybody else there.
struct Headroom {
    /// How much is to stay free, in bytes; nil for a hundredth of the file system, and no more than ``most``.
    let floor: UInt64?
    private static let most: UInt64 = 1 << 30
    /// What may be taken before the file system is asked again.
    private var budget: UInt64 = 0

    init(floor: UInt64?) {
        self.floor = floor
    }

    /// Whether so much may be written. Where that is not known, trying shows it.
    mutating func allows(_ bytes: UInt64, on descriptor: Descriptor) -> Bool {
        if bytes <= budget {
            budget -= bytes
            return true
        }
        guard let space = try? descriptor.fileSystemSpace(), space.total > 0 else { return true }
        let floor = floor ?? min(space.total / 100, Self.most)
        guard space.free >= floor, space.free - floor >= bytes else { return false }
        // Others fill the file system, too.
        budget = (space.free - floor - bytes) / 16
        return true
    }
}
