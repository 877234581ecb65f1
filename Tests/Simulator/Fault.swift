/// What can go wrong, one kind at a time.
package enum Fault: Int, CaseIterable, Sendable {
    /// A connection breaks, and what was on its way is gone.
    case cut
    /// What one end sends is swallowed from some moment on, until both notice.
    case halfOpen
    /// A peer connects anew while the hub still holds the old connection, and what was sent on that comes later, or
    /// twice.
    case overlap
    /// A process ends between two calls of its machine.
    case kill
    /// The power fails: what was not durable is gone, up to some moment.
    case powerFailure
    /// Somebody takes away the permission to read (EACCES).
    case unreadable
    /// A disk is full (ENOSPC).
    case full
    /// Now and then a single call fails (EIO), the index's own among them.
    case flakyDisk
    /// The watcher's queue overflows: events are dropped, and it says so.
    case overflow
    /// Events for what has not changed.
    case spuriousEvents
    /// A wall clock jumps, back to 1970 or far ahead.
    case clockJump
    /// A fifo lies in the tree.
    case specialFile
    /// A user deletes everything in a folder, and a replica lets but a few deletions through without asking.
    case massDeletion
    /// Somebody edits what is ignored at a replica.
    case rules
    /// Somebody speaks to the hub who has not said hello.
    case stranger
    /// A peer's folder and state are set back together.
    case restoredPeer
    /// A peer's index alone is set back.
    case restoredPeerIndex
    /// A peer's state is lost.
    case wipedPeer
    /// A second peer begins as a copy of the first, id and all.
    case clonedPeer
    /// The hub's state is lost.
    case wipedHub
    /// The hub's folder and state are set back together, and it may go on before its peers come back: with revisions that
    /// they know as others.
    case restoredHub
    /// The hub's index alone is set back, so that its own folder goes on with such revisions at once.
    case restoredHubIndex

    package var name: String { "\(self)" }
}

package struct FaultSet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package init(_ faults: some Sequence<Fault>) {
        rawValue = faults.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    }

    package static let all = FaultSet(Fault.allCases)
    package static let usual = all

    /// What the machines do not stand together with rules. A content may be nowhere any more where nobody saw it go while
    /// it was ignored, and the hub has forgotten that it had it: its power failed, or somebody was set back.
    static let notWithRules = setbacks.union(FaultSet([.powerFailure]))

    /// What sets state back or loses it, after which replicas merge.
    static let setbacks = FaultSet([
        .restoredPeer, .restoredPeerIndex, .wipedPeer, .clonedPeer, .wipedHub, .restoredHub,
        .restoredHubIndex,
    ])

    package func contains(_ fault: Fault) -> Bool {
        rawValue & 1 << UInt32(fault.rawValue) != 0
    }

    /// Some of the ordinary ones, and in one run of four one or two setbacks as well.
    static func drawn(from allowed: FaultSet, using random: inout SeededRandom) -> FaultSet {
        let ordinary = FaultSet(Fault.allCases.filter { !setbacks.contains($0) && !random.oneIn(3) })
            .intersection(allowed)
        guard random.oneIn(4) else { return ordinary.apart(allowed, using: &random) }
        let severe = Fault.allCases.filter { allowed.intersection(setbacks).contains($0) }
        let chosen = (0...random.below(2)).compactMap { _ in random.pick(severe) }
        return ordinary.union(FaultSet(chosen)).apart(allowed, using: &random)
    }

    /// Without what rules do not go with, or without rules, unless nothing else is asked for.
    private func apart(_ allowed: FaultSet, using random: inout SeededRandom) -> FaultSet {
        guard contains(.rules), !isDisjoint(with: Self.notWithRules),
            !allowed.isSubset(of: Self.notWithRules.union(FaultSet([.rules])))
        else { return self }
        return subtracting(random.oneIn(2) ? FaultSet([.rules]) : Self.notWithRules)
    }
}

extension FaultSet: CustomStringConvertible {
    package var description: String {
        isEmpty ? "none" : Fault.allCases.filter(contains).map(\.name).joined(separator: " ")
    }
}
