import CLinux
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the disk says of an object (`stat(2)`).
package struct Status: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file
        case directory
        case symlink
        /// A fifo, socket or device: never opened, never made.
        case special
    }

    package let device: UInt64
    package let inode: UInt64
    package let size: UInt64
    package let links: UInt64
    /// What it takes on the disk, in bytes: less than `size` where it has holes.
    package let allocated: UInt64
    package let mtime: Timestamp
    package let ctime: Timestamp
    /// The type and the permission bits, as `st_mode` has them.
    package let rawMode: UInt32
    package let owner: UInt32

    init(_ raw: clinux_status) {
        device = raw.device
        inode = raw.inode
        size = raw.size
        links = raw.links
        allocated = raw.allocated
        mtime = Timestamp(seconds: raw.mtime_seconds, nanoseconds: raw.mtime_nanoseconds)
        ctime = Timestamp(seconds: raw.ctime_seconds, nanoseconds: raw.ctime_nanoseconds)
        rawMode = raw.mode
        owner = raw.owner
    }

    package var kind: Kind {
        switch rawMode & UInt32(S_IFMT) {
        case UInt32(S_IFREG): .file
        case UInt32(S_IFDIR): .directory
        case UInt32(S_IFLNK): .symlink
        default: .special
        }
    }

    package var mode: Mode { Mode(rawValue: UInt16(truncatingIfNeeded: rawMode)) }

    package var identity: Identity { Identity(device: device, inode: inode) }

    /// A directory's size and times change with what is in it, which is no change of the directory: they are left out.
    package var fingerprint: Fingerprint {
        if kind == .directory {
            let never = Timestamp(seconds: 0, nanoseconds: 0)
            return Fingerprint(inode: inode, size: 0, mtime: never, ctime: never, mode: rawMode)
        }
        return Fingerprint(inode: inode, size: size, mtime: mtime, ctime: ctime, mode: rawMode)
    }
}

/// Which object this is, whatever its name.
package struct Identity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

extension Fingerprint {
    /// Whether both are the same object with the same content, as far as a rename lets one see: it moves the ctime.
    package func isSame(exceptForChangeTime other: Fingerprint) -> Bool {
        inode == other.inode && size == other.size && mtime == other.mtime && mode == other.mode
    }
}
