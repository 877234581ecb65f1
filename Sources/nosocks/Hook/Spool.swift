#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Lines that wait for a program to read them, in a file without a name: however many they are and however slowly they
/// are read, they take no memory and block nobody.
struct Spool: ~Copyable {
    struct Failure: Error {
        let reason: String
    }

    /// What does not fit any more is left out: a command that hangs must not fill the disk.
    static let mostBytes = 256 << 20

    let descriptor: Int32
    private var buffer: [UInt8] = []
    private var count = 0
    private var leftOut = 0

    init() throws(Failure) {
        let folder = Terminal.variable("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var name = Array("\(folder)/nosocks-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw Failure(reason: "\(folder): \(String(cString: strerror(errno)))") }
        unlink(name)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { close(descriptor) }

    mutating func append(_ line: some Collection<UInt8>) {
        guard count + line.count <= Self.mostBytes else {
            leftOut += 1
            return
        }
        count += line.count
        buffer += line
        if buffer.count >= 1 << 16 { flush() }
    }

    /// To be read from the beginning.
    mutating func rewind() {
        if leftOut > 0 {
            var line = EventLine("problem")
            line.reason = "\(leftOut) further changes are left out here: there are too many"
            buffer += JSONLine.bytes(line)
        }
        flush()
        lseek(descriptor, 0, SEEK_SET)
    }

    private mutating func flush() {
        if !StandardStream.write(buffer, to: descriptor) { leftOut += 1 }
        buffer.removeAll(keepingCapacity: true)
    }
}
