import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A process that a test started. What it writes goes to files, so that it never waits for a reader.
final class Program: Sendable, CustomStringConvertible {
    /// How a process ended: 0 to 255, or 128 and the signal.
    typealias Status = Int32

    let id: pid_t
    let words: [String]
    private let log: Folder
    private let logName: String
    private let status = Mutex<Status?>(nil)

    /// Starts the program that `words[0]` names, in `directory`; on a terminal of its own if one is given.
    init(
        _ words: [String], in directory: Folder, log: Folder, logName: String, terminal: Terminal? = nil,
        environment: [String] = []
    ) throws {
        self.words = words
        self.log = log
        self.logName = logName
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        if let terminal {
            // The first terminal that the leader of a session opens is what it is controlled by.
            posix_spawnattr_setflags(&attributes, Self.inSessionOfItsOwn)
            for descriptor: Int32 in 0...2 {
                posix_spawn_file_actions_addopen(&actions, descriptor, terminal.name, O_RDWR, 0)
            }
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            let flags = O_WRONLY | O_CREAT | O_APPEND
            posix_spawn_file_actions_addopen(&actions, 1, "\(log.text)/\(logName).out", flags, 0o644)
            posix_spawn_file_actions_addopen(&actions, 2, "\(log.text)/\(logName).err", flags, 0o644)
        }
        // What else this process has open is not the other's: NIO's sockets would live on in it.
        for descriptor in Int32(3)..<1024 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory.text]
        let arguments = (shell + words).map { (word: String) in strdup(word) } + [nil]
        let settings = (Self.settings + environment).map { (line: String) in strdup(line) } + [nil]
        defer { (arguments + settings).forEach { free($0) } }
        var id = pid_t()
        let code = posix_spawn(&id, shell[0], &actions, &attributes, arguments, settings)
        guard code == 0 else { throw SystemError(call: "posix_spawn", name: words[0], code: code) }
        self.id = id
    }

    /// POSIX_SPAWN_SETSID, which headers show to those alone who ask for all that is not in POSIX.
    #if canImport(Glibc)
    private static let inSessionOfItsOwn: Int16 = 0x80
    #else
    private static let inSessionOfItsOwn: Int16 = 0x400
    #endif

    /// What a sanitizer that is built into the programs goes by (`make sanitize`); empty without one.
    static let sanitizing = ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"].compactMap { name in
        ProcessInfo.processInfo.environment[name].map { "\(name)=\($0)" }
    }

    /// The environment: nothing of the person's own settings, for git least of all.
    private static let settings: [String] = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return sanitizing + [
            "PATH=\(path)", "LC_ALL=C", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
            "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a",
            "GIT_COMMITTER_EMAIL=a@example.org",
        ]
    }()

    /// How it ended; nil while it runs.
    var ended: Status? {
        status.withLock { status in
            collect(&status, waiting: false)
            return status
        }
    }

    func signal(_ number: Int32) {
        status.withLock { status in
            collect(&status, waiting: false)
            if status == nil { _ = kill(id, number) }
        }
    }

    /// Ends it at once, and returns when it is gone.
    func end() {
        signal(SIGKILL)
        status.withLock { collect(&$0, waiting: true) }
    }

    /// Only under the lock, so that no signal goes to another process that was given the id since.
    private func collect(_ status: inout Status?, waiting: Bool) {
        guard status == nil else { return }
        var raw: Int32 = 0
        var found: pid_t
        repeat { found = waitpid(id, &raw, waiting ? 0 : WNOHANG) } while found < 0 && errno == EINTR
        if found == id { status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f) }
    }

    /// Waits until it ends by itself.
    @discardableResult
    func ending(within limit: Duration = Patience.limit) async throws -> Status {
        try await eventually("the end of \(self)", within: limit, state: { errors }) { ended != nil }
        return ended ?? -1
    }

    // MARK: What it says

    var output: String { (try? log.text(Name(stringLiteral: "\(logName).out"))) ?? "" }
    var errors: String { (try? log.text(Name(stringLiteral: "\(logName).err"))) ?? "" }

    /// The event lines so far.
    var events: [Event] {
        output.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
            try? JSONDecoder().decode(Event.self, from: Data(line))
        }
    }

    /// Waits for the `count`th event of a name, and at a path if one is given.
    @discardableResult
    func hears(_ event: String, path: String? = nil, count: Int = 1) async throws -> Event {
        var found: [Event] = []
        try await eventually("\(event) \(path ?? "") of \(self)", state: { output + errors }) {
            found = events.filter { $0.event == event && (path == nil || $0.path == path) }
            guard found.count < count, let ended else { return found.count >= count }
            throw TimedOut(what: "\(event) of \(self), which ended with \(ended)", state: errors)
        }
        return found[count - 1]
    }

    var description: String { words.joined(separator: " ") }
}

/// An event line, as far as tests look at it.
struct Event: Decodable {
    var event: String
    var path: String?
    var from: String?
    var kind: String?
    var by: String?
    var url: String?
    var copy: String?
    var reason: String?
    var revision: Int?
    var size: Int?
    var cursor: String?
}
