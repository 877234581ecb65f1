/// Notices a message that comes so slowly that it seems to be there to hold its connection ("slow loris"). It has no
/// clock: times are nanoseconds on any clock that never runs back.
package struct MessagePace: Equatable, Sendable {
    private let grace: UInt64
    private let slowest: Int
    private var began: UInt64?
    private var bytes = 0

    /// - Parameters:
    ///   - grace: Nanoseconds that a message may take however slow it is.
    ///   - slowest: Bytes a second, on average, that a message must come at after that.
    package init(grace: UInt64, slowest: Int) {
        self.grace = grace
        self.slowest = max(1, slowest)
    }

    /// Bytes have come.
    ///
    /// - Parameters:
    ///   - hasFinished: A message ended with them; what they began after that is another one.
    ///   - isAmidMessage: More of a message is to come.
    package mutating func read(_ count: Int, hasFinished: Bool, isAmidMessage: Bool, at now: UInt64) {
        guard isAmidMessage else {
            began = nil
            return
        }
        if began == nil || hasFinished {
            began = now
            bytes = 0
        }
        bytes += count
    }

    /// Nothing was read on purpose: the time so far does not count.
    package mutating func pause() {
        began = nil
    }

    package func isTooSlow(at now: UInt64) -> Bool {
        guard let began, now > began else { return false }
        let taken = now - began
        guard taken > grace else { return false }
        return Double(bytes) < Double(taken) / 1e9 * Double(slowest)
    }
}
