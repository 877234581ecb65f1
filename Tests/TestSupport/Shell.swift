import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Runs scripts in shells that were started before. A child has all that this process has open, locks and deleted files
/// among it, from its fork to its exec: whatever a test starts would disturb those that run beside it.
package final class Shell: Sendable {
    private static let idle = Mutex<[Shell]>([])

    /// Runs a script that reads nothing.
    /// - Returns: Its exit code; -1 if there is no shell to run it.
    package static func run(_ script: String) -> Int32 {
        // Started one at a time, as another one's child would keep this one's pipes open.
        let shell = idle.withLock { idle in idle.popLast() ?? Shell() }
        guard let shell else { return -1 }
        let code = shell.run(script)
        if code >= 0 { idle.withLock { $0.append(shell) } }
        return code
    }

    private let commands: Int32
    private let codes: Int32

    private init?() {
        var (input, output): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard pipe(&input) == 0, pipe(&output) == 0 else { return nil }
        for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (commands, codes) = (input[1], output[0])
        #if canImport(Glibc)
        var actions = posix_spawn_file_actions_t()
        #else
        var actions: posix_spawn_file_actions_t?
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 3)
        let words = [strdup("/bin/sh"), nil]
        defer { free(words[0]) }
        var process = pid_t()
        let isStarted = posix_spawn(&process, "/bin/sh", &actions, nil, words, environ) == 0
        close(input[0])
        close(output[1])
        guard isStarted else { return nil }
    }

    deinit {
        close(commands)
        close(codes)
    }

    private func run(_ script: String) -> Int32 {
        let quoted = script.unicodeScalars.split(separator: "'", omittingEmptySubsequences: false).map(String.init)
            .joined(separator: "'\\''")
        var left = Array("/bin/sh -c '\(quoted)' </dev/null 3>&-; echo $? >&3\n".utf8)[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { write(commands, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return -1 }
            left = left.dropFirst(max(count, 0))
        }
        var answer = ""
        var byte: UInt8 = 0
        while byte != UInt8(ascii: "\n") {
            guard read(codes, &byte, 1) == 1 else {
                if errno == EINTR { continue }
                return -1
            }
            answer.unicodeScalars.append(Unicode.Scalar(byte))
        }
        return Int32(answer.dropLast()) ?? -1
    }
}
