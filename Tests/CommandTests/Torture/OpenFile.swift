import CLinux

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What an editor has open: the very object, whatever its name means a moment later.
final class OpenFile {
    private let descriptor: Int32
    private let name: Name

    init(_ folder: Folder, _ name: Name, _ flags: Int32) throws {
        self.name = name
        descriptor = try SystemError.check(
            folder.with(name) { open($0, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644) }, "open", name)
    }

    /// Whatever has the name, of any kind, without a right to its content where it has none.
    convenience init(anything name: Name, in folder: Folder) throws {
        do {
            try self.init(folder, name, O_RDONLY)
        } catch let error as SystemError where error.code == ELOOP {
            try self.init(folder, name, clinux_O_PATH)
        }
    }

    deinit {
        close(descriptor)
    }

    var status: stat {
        get throws {
            var status = stat()
            try SystemError.check(fstat(descriptor, &status), "fstat", name)
            return status
        }
    }

    /// By how many names it can be reached.
    var links: Int { get throws { try Int(status.st_nlink) } }

    // MARK: Content

    func read() throws -> [UInt8] {
        let size = try Int(status.st_size)
        var filled = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while filled < size {
                let some = pread(descriptor, buffer.baseAddress.map { $0 + filled }, size - filled, off_t(filled))
                guard some > 0 else { break }
                filled += some
            }
            count = filled
        }
        return bytes
    }

    /// In one call, so that nobody sees half of what is small.
    func write(_ bytes: [UInt8], at offset: Int) throws {
        var offset = offset
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            rest = rest.dropFirst(try SystemError.check(count, "write", name))
            offset += count
        }
    }

    func truncate(to size: Int) throws {
        try SystemError.check(ftruncate(descriptor, off_t(size)), "truncate", name)
    }

    /// What it is as a version; nil for what holds none: directories, and files without a byte.
    func version() throws -> Version? {
        switch try status.st_mode & S_IFMT {
        case S_IFREG: return Version(try read())
        case S_IFLNK:
            var bytes = [CChar](repeating: 0, count: 4096)
            let count = try SystemError.check(
                readlinkat(descriptor, "", &bytes, bytes.count), "readlink", name)
            return .symlink(Name(bytes.prefix(count).map { UInt8(bitPattern: $0) }))
        default: return nil
        }
    }
}
