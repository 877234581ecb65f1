internal import Synchronization
import Tree

/// What this process put in place itself, until the watcher has told of it: nobody needs to look at that again.
///
/// An event is left out only where the disk still has what was placed. Whatever is done to it later has events of its
/// own, so nothing is missed however long a placement stays here.
final class OwnPlacements: Sendable {
    private struct Placement {
        var fingerprint: Fingerprint
        var events: Int
        /// Where it was before, if it was renamed.
        var origin: RelativePath?
    }

    /// Placements whose events never come, for want of a watch, are forgotten with all others when they are so many.
    private static let limit = 16_384

    private let placements = Mutex<[RelativePath: Placement]>([:])

    /// - Parameter events: how many events tell of it: one of a new name, two of an exchange.
    /// - Parameter origin: where it was before, if it was renamed within the folder.
    func note(_ path: RelativePath, _ fingerprint: Fingerprint, events: Int, origin: RelativePath? = nil) {
        placements.withLock { placements in
            if placements.count >= Self.limit { placements.removeAll(keepingCapacity: true) }
            placements[path] = Placement(fingerprint: fingerprint, events: events, origin: origin)
        }
    }

    /// Whether an event at `path` tells of nothing but what was placed there; `status` is what the disk has now.
    func explain(_ path: RelativePath, _ status: @autoclosure () -> Status?) -> Bool {
        guard let placement = placements.withLock({ $0[path] }) else { return false }
        let isOwn = status()?.fingerprint == placement.fingerprint
        placements.withLock { placements in
            guard placements[path]?.fingerprint == placement.fingerprint else { return }
            if isOwn, placement.events > 1 {
                placements[path]?.events -= 1
            } else {
                placements[path] = nil
            }
        }
        return isOwn
    }

    /// Where what was placed at `path` was before, if it was renamed within the folder.
    func origin(of path: RelativePath) -> RelativePath? {
        placements.withLock { $0[path]?.origin }
    }

    func removeAll() {
        placements.withLock { $0 = [:] }
    }
}
