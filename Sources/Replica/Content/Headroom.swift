import Disk
internal import Synchronization

/// Keeps some of a file system free: for the index, for the folder's user, and for everybody else there.
struct Headroom {
    /// How much is to stay free, in bytes; nil for a hundredth of the file system, and no more than ``most``.
    let floor: Floor
    private static let most: UInt64 = 1 << 30
    /// What may be taken before the file system is asked again.
    private var budget: UInt64 = 0

    init(floor: Floor) {
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
        floor.bytes ?? min(space.total / 100, Self.most)
    }
}

/// How much of a file system is to stay free, for all who write to it, as it is set now. On whichever thread.
final class Floor: Sendable {
    private let value: Mutex<UInt64?>

    init(_ bytes: UInt64? = nil) { value = Mutex(bytes) }

    /// Nil where nobody has said.
    var bytes: UInt64? { value.withLock(\.self) }

    func use(_ bytes: UInt64?) { value.withLock { $0 = bytes } }
}
