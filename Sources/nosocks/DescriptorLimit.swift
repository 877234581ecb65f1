#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many files and sockets this process may have open.
enum DescriptorLimit {
    /// Of them, what is kept for the folder's own files.
    private static let reserve = 256

    /// Takes as many as the system lets it: shells hand out a thousand, for the sake of old programs that `select`.
    ///
    /// - Returns: How many connections there may be, so that the folder never lacks for descriptors.
    static func raise() -> Int {
        var limit = rlimit()
        // Its type is Glibc's own enumeration on Linux and a plain number elsewhere.
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return 512 }
        let most = min(limit.rlim_max, 1 << 20)
        if limit.rlim_cur < most {
            limit.rlim_cur = most
            if setrlimit(resource, &limit) != 0 { getrlimit(resource, &limit) }
        }
        return max(16, Int(clamping: limit.rlim_cur) - reserve)
    }
}
