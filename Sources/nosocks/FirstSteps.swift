import Mirror
import Tree

/// How far a replica is on its way to the first time in sync: its first look at the folder, and its first copy.
struct FirstSteps {
    /// When what is shown now began.
    private var began = ContinuousClock.now
    /// How many names the look at the folder met, and whether that was all.
    private var looked = 0
    private var hasLooked = false
    private var entries = 0
    private var bytes: UInt64 = 0
    private var underway = Underway()
    /// Of large files that the look met, how many bytes were read.
    private var read: UInt64 = 0
    /// How much of how much is done, in whatever unit; nothing of nothing where that is not known.
    private var done: UInt64 = 0
    private var total: UInt64 = 0
    /// Nil before there is a connection, and at a hub.
    private var isCopying = false

    mutating func looking(at entries: Int, isAll: Bool) {
        looked = entries
        hasLooked = isAll
    }

    mutating func connected(at now: ContinuousClock.Instant) {
        self = FirstSteps()
        began = now
        isCopying = true
    }

    /// One more is in place here, or in the feed.
    mutating func passed(bytes count: UInt64) {
        entries += 1
        bytes += count
        if !isCopying { done += 1 }
    }

    mutating func went(to progress: MirrorEvent.Progress) {
        (entries, bytes) = (max(entries, progress.entries), max(bytes, progress.bytes))
        (done, total) = (progress.revision.rawValue, progress.head.rawValue)
        underway = progress.underway
    }

    mutating func read(_ bytes: UInt64) { read = bytes }

    func text(at now: ContinuousClock.Instant) -> String {
        let seconds = (now - began) / .seconds(1)
        guard isCopying || entries > 0 else {
            let read = read > 0 ? ", \(Wording.bytes(read)) read" : ""
            return "looking at the folder: \(Wording.entries(looked))\(read), \(Wording.clock(seconds))"
        }
        let bytes = bytes + underway.done
        var text = "\(Wording.entries(entries)), \(Wording.bytes(bytes))"
        if seconds > 0.05 { text += ", \(Wording.bytes(UInt64(Double(bytes) / seconds)))/s" }
        guard let left = left(after: seconds, bytes) else { return "\(text), \(Wording.clock(seconds))" }
        return "\(text), \(Wording.clock(left)) left"
    }

    /// How many seconds are left: what takes longer of the entries that are still to come, and of the large files that
    /// are on their way. Nil where nothing tells.
    private func left(after seconds: Double, _ bytes: UInt64) -> Double? {
        let total = isCopying ? total : hasLooked ? UInt64(looked) : 0
        var left: Double?
        if done > 0, done < total { left = seconds * Double(total - done) / Double(done) }
        if bytes > 0, underway.left > 0 { left = max(left ?? 0, seconds * Double(underway.left) / Double(bytes)) }
        return left
    }
}
