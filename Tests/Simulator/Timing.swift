/// How long things take, in milliseconds, as the services have it.
enum Timing {
    /// From an event of the watcher to the machine's hearing of it.
    static let debounce: Int64 = 100
    /// Until a problem is looked at again.
    static let review: Int64 = 5_000
    /// Until a connection on which nothing comes is given up.
    static let keepalive: Int64 = 45_000
    static let start: Int64 = 500
    static let shortestBackoff = 250
    static let longestBackoff = 30_000
    /// The longest pause between two things that a user does.
    static let pause = 20_000
    /// The longest way of a message.
    static let latency = 120
}
