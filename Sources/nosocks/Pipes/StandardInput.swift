#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// stdin, as data.
enum StandardInput {
    private static let block = 256 << 10

    /// How much is to come, if that is known: of a file.
    static var size: UInt64? {
        var status = stat()
        guard fstat(0, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let offset = lseek(0, 0, SEEK_CUR)
        return offset >= 0 && offset <= status.st_size ? UInt64(status.st_size - offset) : nil
    }

    /// The next piece; nil at the end. What can't be read ends the command, so that no half of it counts as the whole.
    static func read(_ talk: Talk) throws -> [UInt8]? {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: block) { buffer, filled in
                count = systemRead(buffer.baseAddress, block)
                filled = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                talk.fail("standard input: \(String(cString: strerror(errno)))")
                throw ExitStatus.failed
            }
            return count == 0 ? nil : bytes
        }
    }
}

extension StandardStream {
    /// Writes data. What can't be written ends the command, so that no half of it counts as the whole; that nobody reads any
    /// more does not.
    ///
    /// - Returns: False where nobody reads any more.
    func pass(_ bytes: some Collection<UInt8>, _ talk: Talk) throws -> Bool {
        if write(bytes) { return true }
        let code = errno
        guard code != EPIPE else { return false }
        talk.fail("standard output: \(String(cString: strerror(code)))")
        throw [ENOSPC, EDQUOT].contains(code) ? ExitStatus.noSpace : ExitStatus.failed
    }
}

private func systemRead(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
    read(0, bytes, count)
}
