import Synchronization

/// One line on the terminal that is drawn over itself, ten times a second at the most.
final class ProgressLine: Sendable {
    private struct State {
        var isShown = false
        var last: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    func show(_ text: String) {
        state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.last, now - last < .milliseconds(100) { return }
            state.last = now
            state.isShown = true
            StandardStream.error.write("\r\(text)\u{1b}[K".utf8)
        }
    }

    func clear() {
        state.withLock { state in
            guard state.isShown else { return }
            state.isShown = false
            StandardStream.error.write("\r\u{1b}[K".utf8)
        }
    }
}
