import NIOCore

/// When deletions that wait are judged, and when those that have gone are forgotten.
struct DeletionTimer {
    /// Without a further deletion.
    private static let quiet = TimeAmount.milliseconds(250)
    /// Within this a deletion follows the creation that it belongs to, as in a rename.
    private static let belonging = TimeAmount.seconds(1)
    private static let window = TimeAmount.minutes(5)

    /// The barrier behind all that had happened when the time was up. Those that others ask for have higher numbers.
    static let barrier: UInt64 = 0

    private var waiting = 0
    /// Whether a barrier was asked for, and no deletion has come since.
    private(set) var isQuiet = false
    private var credit = 0
    private var creditEnd: Scheduled<Void>?
    private var judgement: Scheduled<Void>?
    private var windowEnd: Scheduled<Void>?

    mutating func arrange(
        waiting count: Int, credit newCredit: Int, hasWindow: Bool, on loop: any EventLoop,
        judge: @escaping @Sendable () -> Void, forgetCredit: @escaping @Sendable () -> Void,
        beginWindow: @escaping @Sendable () -> Void
    ) {
        if count != waiting {
            waiting = count
            isQuiet = false
            judgement?.cancel()
            judgement = count > 0 ? loop.scheduleTask(in: Self.quiet, judge) : nil
        }
        if newCredit != credit {
            credit = newCredit
            creditEnd?.cancel()
            creditEnd = newCredit > 0 ? loop.scheduleTask(in: Self.belonging, forgetCredit) : nil
        }
        if hasWindow, windowEnd == nil { windowEnd = loop.scheduleTask(in: Self.window, beginWindow) }
    }

    /// The time is up, and a barrier was asked for.
    mutating func asked() { isQuiet = true }

    mutating func judged() {
        waiting = 0
        isQuiet = false
        judgement = nil
    }

    mutating func creditEnded() {
        credit = 0
        creditEnd = nil
    }

    mutating func windowEnded() { windowEnd = nil }

    /// The present window, or the next one, lasts in full from now on.
    mutating func restartWindow() {
        windowEnd?.cancel()
        windowEnd = nil
    }

    mutating func cancel() {
        judgement?.cancel()
        creditEnd?.cancel()
        windowEnd?.cancel()
    }
}
