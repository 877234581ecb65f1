/// A variable of the environment that commands hear.
struct EnvironmentVariable: Sendable {
    let names: [String]
    let meaning: String

    static let token = EnvironmentVariable(
        names: [TokenSource.variable], meaning: "The token, where no --token-file is given.")
    static let proxy = EnvironmentVariable(
        names: ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"],
        meaning: "The proxy on the way to the hub, and what is reached without it.")
    static let sockets = EnvironmentVariable(
        names: ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"],
        meaning: "Sockets that a service manager has opened: they are served, and --listen does not count.")
    static let manager = EnvironmentVariable(
        names: ["NOTIFY_SOCKET", "WATCHDOG_USEC", "JOURNAL_STREAM"],
        meaning: """
            A service manager that wants to hear when this is ready, how it is and that it is alive; and whether stderr is \
            its journal.
            """)
    static let color = EnvironmentVariable(
        names: ["NO_COLOR", "TERM"],
        meaning: "Nothing is in color with NO_COLOR set or TERM=dumb, which does without progress as well.")

    static func options(_ names: [String]) -> EnvironmentVariable {
        EnvironmentVariable(
            names: names,
            meaning: "What an option of that name would say, where it isn't given; yes or no for one without a value.")
    }
}
