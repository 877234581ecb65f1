#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Descriptor {
    /// The names in this directory, without `.` and `..`, in no order. Either all of them, or an error: a listing that
    /// broke off is never taken for a short one.
    package func names() throws(DiskError) -> [[UInt8]] {
        let copy = dup(raw)
        guard copy >= 0 else { throw .last("list") }
        guard let stream = fdopendir(copy) else {
            let failure = DiskError.last("list")
            close(copy)
            throw failure
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .last("list") }
                return names
            }
            guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { continue }
            let text = UnsafeRawPointer(entry) + offset
            let count = strlen(text.assumingMemoryBound(to: CChar.self))
            let name = UnsafeRawBufferPointer(start: text, count: count)
            if name[0] == UInt8(ascii: ".") && (count == 1 || (count == 2 && name[1] == UInt8(ascii: "."))) { continue }
            names.append(Array(name))
        }
    }
}
