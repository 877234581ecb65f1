#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A folder that a test works in, with the file operations as programs make them.
struct Folder: Sendable {
    /// Absolute.
    let path: Name

    var text: String { "\(path)" }

    func folder(_ name: Name) -> Folder { Folder(path: path.appending(name)) }

    /// Calls `body` with the whole path of `name` as C wants it.
    func with<Result>(_ name: Name, _ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        let bytes = path.appending(name).bytes.map { CChar(bitPattern: $0) } + [0]
        return try bytes.withUnsafeBufferPointer { buffer in
            guard let address = buffer.baseAddress else { preconditionFailure("a path of no bytes") }
            return try body(address)
        }
    }

    // MARK: Files

    /// Writes a whole file, in place if it is there.
    func write(_ bytes: [UInt8], to name: Name) throws {
        try withFile(name, O_WRONLY | O_CREAT | O_TRUNC) { try Self.write(bytes, to: $0, name) }
    }

    func write(_ text: String, to name: Name) throws {
        try write(Array(text.utf8), to: name)
    }

    func append(_ text: String, to name: Name) throws {
        try withFile(name, O_WRONLY | O_APPEND) { try Self.write(Array(text.utf8), to: $0, name) }
    }

    /// Writes over part of a file.
    func overwrite(_ text: String, at offset: Int, of name: Name) throws {
        try withFile(name, O_WRONLY) { descriptor in
            try SystemError.check(lseek(descriptor, off_t(offset), SEEK_SET), "lseek", name)
            try Self.write(Array(text.utf8), to: descriptor, name)
        }
    }

    /// Writes over part of a file through a mapping of it, which outlives the descriptor.
    func overwriteMapped(_ text: String, at offset: Int, of name: Name) throws {
        let size = try Int(status(name).st_size)
        let mapping = try withFile(name, O_RDWR) { mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, $0, 0) }
        guard let mapping, mapping != MAP_FAILED else { throw SystemError(call: "mmap", name: "\(name)", code: errno) }
        let bytes = Array(text.utf8)
        mapping.advanced(by: offset).copyMemory(from: bytes, byteCount: bytes.count)
        munmap(mapping, size)
    }

    /// Makes a file of `size` bytes that is a hole but for `text` in its middle.
    func writeSparse(_ text: String, size: Int, to name: Name) throws {
        try write("", to: name)
        try SystemError.check(with(name) { truncate($0, off_t(size)) }, "truncate", name)
        try overwrite(text, at: size / 2, of: name)
    }

    /// Makes a file of bytes that do not compress and are in no other file.
    func writeRandom(_ count: Int, to name: Name) throws {
        var bytes = [UInt8](repeating: 0, count: count)
        var generator = SystemRandomNumberGenerator()
        bytes.withUnsafeMutableBytes { buffer in
            for offset in stride(from: 0, to: count - 7, by: 8) {
                buffer.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
            }
        }
        try write(bytes, to: name)
    }

    func read(_ name: Name) throws -> [UInt8] {
        try withFile(name, O_RDONLY | O_NOFOLLOW) { descriptor in
            // Of the very file that was opened: another may have taken the name since.
            var status = stat()
            try SystemError.check(fstat(descriptor, &status), "fstat", name)
            let size = Int(status.st_size)
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                while filled < size {
                    count = systemRead(descriptor, buffer.baseAddress.map { $0 + filled }, size - filled)
                    guard count > 0 else { return }
                    filled += count
                }
            }
            try SystemError.check(count, "read", name)
            return bytes
        }
    }

    func text(_ name: Name) throws -> String {
        String(decoding: try read(name), as: UTF8.self)
    }

    private func withFile<Result>(
        _ name: Name, _ flags: Int32, _ body: (Int32) throws -> Result
    ) throws -> Result {
        let descriptor = with(name) { open($0, flags | O_CLOEXEC, 0o644) }
        try SystemError.check(descriptor, "open", name)
        defer { close(descriptor) }
        return try body(descriptor)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, _ name: Name) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            rest = rest.dropFirst(try SystemError.check(count, "write", name))
        }
    }

    // MARK: Names

    func makeDirectory(_ name: Name = "", mode: mode_t = 0o755) throws {
        try SystemError.check(with(name) { mkdir($0, mode) }, "mkdir", name)
    }

    func link(_ name: Name, to target: Name) throws {
        let target = target.bytes.map { CChar(bitPattern: $0) } + [0]
        try SystemError.check(with(name) { symlink(target, $0) }, "symlink", name)
    }

    /// Gives a file another name.
    func hardLink(_ name: Name, to existing: Name) throws {
        try SystemError.check(with(existing) { old in with(name) { systemLink(old, $0) } }, "link", name)
    }

    func makeFifo(_ name: Name) throws {
        try SystemError.check(with(name) { mkfifo($0, 0o644) }, "mkfifo", name)
    }

    func rename(_ name: Name, to target: Name) throws {
        try SystemError.check(with(name) { old in with(target) { systemRename(old, $0) } }, "rename", name)
    }

    func remove(_ name: Name) throws {
        let isDirectory = try kind(of: name) == .directory
        try SystemError.check(with(name) { isDirectory ? rmdir($0) : unlink($0) }, "remove", name)
    }

    /// Removes all that is there, with whatever is in it.
    func removeTree(_ name: Name = "") throws {
        if try kind(of: name) == .directory {
            // No more than is needed: somebody watches, and takes that for a change.
            if try status(name).st_mode & 0o700 != 0o700 { try? setMode(0o700, of: name) }
            for child in try children(of: name) { try removeTree(name.appending(child)) }
        }
        try remove(name)
    }

    // MARK: Metadata

    func setMode(_ mode: mode_t, of name: Name) throws {
        try SystemError.check(with(name) { chmod($0, mode) }, "chmod", name)
    }

    func setTime(seconds: Int, nanoseconds: Int, of name: Name) throws {
        let times = [timespec(tv_sec: seconds, tv_nsec: nanoseconds), timespec(tv_sec: seconds, tv_nsec: nanoseconds)]
        try SystemError.check(
            with(name) { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) }, "utimensat", name)
    }

    func status(_ name: Name = "") throws -> stat {
        var status = stat()
        try SystemError.check(with(name) { lstat($0, &status) }, "lstat", name)
        return status
    }

    func exists(_ name: Name = "") -> Bool {
        (try? status(name)) != nil
    }

    /// Bytes that may still be written on its file system.
    func freeSpace() throws -> UInt64 {
        var found = statvfs()
        try SystemError.check(with("", { statvfs($0, &found) }), "statvfs")
        return UInt64(found.f_bavail) * UInt64(found.f_frsize)
    }

    /// The names in a directory, in order.
    func children(of name: Name = "") throws -> [Name] {
        guard let directory = with(name, { opendir($0) }) else {
            throw SystemError(call: "opendir", name: "\(name)", code: errno)
        }
        defer { closedir(directory) }
        var found: [Name] = []
        while let entry = readdir(directory) {
            let child = withUnsafeBytes(of: &entry.pointee.d_name) { Name(Array($0.prefix { $0 != 0 })) }
            if child != ".", child != ".." { found.append(child) }
        }
        return found.sorted()
    }
}

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

private func systemLink(_ old: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> Int32 {
    link(old, new)
}

private func systemRename(_ old: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> Int32 {
    rename(old, new)
}
