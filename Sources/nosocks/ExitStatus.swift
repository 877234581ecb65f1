/// How the process ends; scripts depend on these.
enum ExitStatus: Int32, Error, CaseIterable {
    case done = 0
    case failed = 1
    case usage = 2
    case problems = 3
    case conflicts = 4
    case guarded = 5
    case refused = 6
    case unreachable = 7
    case incompatible = 8
    case noSpace = 9
    case held = 10
    case timedOut = 124
    /// As a shell has it for a program that SIGINT ended.
    case interrupted = 130

    /// For a person; the manual and the table of errors are made from it.
    var meaning: String {
        switch self {
        case .done: "Done; in sync; ended on request."
        case .failed: "Failed, and said why."
        case .usage: "Wrong usage."
        case .problems: "In sync but for paths with problems, each of them listed."
        case .conflicts: "There are conflict copies, and somebody asked for them."
        case .guarded:
            "Stopped by a guard, and deleted nothing anywhere: the folder vanished or changed, or deletions are held back."
        case .refused: "Refused: the token, the certificate, or changes by who may only look."
        case .unreachable: "The hub cannot be reached."
        case .incompatible: "What answers is no hub, or speaks no version that this one does."
        case .noSpace: "No space."
        case .held: "Another process holds this replica."
        case .timedOut: "It ran out of time."
        case .interrupted: "Told to end before the folders were the same."
        }
    }
}
