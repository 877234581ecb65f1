#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How to run a program that permission bits apply to: root's own rights to pass them by are dropped.
enum Unprivileged {
    /// Words to put before a command.
    static let prefix =
        geteuid() == 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] : []

    /// Whether that works here.
    @Sendable static func isPossible() async throws -> Bool {
        try await Bench.probe(prefix + ["sh", "-c", "touch file && chmod 0 file && ! cat file"])
    }
}

/// A process with a file system of its own, which goes away with it.
enum Mounting {
    @Sendable static func isPossible() async throws -> Bool {
        try await Bench.probe(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"])
    }
}
