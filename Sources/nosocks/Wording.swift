import Mirror
import Tree

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

    /// Whole seconds, as clocks show them where it takes minutes.
    static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 360_000 else { return "days" }
        let whole = Int(seconds.rounded(.up))
        guard whole >= 60 else { return "\(whole) s" }
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = whole / 60
        let start = minutes < 60 ? "\(minutes)" : "\(minutes / 60):\(padded(minutes % 60))"
        return "\(start):\(padded(whole % 60))"
    }

    static func problem(_ problem: Problem) -> String { problem.words }

    static func verb(_ change: Change, was: Entry) -> String {
        change.entry.isTombstone ? "deleted" : was.isTombstone ? "created" : "modified"
    }

    static func change(_ change: Change, was: Entry) -> String {
        "\(verb(change, was: was)) \(change.path)"
    }

    static func move(_ move: Move) -> String { "moved \(move.departure.path) to \(move.arrival.path)" }

    static func held(_ held: HeldDeletions) -> String {
        let count = deletions(held.count)
        let by = held.author.map { " by \($0)" } ?? ""
        let holder =
            held.isAtHub && held.author == nil
            ? "by the hub, which has \(entries(held.total))" : "of \(entries(held.total))"
        return "\(count)\(by) held back (\(holder))"
    }

    static func deletions(_ count: Int) -> String { count == 1 ? "1 deletion" : "\(count) deletions" }

    static func conflicts(_ count: UInt64) -> String {
        "\(count == 1 ? "1 conflict copy" : "\(count) conflict copies"); nosocks conflicts lists and settles them"
    }

    static func remedy(_ held: HeldDeletions) -> String {
        held.author == nil
            ? "nosocks confirm lets them through, nosocks revert brings the files back"
            : "nosocks confirm lets them through"
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
