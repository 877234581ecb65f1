import Logging
import Mirror
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

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

    init(level: Level) {
        let isTerminal = isatty(2) == 1
        let line = isTerminal && level == .normal ? ProgressLine() : nil
        var logger = Logger(label: "nosocks") { _ in
            if isTerminal { TerminalLog(progress: line) } else { StructuredLog() }
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

    func show(_ text: String) { progress?.show(text) }
    func clearProgress() { progress?.clear() }
}

/// Lines as a person reads them.
private struct TerminalLog: LogHandler {
    let progress: ProgressLine?
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        progress?.clear()
        StandardStream.error.write("nosocks: \(event.message)\n".utf8)
    }
}

/// Lines as a log keeps them: `TIME LEVEL message key="value"`.
private struct StructuredLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted("\($0.value)"))" }.joined()
        StandardStream.error.write("\(WallClock.now()) \(event.level) \(event.message)\(pairs)\n".utf8)
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
}
