import Replica
import Synchronization
import Tree

/// What was given another name alone is found there at once, and is gone from where it was a moment later, since a program
/// may make a backup so and save under the former name right then. Whoever is told of it is told a moment later, too, so
/// that it is one event.
///
/// This holds back what may be the first half, and what comes behind it, and tells it in its order. Used from any thread.
final class MoveWait: Sendable {
    /// How long the other half is waited for. Only what has the content and the times of another file waits.
    static let limit = Duration.milliseconds(500)
    /// So many are not one program's renames any more.
    private static let most = 256

    fileprivate struct State {
        var held: [MirrorEvent] = []
        /// How many of these may be first halves.
        var halves = 0
    }

    private let report: MirrorReport
    private let state = Mutex(State())

    init(_ report: @escaping MirrorReport) { self.report = report }

    /// - Parameter isHalf: Whether it may be a file's new name.
    /// - Returns: Whether from now on something is held, until ``flush()``.
    @discardableResult
    func tell(_ event: MirrorEvent, isHalf: Bool = false) -> Bool {
        state.withLock { state in
            if state.held.isEmpty, !isHalf {
                report(event)
                return false
            }
            switch event {
            // How far it is belongs to no place in the order.
            case .progress, .reading: report(event)
            case .applied, .sent, .appliedMove, .sentMove, .inSync:
                let isFirst = state.held.isEmpty
                state.add(event, isHalf: isHalf)
                if state.halves > 0, state.held.count < Self.most { return isFirst }
                release(&state)
            default:
                release(&state)
                report(event)
            }
            return false
        }
    }

    func flush() { state.withLock { release(&$0) } }

    private func release(_ state: inout State) {
        for event in state.held { report(event) }
        state = State()
    }
}

extension MoveWait.State {
    /// The second half takes the place of both. That all is in step is told behind it: it was found with the first one.
    fileprivate mutating func add(_ event: MirrorEvent, isHalf: Bool) {
        if isHalf { halves += 1 }
        for (index, first) in held.enumerated() {
            guard let move = MirrorEvent(first, followedBy: event) else { continue }
            let inSync = held.last { if case .inSync = $0 { true } else { false } }
            held[index...].removeAll { if case .inSync = $0 { true } else { false } }
            held.remove(at: index)
            held.append(move)
            if let inSync { held.append(inSync) }
            halves -= 1
            return
        }
        held.append(event)
    }
}

extension FolderReplica {
    /// Whether this may be another name of a file that was here before: another one has its content, mode and time.
    ///
    /// - Parameter offered: Paths whose deletion may be on its way to the hub.
    func mayBeMoved(
        _ change: Change, was: Entry, offered: Set<RelativePath> = []
    ) throws(StoreFailure) -> Bool {
        guard was.isTombstone, case .file(let file) = change.entry else { return false }
        for path in offered.prefix(64) {
            let record = try record(at: path)
            if record.offered == .tombstone, record.base.entry == change.entry { return true }
        }
        return try hasOther(file, than: change.path)
    }
}
