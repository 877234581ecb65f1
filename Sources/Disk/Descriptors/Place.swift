import CLinux
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A name in an open directory: what every call that changes a tree is given, so that no path is resolved twice.
package struct Place: Sendable {
    package let directory: Descriptor
    /// One component: no slash, no NUL, not `.` or `..`.
    package let name: [UInt8]
    /// What to say in errors.
    package let path: RelativePath?

    package init(directory: Descriptor, name: [UInt8], path: RelativePath? = nil) {
        self.directory = directory
        self.name = name
        self.path = path
    }

    /// What is here, not following a symlink.
    package func status() throws(DiskError) -> Status {
        var found = clinux_status()
        let result = withCString(name) { clinux_fstatat(directory.raw, $0, &found) }
        guard result == 0 else { throw .last("stat", path: path) }
        return Status(found)
    }

    /// What is here, or nil where nothing is.
    package func statusIfPresent() throws(DiskError) -> Status? {
        do {
            return try status()
        } catch  where error.code == ENOENT {
            return nil
        }
    }

    /// Opens a file for reading; never waits for a fifo and never follows a symlink.
    package func openForReading() throws(DiskError) -> Descriptor {
        try open(O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }

    package func openForWriting() throws(DiskError) -> Descriptor {
        try open(O_RDWR | O_NOFOLLOW | O_NONBLOCK)
    }

    package func openDirectory() throws(DiskError) -> Descriptor {
        try open(O_RDONLY | O_NOFOLLOW | O_DIRECTORY)
    }

    /// Makes a new empty file, open for reading and writing, that only its owner can read, or has another mode, less what
    /// the process's mask takes of it.
    package func createFile(mode: Mode = Mode(rawValue: 0o600)) throws(DiskError) -> Descriptor {
        try open(O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: UInt32(mode.rawValue))
    }

    package func open(_ flags: Int32, mode: UInt32 = 0) throws(DiskError) -> Descriptor {
        let raw = withCString(name) { clinux_openat(directory.raw, $0, flags | O_CLOEXEC, mode) }
        guard raw >= 0 else { throw .last("open", path: path) }
        return Descriptor(adopting: raw)
    }

    package func makeDirectory(mode: Mode) throws(DiskError) {
        guard withCString(name, { mkdirat(directory.raw, $0, mode_t(mode.rawValue)) }) == 0 else {
            throw .last("mkdir", path: path)
        }
    }

    package func makeSymlink(to target: [UInt8]) throws(DiskError) {
        let result = withCString(target) { text in withCString(name) { symlinkat(text, directory.raw, $0) } }
        guard result == 0 else { throw .last("symlink", path: path) }
    }

    /// A symlink's text.
    package func readSymlink() throws(DiskError) -> [UInt8] {
        let (bytes, code) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            guard let base = buffer.baseAddress else { return ([UInt8](), EINVAL) }
            let count = withCString(name) { readlinkat(directory.raw, $0, base, buffer.count) }
            guard count >= 0 else { return ([UInt8](), errno) }
            return (buffer.prefix(count).map { UInt8(bitPattern: $0) }, 0)
        }
        guard code == 0 else { throw DiskError("readlink", path: path, code: code) }
        return bytes
    }

    package func removeFile() throws(DiskError) {
        guard withCString(name, { unlinkat(directory.raw, $0, 0) }) == 0 else { throw .last("unlink", path: path) }
    }

    /// Removes an empty directory.
    package func removeDirectory() throws(DiskError) {
        guard withCString(name, { unlinkat(directory.raw, $0, AT_REMOVEDIR) }) == 0 else {
            throw .last("rmdir", path: path)
        }
    }

    package enum RenameMode: Sendable {
        /// Fails with EEXIST where something has the new name.
        case exclusive
        /// Both must exist, and trade places at one instant.
        case exchange
    }

    /// Renames what is here. Where the file system has no such rename it fails (``DiskError/isUnsupported``).
    package func rename(to target: Place, _ mode: RenameMode) throws(DiskError) {
        let flags = mode == .exclusive ? clinux_RENAME_NOREPLACE : clinux_RENAME_EXCHANGE
        let result = withCString(name) { old in
            withCString(target.name) { clinux_renameat2(directory.raw, old, target.directory.raw, $0, flags) }
        }
        guard result == 0 else { throw .last("rename", path: target.path ?? path) }
    }

    /// Renames onto whatever has the new name: only for names that nobody else can have.
    package func renameOver(_ target: Place) throws(DiskError) {
        let result = withCString(name) { old in
            withCString(target.name) { renameat(directory.raw, old, target.directory.raw, $0) }
        }
        guard result == 0 else { throw .last("rename", path: target.path ?? path) }
    }

    /// Gives the file here a second name, which must be free.
    package func link(to target: Place) throws(DiskError) {
        let result = withCString(name) { old in
            withCString(target.name) { linkat(directory.raw, old, target.directory.raw, $0, 0) }
        }
        guard result == 0 else { throw .last("link", path: target.path ?? path) }
    }
}

extension Place {
    /// Changes the mode of a file or directory that cannot be opened, if it is the one of `status`; false if not.
    package func setModeOfSame(_ status: Status, _ mode: Mode) throws(DiskError) -> Bool {
        let handle = try open(clinux_O_PATH | O_NOFOLLOW)
        guard try handle.status().identity == status.identity else { return false }
        // A descriptor of that kind is refused by fchmod(2); its name under /proc is not.
        guard chmod("/proc/self/fd/\(handle.raw)", mode_t(mode.rawValue)) == 0 else {
            throw .last("chmod", path: path)
        }
        return true
    }
}
