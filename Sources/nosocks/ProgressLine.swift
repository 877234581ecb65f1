import Synchronization

/// One line on the terminal that is drawn over itself, ten times a second at the most: each time in one write, without
/// clearing first and never beyond the edge, so that nothing flickers or scrolls.
final class ProgressLine: Sendable {
    private struct State {
        var text: (@Sendable () -> String?)?
        /// Of those who draw, only the last one goes on.
        var generation = 0
        /// What stands there now; nil where nothing does.
        var shown: String?
    }

    private static let interval = Duration.milliseconds(100)
    private let state = Mutex(State())

    /// Shows what `text` says from now on, until it says nil or somebody calls ``end()``.
    func follow(_ text: @escaping @Sendable () -> String?) {
        let generation = state.withLock { state in
            state.text = text
            state.generation += 1
            return state.generation
        }
        Task.detached { [weak self] in
            repeat { try? await Task.sleep(for: Self.interval) } while self?.draw(generation) == true
        }
    }

    /// Writes a line of talk above.
    func say(_ line: String) {
        state.withLock { state in
            let clearing = state.shown == nil ? "" : "\r\u{1b}[K"
            // It is drawn again under what was said, if there is still something to say.
            state.shown = nil
            StandardStream.error.write("\(clearing)\(line)\n".utf8)
        }
    }

    func end() {
        state.withLock { state in
            state.text = nil
            if state.shown != nil { StandardStream.error.write("\r\u{1b}[K".utf8) }
            state.shown = nil
        }
    }

    /// Whether there may be more to draw.
    private func draw(_ generation: Int) -> Bool {
        state.withLock { state in
            guard generation == state.generation, let text = state.text?() else { return false }
            // The last column stays free: terminals differ on where the cursor is behind it.
            let line = String(text.prefix(max(0, Terminal.columns(of: .error) - 1)))
            guard line != state.shown else { return true }
            state.shown = line
            // Without wrapping, should the terminal have become narrower this instant.
            StandardStream.error.write("\u{1b}[?7l\r\(line)\u{1b}[K\u{1b}[?7h".utf8)
            return true
        }
    }
}
