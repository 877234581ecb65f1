import Dispatch

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// stdout, for data, and stderr, for talk.
enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// Writes all of `bytes`; false if they can't be written any more.
    @discardableResult
    func write(_ bytes: some Collection<UInt8>) -> Bool { Self.write(bytes, to: rawValue) }

    static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Ends this process, well, once nobody reads any more what it writes here: who waits for something to write would
    /// not find out otherwise.
    func endWhenUnread() {
        let descriptor = rawValue
        DispatchQueue.global().async {
            var stream = pollfd(fd: descriptor, events: 0, revents: 0)
            while poll(&stream, 1, -1) < 0, errno == EINTR {}
            exit(ExitStatus.done.rawValue)
        }
    }

    /// Ends this process in the way that SIGTERM does.
    static func endOnRequest() { kill(getpid(), SIGTERM) }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

/// The time of day, for people and logs alone.
enum WallClock {
    /// RFC 3339, in UTC, to the millisecond.
    static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let whole = text(seconds: time.tv_sec).dropLast()
        let milliseconds = String(1000 + time.tv_nsec / 1_000_000).dropFirst()
        return "\(whole).\(milliseconds)Z"
    }

    /// In seconds since 1970.
    static var seconds: Int64 { Int64(time(nil)) }

    /// RFC 3339, in UTC, of a time in seconds since 1970.
    static func text(seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let clock = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(clock)Z"
    }
}
