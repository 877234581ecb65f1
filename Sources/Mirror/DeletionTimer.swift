import NIOCore

/// When deletions that wait are judged, and when those that have gone are forgotten.
struct DeletionTimer {
    /// Without a further deletion.
    private static let quiet = TimeAmount.milliseconds(100)
    /// Where they never cease, so long after the first one: a few, and many, which look like one mass deletion.
    private static let patience = (few: TimeAmount.seconds(1), many: TimeAmount.minutes(1))
    private static let few = 100
    /// Within this a deletion follows the creation that it belongs to, as in a rename.
    private static let belonging = TimeAmount.seconds(1)
    private static let window = TimeAmount.minutes(5)

    /// The barrier behind all that had happened when the time was up. Those that others ask for have higher numbers.
    static let barrier: UInt64 = 0

    private var waiting = 0
    /// When the first of those that wait came.
    private var began = NIODeadline.now()
    /// Whether a barrier was asked for, and no deletion has come since that could be waited for.
    private(set) var isAsked = false
    private var credit = 0
    private var creditEnd: Scheduled<Void>?
    private var judgement: Scheduled<Void>?
    private var windowEnd: Scheduled<Void>?

    mutating func arrange(
        waiting count: Int, credit newCredit: Int, hasWindow: Bool, on loop: any EventLoop,
        judge: @escaping @Sendable () -> Void, forgetCredit: @escaping @Sendable () -> Void,
        beginWindow: @escaping @Sendable () -> Void
    ) {
        arrangeJudgement(count, on: loop, judge)
        if newCredit != credit {
            credit = newCredit
            creditEnd?.cancel()
            creditEnd = newCredit > 0 ? loop.scheduleTask(in: Self.belonging, forgetCredit) : nil
        }
        if hasWindow, windowEnd == nil { windowEnd = loop.scheduleTask(in: Self.window, beginWindow) }
    }

    private mutating func arrangeJudgement(
        _ count: Int, on loop: any EventLoop, _ judge: @escaping @Sendable () -> Void
    ) {
        guard count != waiting else { return }
        if waiting == 0 { began = .now() }
        waiting = count
        let left = began + (count > Self.few ? Self.patience.many : Self.patience.few) - .now()
        if isAsked, count > 0, left <= .zero { return }
        isAsked = false
        judgement?.cancel()
        judgement = count > 0 ? loop.scheduleTask(in: max(.zero, min(Self.quiet, left)), judge) : nil
    }

    /// The time is up, and a barrier was asked for.
    mutating func asked() { isAsked = true }

    mutating func judged() {
        waiting = 0
        isAsked = false
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
