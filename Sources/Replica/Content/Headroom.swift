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
    ///
    /// - Parameter promised: What was allowed before and is not written yet.
    mutating func allows(_ bytes: UInt64, on descriptor: Descriptor, promised: () -> UInt64) -> Bool {
        if bytes <= budget {
            budget -= bytes
            return true
        }
        guard let space = try? descriptor.fileSystemSpace(), space.total > 0 else { return true }
        let floor = floor(of: space)
        let taken = floor + promised() + bytes
        guard space.free >= taken else { return false }
        // Others fill the file system, too.
        budget = (space.free - taken) / 16
        return true
    }

    /// How many bytes more must be free before so much may be written; nil where that is not known.
    func lack(_ bytes: UInt64, on descriptor: Descriptor) -> UInt64? {
        guard let space = try? descriptor.fileSystemSpace(), space.total > 0 else { return nil }
        let needed = bytes + floor(of: space)
        return needed - min(needed, space.free)
    }

    func floor(of space: FileSystemSpace) -> UInt64 {
        floor ?? min(space.total / 100, Self.most)
    }
}
