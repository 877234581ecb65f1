import Logging
import Mirror
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

    private let logger: Logger
    private let progress: ProgressLine?

    init(level: Level, isJSON: Bool = false, isColored: Bool = false) {
        let isTerminal = StandardStream.error.isTerminal
        let line = isTerminal && !isJSON && level == .normal && Terminal.isCapable ? ProgressLine() : nil
        var logger = Logger(label: "nosocks") { _ in
            if isJSON {
                JSONLog()
            } else if isTerminal {
                TerminalLog(progress: line, isColored: isColored)
            } else {
                StructuredLog(isColored: isColored)
            }
        }
        logger.logLevel =
            switch level {
            case .error: .error
            case .normal: .info
            case .verbose: .debug
            case .debug: .trace
            }
        self.logger = logger
        progress = line
    }

    func say(_ text: String, _ values: [String: String] = [:]) { log(.info, text, values) }
    func warn(_ text: String, _ values: [String: String] = [:]) { log(.warning, text, values) }
    func fail(_ text: String, _ values: [String: String] = [:]) { log(.error, text, values) }

    /// What is said of every single change is put into words only if somebody listens.
    func detail(_ text: @autoclosure () -> String, _ values: @autoclosure () -> [String: String] = [:]) {
        if logger.logLevel <= .debug { log(.debug, text(), values()) }
    }

    private func log(_ level: Logger.Level, _ text: String, _ values: [String: String]) {
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
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted("\($0.value)"))" }.joined()
        let level = Color.of("\(event.level)", event.level, isColored)
        StandardStream.error.write("\(WallClock.now()) \(level) \(event.message)\(pairs)\n".utf8)
    }

    private func quoted(_ text: String) -> String {
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
