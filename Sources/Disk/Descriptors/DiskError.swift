package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A system call that failed.
package struct DiskError: Error, Hashable, Sendable {
    /// The call, as `open`, `rename`.
    package let operation: String
    /// What it was about; nil for the root, the state folder and what lies in it.
    package let path: RelativePath?
    /// The system's error number.
    package let code: Int32

    package init(_ operation: String, path: RelativePath? = nil, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// The failure that the last call of this thread left in `errno`.
    static func last(_ operation: StaticString, path: RelativePath? = nil) -> DiskError {
        DiskError("\(operation)", path: path, code: errno)
    }

    /// The same failure, said of `path`.
    package func at(_ path: RelativePath?) -> DiskError {
        DiskError(operation, path: path, code: code)
    }
}

extension DiskError {
    /// Whether the name, or a directory above it, is not there.
    package var isMissing: Bool { code == ENOENT || code == ENOTDIR || code == ELOOP }
    package var isExisting: Bool { code == EEXIST || code == ENOTEMPTY }
    package var isNoSpace: Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }
    /// Whether the kernel or the file system lacks the call or its flags.
    package var isUnsupported: Bool { code == ENOSYS || code == EINVAL || code == EOPNOTSUPP || code == EXDEV }

    /// The failure as what is wrong with one path.
    package var problem: Problem {
        let reason: Problem.Reason
        switch code {
        case EACCES, EPERM: reason = .unreadable
        case ENOSPC, EDQUOT: reason = .noSpace
        case EILSEQ, ENAMETOOLONG: reason = .nameNotPossible
        case EXDEV: reason = .mount
        default: reason = .failed
        }
        return Problem(reason, operation: operation, code: code)
    }
}

extension DiskError: CustomStringConvertible {
    package var description: String {
        let text = strerror(code).map { String(cString: $0) } ?? "error \(code)"
        guard let path else { return "\(operation): \(text)" }
        return "\(operation) \(path): \(text)"
    }
}
