import CLinux

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// systemd's journal, where it keeps what a service writes to stderr.
enum Journal {
    /// As in syslog(3).
    enum Priority: Int {
        case error = 3
        case warning = 4
        case information = 6
        case debug = 7
    }

    /// Whether stderr is it: the variable names the very stream (systemd.exec(5)), as stderr may lead elsewhere.
    static let isStandardError: Bool = {
        guard let said = Terminal.variable("JOURNAL_STREAM") else { return false }
        var status = clinux_status()
        guard clinux_fstat(StandardStream.error.rawValue, &status) == 0 else { return false }
        return said == "\(status.device):\(status.inode)"
    }()

    /// Writes a line with its priority in front (sd-daemon(3)).
    static func write(_ text: String, _ priority: Priority) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            StandardStream.error.write("<\(priority.rawValue)>\(line)\n".utf8)
        }
    }
}
