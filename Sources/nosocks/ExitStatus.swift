/// How the process ends; scripts depend on these.
enum ExitStatus: Int32, Error {
    case done = 0
    /// Failed, said why.
    case failed = 1
    case usage = 2
    /// In sync but for paths with problems, each of them listed.
    case problems = 3
    /// There are conflict copies, and somebody asked for them (`--fail-on-conflict`, `status`).
    case conflicts = 4
    /// Stopped by a guard: the root vanished or changed, or too many deletions.
    case guarded = 5
    /// The hub does not let this peer in.
    case refused = 6
    /// The hub cannot be reached.
    case unreachable = 7
    /// The other side speaks no version that this one does.
    case incompatible = 8
    case noSpace = 9
    /// Another process holds this replica.
    case held = 10
    /// `wait` ran out of time.
    case timedOut = 124
    /// `join --once` was told to end before it was done: as a shell has it for a program that SIGINT ended.
    case interrupted = 130
}
