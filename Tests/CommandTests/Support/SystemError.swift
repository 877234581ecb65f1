#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A system call that a test made failed.
struct SystemError: Error, CustomStringConvertible {
    let call: String
    let name: String
    let code: Int32

    var description: String { "\(call) \(name): \(String(cString: strerror(code)))" }

    /// Throws what `errno` says if a call answered with -1.
    @discardableResult
    static func check<Result: SignedInteger>(_ result: Result, _ call: String, _ name: Name = "") throws -> Result {
        guard result == -1 else { return result }
        throw SystemError(call: call, name: "\(name)", code: errno)
    }
}
