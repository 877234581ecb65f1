import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The service manager that started this process, if it wants to hear how that is (sd_notify(3)): that it serves, what it
/// does, and that it is alive.
final class ServiceManager: Sendable {
    private let socket: Int32
    /// A sockaddr_un.
    private let address: [UInt8]
    /// How often it wants to hear that the process is alive; nil where it does not.
    private let watchdog: Duration?
    private let isReady = Atomic(false)

    /// Nil where none wants to hear. What it said is taken out of the environment: it is not meant for what this process
    /// starts in its turn.
    init?() {
        guard let name = Self.take("NOTIFY_SOCKET")?.utf8, let first = name.first, name.count < 108 else { return nil }
        watchdog = Self.interval(Self.take("WATCHDOG_USEC"), of: Self.take("WATCHDOG_PID"))
        #if os(Linux)
        var address = withUnsafeBytes(of: UInt16(AF_UNIX)) { Array($0) }
        // A name that lies in no directory begins with a zero.
        address += [first == UInt8(ascii: "@") ? 0 : first] + name.dropFirst()
        self.address = address
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return nil }
        #else
        return nil
        #endif
    }

    deinit {
        close(socket)
    }

    private static func take(_ variable: String) -> String? {
        guard let value = getenv(variable).map({ String(cString: $0) }) else { return nil }
        unsetenv(variable)
        return value
    }

    private static func interval(_ microseconds: String?, of process: String?) -> Duration? {
        guard let microseconds = microseconds.flatMap({ Int64($0) }), microseconds > 0,
            process == nil || process == "\(getpid())"
        else { return nil }
        return .microseconds(microseconds)
    }

    /// In one message with how it is: whoever waited for the one reads the other next.
    func ready(_ status: String?) {
        isReady.store(true, ordering: .relaxed)
        tell("READY=1" + (status.map { "\nSTATUS=\($0)" } ?? ""))
    }

    /// Settings are being read again, which ``reloaded()`` ends. Who is not ready yet has told nothing that it could be
    /// again.
    func reloading() {
        guard isReady.load(ordering: .relaxed) else { return }
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        tell("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    func reloaded() { if isReady.load(ordering: .relaxed) { tell("READY=1") } }

    func stopping() { tell("STOPPING=1") }
    func status(_ text: String) { tell("STATUS=\(text)") }

    /// Tells that the process is alive, twice as often as it is wanted, as long as `ping` comes back.
    func watch(_ ping: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        guard let watchdog else { return nil }
        return Task { [self] in
            while !Task.isCancelled {
                await ping()
                tell("WATCHDOG=1")
                try? await Task.sleep(for: watchdog / 2)
            }
        }
    }

    private func tell(_ line: String) {
        let text = Array(line.utf8)
        address.withUnsafeBytes { address in
            guard let pointer = address.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
            // Nobody waits for a manager that does not listen.
            _ = sendto(socket, text, text.count, Int32(MSG_DONTWAIT), pointer, socklen_t(address.count))
        }
    }
}
