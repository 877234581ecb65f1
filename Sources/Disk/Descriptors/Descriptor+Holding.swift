#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

// The kernel's advisory locks on whole files and directories: flock(2). One belongs to the descriptor, and goes with it,
// however the process ends.
extension Descriptor {
    package enum Hold: Sendable {
        /// Beside others that hold it shared.
        case shared
        case alone

        fileprivate var operation: Int32 {
            switch self {
            case .shared: LOCK_SH
            case .alone: LOCK_EX
            }
        }
    }

    /// Waits until nobody has what would be in the way, and takes it.
    package func hold(_ hold: Hold) throws(DiskError) {
        while flock(raw, hold.operation) != 0 {
            guard errno == EINTR else { throw .last("flock") }
        }
    }

    /// Takes it if that is possible at once.
    ///
    /// - Returns: False where somebody else has what is in the way.
    package func holdIfFree(_ hold: Hold) throws(DiskError) -> Bool {
        while flock(raw, hold.operation | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return false }
            guard errno == EINTR else { throw .last("flock") }
        }
        return true
    }

    package func letGo() {
        _ = flock(raw, LOCK_UN)
    }
}
