import Logging
import Mirror
import Synchronization
import Tree

/// What is said to people, on stderr: short lines on a terminal, structured ones elsewhere.
final class Talk: Sendable {
    enum Level: Int, Comparable {
        case error
        case normal
        case verbose
        case debug

        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// How lines are written.
    enum Form {
        /// For a person at a terminal.
        case terminal
        /// For a file.
        case lines
        /// For the journal of systemd, which knows the time by itself.
        case journal
        case json

        /// What suits whoever reads stderr.
        static var fitting: Form {
            StandardStream.error.isTerminal ? .terminal : Journal.isStandardError ? .journal : .lines
        }
    }

    private let logger: Logger
    private let progress: ProgressLine?
    private let mostSaid: Atomic<Int>

    init(level: Level, form: Form = .fitting, isColored: Bool = false) {
        let line = form == .terminal && level == .normal && Terminal.isCapable ? ProgressLine() : nil
        var logger = Logger(label: "nosocks") { _ in
            switch form {
            case .terminal: TerminalLog(progress: line, isColored: isColored)
            case .lines: StructuredLog(isColored: isColored)
            case .journal: JournalLog()
            case .json: JSONLog()
            }
        }
        logger.logLevel = .trace
        self.logger = logger
        progress = line
        mostSaid = Atomic(level.rawValue)
    }

    /// How much is said from now on.
    func use(_ level: Level) { mostSaid.store(level.rawValue, ordering: .relaxed) }

    func say(_ text: String, _ values: [String: String] = [:]) { log(.info, text, values) }
    func warn(_ text: String, _ values: [String: String] = [:]) { log(.warning, text, values) }
    func fail(_ text: String, _ values: [String: String] = [:]) { log(.error, text, values) }

    /// What is said of every single change is put into words only if somebody listens.
    func detail(_ text: @autoclosure () -> String, _ values: @autoclosure () -> [String: String] = [:]) {
        if says(.verbose) { log(.debug, text(), values()) }
    }

    private func says(_ level: Level) -> Bool { level.rawValue <= mostSaid.load(ordering: .relaxed) }

    private func log(_ level: Logger.Level, _ text: String, _ values: [String: String]) {
        guard says(level >= .error ? .error : level == .debug ? .verbose : .normal) else { return }
        logger.log(level: level, "\(text)", metadata: values.mapValues { .string($0) })
    }

    /// Shows, on a terminal, what `text` says from time to time, until it says nil.
    func follow(_ text: @escaping @Sendable () -> String?) { progress?.follow(text) }
    func endProgress() { progress?.end() }
}

/// Lines as a person reads them.
private struct TerminalLog: LogHandler {
    let progress: ProgressLine?
    let isColored: Bool
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = "\(Color.of("nosocks:", event.level, isColored)) \(event.message)"
        if let progress { progress.say(line) } else { StandardStream.error.write("\(line)\n".utf8) }
    }
}

/// Lines as a log keeps them: `TIME LEVEL message key="value"`.
private struct StructuredLog: LogHandler {
    let isColored: Bool
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let pairs = Pairs.text(metadata.merging(event.metadata ?? [:]) { _, new in new })
        let level = Color.of("\(event.level)", event.level, isColored)
        StandardStream.error.write("\(WallClock.now()) \(level) \(event.message)\(pairs)\n".utf8)
    }
}

/// Lines as systemd's journal takes them: `<PRIORITY>message key="value"`.
private struct JournalLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let pairs = Pairs.text(metadata.merging(event.metadata ?? [:]) { _, new in new })
        Journal.write("\(event.message)\(pairs)", Self.priority(event.level))
    }

    private static func priority(_ level: Logger.Level) -> Journal.Priority {
        switch level {
        case .critical, .error: .error
        case .warning: .warning
        case .notice, .info: .information
        case .debug, .trace: .debug
        }
    }
}

/// What a line is about, behind its message.
private enum Pairs {
    static func text(_ values: Logger.Metadata) -> String {
        values.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted("\($0.value)"))" }.joined()
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
}

/// Lines as programs read them: one JSON object each, with `time`, `level` and `message`, and what they are about.
private struct JSONLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = metadata.merging(event.metadata ?? [:]) { _, new in new }.mapValues { "\($0)" }
        line["time"] = WallClock.now()
        line["level"] = "\(event.level)"
        line["message"] = "\(event.message)"
        StandardStream.error.write(JSONLine.bytes(line))
    }
}

/// What is wrong stands out.
enum Color {
    static func of(_ text: String, _ level: Logger.Level, _ isColored: Bool) -> String {
        guard isColored, level >= .warning else { return text }
        return level >= .error ? red(text) : yellow(text)
    }

    static func red(_ text: String) -> String { "\u{1b}[1;31m\(text)\u{1b}[0m" }
    static func yellow(_ text: String) -> String { "\u{1b}[33m\(text)\u{1b}[0m" }
}
