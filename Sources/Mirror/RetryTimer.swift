import NIOCore
import Sync

/// When a service looks again at what it could not settle: soon at what changes too fast, now and then at what has a
/// problem; never when nothing waits.
struct RetryTimer {
    private static let soonest = TimeAmount.milliseconds(50)
    private static let latest = TimeAmount.seconds(2)
    private static let problems = TimeAmount.seconds(5)

    private var unstableDelay = Self.soonest
    private var unstable: Scheduled<Void>?
    private var problem: Scheduled<Void>?

    /// Sets the timers that are needed and stops those that are not.
    mutating func arrange(
        hasUnstable: Bool, wantsReview: Bool, on loop: any EventLoop, retryUnstable: @escaping @Sendable () -> Void,
        retryProblems: @escaping @Sendable () -> Void
    ) {
        if hasUnstable, unstable == nil {
            unstable = loop.scheduleTask(in: unstableDelay, retryUnstable)
            unstableDelay = min(unstableDelay + unstableDelay, Self.latest)
        } else if !hasUnstable {
            unstable?.cancel()
            unstable = nil
            unstableDelay = Self.soonest
        }
        if wantsReview, problem == nil {
            problem = loop.scheduleTask(in: Self.problems, retryProblems)
        }
    }

    mutating func unstableFired() { unstable = nil }
    mutating func problemsFired() { problem = nil }

    mutating func cancel() {
        unstable?.cancel()
        problem?.cancel()
    }
}
