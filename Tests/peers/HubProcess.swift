import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The hub that is measured: a process of its own, its folder, and what the system says that it uses.
final class HubProcess {
    /// What a process has used so far.
    struct Use {
        /// Of all threads, in nanoseconds.
        var cpu: UInt64
        /// Memory that is resident, in KiB.
        var resident: Int
        /// The most that ever was, in KiB.
        var peak: Int
    }

    let port: Int
    private let program: String
    private let place: String
    private var id: pid_t?
    /// By thread, so that what one has used that has ended since still counts.
    private var spent: [Int: UInt64] = [:]

    /// Makes an empty folder for the hub. The hub is not started yet.
    init(program: String, directory: String, port: Int) throws {
        self.program = program
        self.port = port
        var template = Array("\(directory)/nosocks-peers-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("no folder can be made in \(directory)") }
        place = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard mkdir("\(place)/folder", 0o755) == 0 else { throw Failure("no folder can be made in \(place)") }
    }

    /// A port that is free: after a restart the same one is needed again, so that it can't be left to the hub to take one.
    static func freePort(_ group: any EventLoopGroup) async throws -> Int {
        let channel = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        guard let port = channel.localAddress?.port else { throw Failure("there is no free port") }
        try await channel.close().get()
        return port
    }

    // MARK: Life

    func start() throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        let words = [program, "hub", "--listen", "127.0.0.1:\(port)", "--name", "hub", "\(place)/folder"]
        let arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var started = pid_t()
        let code = posix_spawn(&started, program, &actions, nil, arguments, environ)
        guard code == 0 else { throw Failure("\(program) can't be started: \(String(cString: strerror(code)))") }
        id = started
        spent.removeAll()
    }

    /// Ends the hub at once, without a word to anyone.
    func kill() {
        guard let id else { return }
        signal(id)
        self.id = nil
    }

    private func signal(_ id: pid_t) {
        #if canImport(Glibc)
        _ = Glibc.kill(id, SIGKILL)
        #elseif canImport(Musl)
        _ = Musl.kill(id, SIGKILL)
        #else
        _ = Darwin.kill(id, SIGKILL)
        #endif
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
    }

    /// - Throws: What the hub said last, if it has ended by itself.
    func check() throws {
        guard let id else { throw Failure("the hub was not started") }
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return }
        self.id = nil
        throw Failure("the hub has ended: \(said)")
    }

    private var log: String { "\(place)/hub.log" }
    private var said: String { FileInput.text(log)?.split(separator: "\n").last.map(String.init) ?? "it said nothing" }

    /// Ends it, and removes all that was made for it.
    func remove() {
        kill()
        // Only what mkdtemp made.
        let words = ["/bin/rm", "-rf", place]
        let arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var remover = pid_t()
        guard posix_spawn(&remover, words[0], nil, nil, arguments, environ) == 0 else { return }
        var status: Int32 = 0
        while waitpid(remover, &status, 0) < 0, errno == EINTR {}
    }

    // MARK: Its folder

    /// Saves a file as editors do: whole, and then named.
    func save(_ bytes: [UInt8], as name: String) throws {
        let draft = "\(place)/draft"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw Failure("\(draft) can't be written") }
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        guard written == bytes.count, rename(draft, "\(place)/folder/\(name)") == 0 else {
            throw Failure("\(name) can't be saved: \(String(cString: strerror(errno)))")
        }
    }

    // MARK: What it uses

    var use: Use {
        get throws {
            guard let id else { throw Failure("the hub was not started") }
            for task in Directory.names(in: "/proc/\(id)/task") {
                // The first number: time on a processor, in nanoseconds.
                let text = FileInput.text("/proc/\(id)/task/\(task)/schedstat")
                if let time = text?.split(separator: " ").first.flatMap({ UInt64($0) }) { spent[task] = time }
            }
            let cpu = spent.values.reduce(0, +)
            let lines = FileInput.text("/proc/\(id)/status")?.split(separator: "\n") ?? []
            func kibibytes(_ name: String) -> Int? {
                lines.first { $0.hasPrefix(name) }?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap {
                    Int($0)
                }
            }
            guard cpu > 0, let resident = kibibytes("VmRSS:"), let peak = kibibytes("VmHWM:") else {
                try check()
                throw Failure("/proc tells nothing of the hub: it needs Linux, with schedstat")
            }
            return Use(cpu: cpu, resident: resident, peak: peak)
        }
    }
}
