import Mirror
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Values as people say them.
enum Wording {
    static func entries(_ count: Int) -> String { count == 1 ? "1 entry" : "\(count) entries" }

    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        guard unit > 0 else { return "\(count) B" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    static func duration(_ duration: Duration) -> String {
        let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        guard milliseconds >= 1000 else { return "\(milliseconds) ms" }
        return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    }

    static func problem(_ problem: Problem) -> String {
        let cause = problem.code == 0 ? "" : ": \(String(cString: strerror(problem.code)))"
        return switch problem.reason {
        case .unreadable: "it cannot be read\(cause); it is tried again"
        case .special: "it is a fifo, socket, device or another replica's state, which are not mirrored"
        case .noSpace: "there is no space\(cause); it waits until there is"
        case .readOnly: "the hub takes no changes from here"
        case .nameNotPossible: "this name is not possible here\(cause)"
        case .notEmpty: "it was deleted elsewhere and still holds what is not mirrored"
        case .tooLarge: "it is larger than 1 TiB"
        case .ignored:
            problem.operation == "rmdir"
                ? "it is gone here, and stays elsewhere: in it is what is ignored" : "the hub ignores it"
        case .contentGone: "the hub has its content no longer; it is tried again"
        case .rulesUnknown:
            "it cannot be read\(cause): what it said before still counts, or else nothing beside it is mirrored"
        case .mount: "another file system is mounted there"
        case .failed: "\(problem.operation) failed\(cause); it is tried again"
        }
    }

    static func verb(_ change: Change, was: Entry) -> String {
        change.entry.isTombstone ? "deleted" : was.isTombstone ? "created" : "modified"
    }

    static func change(_ change: Change, was: Entry) -> String {
        "\(verb(change, was: was)) \(change.path)"
    }

    static func failure(_ failure: StoreFailure) -> String {
        switch failure {
        case .rootChanged(let text): "\(text); stopped, and deleted nothing anywhere"
        case .noSpace(let text): "there is no space for this folder's own state: \(text)"
        case .index(let text): "this folder's index can't be used: \(text)"
        case .stopped: "stopped"
        }
    }
}
