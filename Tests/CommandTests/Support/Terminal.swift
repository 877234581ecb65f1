import Synchronization

import class Foundation.Thread

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A terminal that a program runs on, and what a person would see on it.
final class Terminal: Sendable {
    /// Where a program opens it.
    let name: String
    private let descriptor: Int32
    private let state: Mutex<(screen: Screen, writes: [[UInt8]])>

    init(columns: Int = 80, rows: Int = 24) throws {
        (descriptor, name) = try Self.open()
        state = Mutex((Screen(columns: columns, rows: rows), []))
        try resize(columns: columns, rows: rows)
        Thread.detachNewThread { [self] in listen() }
    }

    private static func open() throws -> (descriptor: Int32, name: String) {
        let descriptor = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try SystemError.check(descriptor, "open", "/dev/ptmx")
        // TIOCSPTLCK and TIOCGPTN: the headers' own functions for it are none that Swift sees.
        var isLocked: Int32 = 0
        try SystemError.check(ioctl(descriptor, 0x4004_5431, &isLocked), "TIOCSPTLCK")
        var number: UInt32 = 0
        try SystemError.check(ioctl(descriptor, 0x8004_5430, &number), "TIOCGPTN")
        return (descriptor, "/dev/pts/\(number)")
    }

    /// As a window's edge that is dragged.
    func resize(columns: Int, rows: Int) throws {
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        try SystemError.check(ioctl(descriptor, UInt(TIOCSWINSZ), &size), "TIOCSWINSZ")
        state.withLock { $0.screen.resize(columns: columns, rows: rows) }
    }

    /// Types.
    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// The lines that are to be seen, without those that are empty at the end.
    var lines: [String] { state.withLock { $0.screen.lines } }
    /// How many lines went out at the top.
    var scrolled: Int { state.withLock { $0.screen.scrolled } }
    /// What was written, in the pieces in which it arrived.
    var writes: [String] { state.withLock { $0.writes.map { String(decoding: $0, as: UTF8.self) } } }
    var text: String { lines.joined(separator: "\n") }

    func shows(_ text: String) async throws {
        try await eventually("\"\(text)\" on the terminal", state: { self.text }) { self.text.contains(text) }
    }

    private func listen() {
        var bytes = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &bytes, bytes.count)
            if count < 0, errno == EINTR { continue }
            // EIO while no program has it open.
            if count < 0, errno == EIO {
                usleep(2000)
                continue
            }
            guard count > 0 else { return }
            state.withLock { state in
                state.writes.append(Array(bytes[..<count]))
                state.screen.take(bytes[..<count])
            }
        }
    }
}
