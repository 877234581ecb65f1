import ArgumentParser

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How a command talks; all of them take these.
struct TalkOptions: ParsableArguments {
    enum LogFormat: String, CaseIterable, ExpressibleByArgument {
        /// Short lines on a terminal, `journald` where stderr is systemd's journal, and `TIME LEVEL message key="value"`
        /// elsewhere.
        case text
        /// `<PRIORITY>message key="value"`, a line each.
        case journald
        /// One JSON object a line, on a terminal as well.
        case json
    }

    enum Color: String, CaseIterable, ExpressibleByArgument {
        case auto
        case always
        case never
    }

    @Flag(name: [.short, .long], help: "Say nothing short of errors.")
    var quiet = false

    @Flag(name: .short, help: "Say more: every change; twice, everything.")
    var verbose: Int

    @Option(
        help: ArgumentHelp(
            """
            How talk is written: for people (text), with the priorities of systemd's journal (journald; text does so by \
            itself where stderr is the journal), or one JSON object a line.
            """, valueName: "format"))
    var logFormat: LogFormat = .text

    @Option(
        help: ArgumentHelp(
            "When talk is in color; auto: on a terminal that has it, unless NO_COLOR is set.", valueName: "when"))
    var color: Color = .auto

    func validate() throws {
        if quiet, verbose > 0 { throw ValidationError("--quiet and -v contradict each other") }
    }

    var talk: Talk { Talk(level: level, form: form, isColored: isColored(on: .error)) }

    var level: Talk.Level { quiet ? .error : verbose == 0 ? .normal : verbose == 1 ? .verbose : .debug }

    private var form: Talk.Form {
        switch logFormat {
        case .json: .json
        case .journald: .journal
        case .text: .fitting
        }
    }

    /// Whether what is written there is in color.
    func isColored(on stream: StandardStream) -> Bool {
        switch color {
        case .always: true
        case .never: false
        case .auto: stream.isTerminal && Terminal.isCapable && Terminal.variable("NO_COLOR")?.isEmpty ?? true
        }
    }
}

/// The terminal that a person sits at.
enum Terminal {
    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Whether it understands more than letters: `TERM=dumb` does not.
    static var isCapable: Bool { variable("TERM").map { $0 != "dumb" && !$0.isEmpty } ?? false }

    /// How many columns it has now; it may be resized at any time.
    static func columns(of stream: StandardStream) -> Int { size(of: stream).map { Int($0.ws_col) } ?? 80 }
    static func rows(of stream: StandardStream) -> Int { size(of: stream).map { Int($0.ws_row) } ?? 24 }

    private static func size(of stream: StandardStream) -> winsize? {
        var size = winsize()
        guard ioctl(stream.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return size
    }
}

extension StandardStream {
    var isTerminal: Bool { isatty(rawValue) == 1 }
}
