#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The room on a file system, in bytes.
package struct FileSystemSpace: Hashable, Sendable {
    /// What this user may still fill.
    package let free: UInt64
    package let total: UInt64

    package init(free: UInt64, total: UInt64) {
        self.free = free
        self.total = total
    }
}

extension Descriptor {
    /// The room on the file system that this is on.
    package func fileSystemSpace() throws(DiskError) -> FileSystemSpace {
        var found = statvfs()
        while fstatvfs(raw, &found) != 0 {
            guard errno == EINTR else { throw .last("statvfs") }
        }
        let unit = UInt64(found.f_frsize)
        return FileSystemSpace(
            free: UInt64(found.f_bavail).multipliedReportingOverflow(by: unit).partialValue,
            total: UInt64(found.f_blocks).multipliedReportingOverflow(by: unit).partialValue)
    }
}
