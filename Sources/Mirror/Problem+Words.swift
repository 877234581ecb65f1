package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Problem {
    /// What is said of it to people, after the path.
    package var words: String {
        let cause = code == 0 ? "" : ": \(String(cString: strerror(code)))"
        return switch reason {
        case .unreadable: "it cannot be read\(cause); it is tried again"
        case .special: "it is a fifo, socket, device or another replica's state, which are not mirrored"
        case .noSpace:
            "there is no space\(cause.isEmpty ? " beyond what is kept free" : cause); it waits until there is"
        case .readOnly: "the hub takes no changes from here"
        case .nameNotPossible: "this name is not possible here\(cause)"
        case .notEmpty: "it was deleted elsewhere and still holds what is not mirrored"
        case .tooLarge: "it is larger than 1 TiB"
        case .ignored:
            operation == "rmdir"
                ? "it is gone here, and stays elsewhere: in it is what is not taken here" : "the hub ignores it"
        case .contentGone: "the hub has its content no longer; it comes when somebody brings it"
        case .rulesUnknown:
            "it cannot be read\(cause): what it said before still counts, or else nothing beside it is mirrored"
        case .untaken:
            "it changed here and at the hub, and so it is neither sent nor taken; join without --send-only keeps both"
        case .mount: "another file system is mounted there"
        case .failed: "\(operation) failed\(cause); it is tried again"
        }
    }
}
