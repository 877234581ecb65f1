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
    }

    func text(at now: ContinuousClock.Instant) -> String {
        let seconds = (now - began) / .seconds(1)
        guard isCopying || entries > 0 else {
            return "looking at the folder: \(Wording.entries(looked)), \(Wording.clock(seconds))"
        }
        var text = "\(Wording.entries(entries)), \(Wording.bytes(bytes))"
        if seconds > 0.05 { text += ", \(Wording.bytes(UInt64(Double(bytes) / seconds)))/s" }
        let total = isCopying ? total : hasLooked ? UInt64(looked) : 0
        guard done > 0, done < total else { return "\(text), \(Wording.clock(seconds))" }
        return "\(text), \(Wording.clock(seconds * Double(total - done) / Double(done))) left"
    }
}
