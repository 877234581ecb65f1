#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A shell's command that runs beside this process, in a process group of its own: so Ctrl-C is not meant for it, and all
/// that it started can be ended together.
struct ShellCommand {
    struct Failure: Error {
        let reason: String
    }

    let id: pid_t

    /// - Parameters:
    ///   - input: What it reads from stdin.
    ///   - output: Where its stdout goes.
    init(_ command: String, input: Int32, output: StandardStream) throws(Failure) {
        Self.closeOnExecution()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output.rawValue, 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What this process ignores or catches is the command's own affair.
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        let words = ["/bin/sh", "-c", command].map { (word: String) in strdup(word) } + [nil]
        let variables = Self.environment.map { (line: String) in strdup(line) } + [nil]
        defer { (words + variables).forEach { free($0) } }
        var id = pid_t()
        let code = posix_spawn(&id, "/bin/sh", &actions, &attributes, words, variables)
        guard code == 0 else { throw Failure(reason: String(cString: strerror(code))) }
        self.id = id
    }

    /// Waits until it has ended. It stays known to the system, so that no other process gets its id, until ``collect()``.
    func wait() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }

    /// How it ended: 0 to 255, or 128 and the signal.
    func collect() -> Int32 {
        var raw: Int32 = 0
        while waitpid(id, &raw, 0) < 0, errno == EINTR {}
        return raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
    }

    /// The first process of a system, as in a container, inherits the children of whoever ends before them, and nobody else
    /// lets them go once they have ended. Only while this process has no other children.
    static func collectOrphans() {
        guard getpid() == 1 else { return }
        var status: Int32 = 0
        while waitpid(-1, &status, WNOHANG) > 0 {}
    }

    func signal(_ number: Int32) { _ = kill(-id, number) }

    /// All but the token, which is nobody else's.
    private static var environment: [String] {
        var lines: [String] = []
        var entry = environ
        while let line = entry.pointee {
            if strncmp(line, "\(TokenSource.variable)=", TokenSource.variable.utf8.count + 1) != 0 {
                lines.append(String(cString: line))
            }
            entry += 1
        }
        return lines
    }

    /// Nothing that is open here stays open there; not everybody who opens something thinks of it.
    private static func closeOnExecution() {
        guard let folder = opendir("/proc/self/fd") else {
            for descriptor in 3..<Int32(1024) { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            return
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                Int32(String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
            }
            if let number, number > 2 { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
        }
    }
}
