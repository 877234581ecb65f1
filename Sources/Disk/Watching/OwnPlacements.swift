internal import Synchronization
import Tree

/// What this process put in place itself, until the watcher has told of it: nobody needs to look at that again.
///
/// An event is left out only where the disk still has what was placed. Whatever is done to it later has events of its
/// own, so nothing is missed however long a placement stays here; but for what is done before its directory is watched,
/// which is why placements that are not met there are handed out (``unmet(in:)``).
final class OwnPlacements: Sendable {
    private struct Placement {
        var fingerprint: Fingerprint
        var events: Int
        /// Where it was before, if it was renamed.
        var origin: RelativePath?
    }

    private struct State {
        /// By the directory they are in.
        var placements: [RelativePath?: [RelativePath: Placement]] = [:]
        var count = 0

        subscript(path: RelativePath) -> Placement? { placements[path.parent]?[path] }

        mutating func set(_ path: RelativePath, _ placement: Placement) {
            if placements[path.parent, default: [:]].updateValue(placement, forKey: path) == nil { count += 1 }
        }

        mutating func remove(_ path: RelativePath) {
            let parent = path.parent
            guard placements[parent]?.removeValue(forKey: path) != nil else { return }
            count -= 1
            if placements[parent]?.isEmpty == true { placements[parent] = nil }
        }
    }

    /// Placements whose events never come, for want of a watch, are forgotten with all others when they are so many.
    private static let limit = 16_384

    private let state = Mutex(State())

    /// - Parameter events: how many events tell of it: one of a new name, two of an exchange.
    /// - Parameter origin: where it was before, if it was renamed within the folder.
    func note(_ path: RelativePath, _ fingerprint: Fingerprint, events: Int, origin: RelativePath? = nil) {
        state.withLock { state in
            if state.count >= Self.limit { state = State() }
            state.set(path, Placement(fingerprint: fingerprint, events: events, origin: origin))
        }
    }

    /// Whether an event at `path` tells of nothing but what was placed there; `status` is what the disk has now.
    func explain(_ path: RelativePath, _ status: @autoclosure () -> Status?) -> Bool {
        guard let placement = state.withLock({ $0[path] }) else { return false }
        let isOwn = status()?.fingerprint == placement.fingerprint
        state.withLock { state in
            guard var now = state[path], now.fingerprint == placement.fingerprint else { return }
            if isOwn, placement.events > 1 {
                now.events -= 1
                state.set(path, now)
            } else {
                state.remove(path)
            }
        }
        return isOwn
    }

    /// What was placed right in `directory` and was not told of yet, although it has been watched and then listed: it is
    /// still to be told of, or went before that.
    func unmet(in directory: RelativePath) -> [RelativePath] {
        state.withLock { state in state.placements[directory].map { Array($0.keys) } ?? [] }
    }

    /// Where what was placed at `path` was before, if it was renamed within the folder.
    func origin(of path: RelativePath) -> RelativePath? {
        state.withLock { $0[path]?.origin }
    }

    func removeAll() {
        state.withLock { $0 = State() }
    }
}
