import CLinux
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An open file or directory, closed with its last reference.
package final class Descriptor: Sendable {
    package let raw: Int32

    package init(adopting raw: Int32) {
        self.raw = raw
    }

    deinit {
        close(raw)
    }

    package func status() throws(DiskError) -> Status {
        var found = clinux_status()
        guard clinux_fstat(raw, &found) == 0 else { throw .last("fstat") }
        return Status(found)
    }

    /// Reads up to `buffer.count` bytes from `offset` on; fewer only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = pread(raw, base + done, buffer.count - done, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("read")
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes all of `bytes` at `offset`.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = pwrite(raw, base + done, bytes.count - done, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write")
            }
            done += count
        }
    }

    package func write(_ bytes: [UInt8], at offset: UInt64) throws(DiskError) {
        let failure = bytes.withUnsafeBytes { raw -> DiskError? in
            do throws(DiskError) {
                try write(raw, at: offset)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Up to `count` bytes from `offset` on; fewer only at the end of the file.
    package func read(_ count: Int, at offset: UInt64) throws(DiskError) -> [UInt8] {
        var failure: DiskError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(DiskError) {
                filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Makes the file this long; what is added reads as zeros and takes no space.
    package func truncate(to size: UInt64) throws(DiskError) {
        guard ftruncate(raw, off_t(size)) == 0 else { throw .last("ftruncate") }
    }

    package func setMode(_ mode: Mode) throws(DiskError) {
        guard fchmod(raw, mode_t(mode.rawValue)) == 0 else { throw .last("fchmod") }
    }

    /// Sets the time of the last change of content; that of the last access stays.
    package func setModified(_ mtime: Timestamp) throws(DiskError) {
        guard clinux_set_modified(raw, mtime.seconds, mtime.nanoseconds) == 0 else { throw .last("futimens") }
    }

    /// Makes the bytes durable, and what is needed to find them.
    package func synchronize() throws(DiskError) {
        guard clinux_fdatasync(raw) == 0 else { throw .last("fdatasync") }
    }

    /// Makes a directory's names durable.
    package func synchronizeNames() throws(DiskError) {
        guard fsync(raw) == 0 else { throw .last("fsync") }
    }

    /// Makes everything on this descriptor's file system durable.
    package func synchronizeFileSystem() throws(DiskError) {
        guard clinux_syncfs(raw) == 0 else { throw .last("syncfs") }
    }

    /// Shares the bytes of `source` instead of copying them; false where the file system cannot.
    package func clone(from source: Descriptor) -> Bool {
        clinux_clone(source.raw, raw) == 0
    }

    /// Copies within the kernel; false where it cannot, and nothing may be concluded of what was written so far.
    package func copyRange(from source: Descriptor, at start: UInt64, to target: UInt64, count: UInt64) -> Bool {
        let block: UInt64 = 4096
        let head = (block - start % block) % block
        // File systems share whole blocks only, and copy all where one end of the range is in the middle of one.
        guard start % block == target % block, head + block <= count else {
            return copyBytes(from: source, at: start, to: target, count: count)
        }
        let middle = (count - head) / block * block
        return copyBytes(from: source, at: start, to: target, count: head)
            && copyBytes(from: source, at: start + head, to: target + head, count: middle)
            && copyBytes(
                from: source, at: start + head + middle, to: target + head + middle, count: count - head - middle)
    }

    private func copyBytes(from source: Descriptor, at start: UInt64, to target: UInt64, count: UInt64) -> Bool {
        var done: UInt64 = 0
        while done < count {
            let copied = clinux_copy_range(
                source.raw, Int64(start + done), raw, Int64(target + done), count - done)
            guard copied > 0 else { return false }
            done += UInt64(copied)
        }
        return true
    }

    /// Whether no process holds this file open for writing; nil where the system cannot say. The descriptor must be
    /// open for reading only.
    package var hasNoWriter: Bool? {
        switch clinux_has_no_writer(raw) {
        case 1: true
        case 0: false
        default: nil
        }
    }
}

/// Calls `body` with `bytes` as a C string. They must hold no NUL.
func withCString<Result>(_ bytes: some Collection<UInt8>, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
        var end = 0
        for byte in bytes {
            buffer.initializeElement(at: end, to: CChar(bitPattern: byte))
            end += 1
        }
        buffer.initializeElement(at: end, to: 0)
        guard let base = buffer.baseAddress else { preconditionFailure("an allocation of at least one byte is empty") }
        return body(UnsafePointer(base))
    }
}
