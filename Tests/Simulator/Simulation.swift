import Sync
import Tree

/// One run: chaos for a while, and a verdict.
package enum Simulation {
    package struct Report: Sendable {
        /// The same for the same seed. 0 where nothing was traced.
        package let trace: UInt64
        package let revisions: UInt64
        package let conflicts: Int
        /// Simulated time, in milliseconds.
        package let milliseconds: Int64
    }

    /// A run that went wrong, cut down to the steps that it takes.
    package struct Failure: Sendable {
        package let options: SimulationOptions
        package let violation: Violation
        package let steps: [Step]
        /// What happens in it, in words.
        package let lines: [String]
    }

    package static func run(_ options: SimulationOptions) throws(Violation) -> Report {
        try run(options, Step.drawn(for: options)).report
    }

    /// Cuts a run that broke something down to the steps that it takes.
    package static func shrink(_ options: SimulationOptions, _ violation: Violation) -> Failure {
        Shrinker(options, violation).shrunk(Step.drawn(for: options))
    }

    static func run(_ options: SimulationOptions, _ steps: [Step]) throws(Violation) -> World {
        let world = World(options)
        try run(steps, in: world)
        return world
    }

    static func run(_ steps: [Step], in world: World) throws(Violation) {
        if world.options.mode == .perturbation { return try Perturbation(world).run(steps) }
        for site in world.sites { world.start(site) }
        for step in steps {
            world.note("\(step.number) \(step.name)")
            world.take(step)
            try world.check()
        }
        guard world.options.mode == .liveness else { return }
        world.random = SeededRandom(seed: ~world.options.seed)
        try world.settleBeside(Nuisance.drawn(for: world))
        try world.calm()
        try world.judge()
    }
}

extension World {
    var report: Simulation.Report {
        Simulation.Report(
            trace: trace.hash, revisions: hub.currentIndex.cursor.revision.rawValue,
            conflicts: ledger.conflicts.count, milliseconds: clock)
    }

    /// One round in which everything that is to run runs, everything that is to be told is told, and every connection
    /// carries something.
    func round() throws(Violation) {
        for site in sites {
            start(site)
            report(site, all: true)
            if random.oneIn(2) { judgeDeletions(site) }
        }
        for peer in peers {
            connect(peer)
            deliverUp(peer)
            deliverDown(peer)
        }
        settleHub()
        try check()
    }

    var isSilent: Bool { connections.values.allSatisfy { $0.up.isEmpty && $0.down.isEmpty } }

    /// Users stop as well, and whoever made a special file removes it.
    func endFaults() {
        isCalm = true
        keepalive()
        dropRules()
        for site in sites {
            mend(site)
            site.store?.fuse = nil
            for (path, node) in site.disk.nodes.sorted(by: { $0.key < $1.key }) where node.kind == .fifo {
                remove(site, path)
            }
        }
    }

    /// Faults and users stop; everything runs until nothing moves.
    func calm() throws(Violation) {
        note("calm")
        endFaults()
        var quiet = 0
        for _ in 0..<Self.bound {
            let before = happenings
            try round()
            guard happenings == before, isSilent, !owesHubAnswer, !sites.contains(where: hasWaitingDeletions) else {
                quiet = 0
                continue
            }
            quiet += 1
            if quiet > 2 { return }
            pass(Timing.review)
            for site in sites { retry(site) }
        }
        throw Violation(invariant: "L1", text: "it did not come to rest in \(Self.bound) rounds")
    }

    /// Time alone makes something of these.
    private func hasWaitingDeletions(_ site: Site) -> Bool {
        (site.hub?.waitingDeletions ?? site.peer?.waitingDeletions ?? 0) > 0
    }

    /// So many rounds are enough, whatever happened before.
    static var bound: Int { 1_000 }

    func judge() throws(Violation) {
        try checkConvergence()
        let head = hub.store?.index.cursor
        try ledger.checkNothingLost(tree: keptContents)
        // What is to come back, or went out of sight, has no base: whoever makes it anew meanwhile makes another one.
        let areBasesLost = sites.contains { !$0.unmade.isEmpty }
        try ledger.checkConflicts(isSolo: options.isSolo && !areBasesLost)

        // Everything is started anew and looked at in full: nothing may come of it.
        for site in sites.reversed() { stop(site, powerFails: false) }
        let before = dataMessages
        try calm()
        try checkConvergence()
        guard hub.store?.index.cursor == head else {
            throw Violation(
                invariant: "I7/I13", text: "a restart at rest made revisions after \(String(describing: head))")
        }
        guard dataMessages == before else {
            throw Violation(
                invariant: "I13", text: "a restart at rest sent \(dataMessages - before) messages with data")
        }
        try ledger.checkNothingLost(tree: keptContents)
    }

    /// What is in the hub's tree, or was made where changes are not offered.
    private var keptContents: Set<SimContent> {
        peers.filter { $0.isReader || $0.isSender }.reduce(hub.disk.contents) { $0.union($1.disk.contents) }
    }

    func checkConvergence() throws(Violation) {
        if let difference = difference(besides: { _, _ in false }) {
            throw Violation(invariant: "L1", text: difference)
        }
        for site in sites {
            guard site.hub?.isSettled == false || site.peer?.isSettled == false else { continue }
            let open = site.hub?.pendingPaths ?? site.peer?.pendingPaths ?? []
            throw Violation(invariant: "L5", text: "\(site.name) is at rest, and not settled: \(open.sorted())")
        }
    }

    /// Where a tree is not as the hub's head has it, `isExempt` apart; nil if everything agrees.
    func difference(besides isExempt: (Site, RelativePath) -> Bool) -> String? {
        guard hub.isRunning else { return "the hub does not run" }
        let expected = order.tree
        for site in sites {
            let tree = site.disk.entries
            if tree == expected { continue }
            for path in Set(expected.keys).union(tree.keys).sorted()
            where expected[path] != tree[path] && !isExempt(site, path) && !isKeptBack(path, at: site)
                && !isLacking(path, at: site) && !isUntaken(path, at: site)
            {
                return "\(site.name) has \(describe(tree[path])) at \(path), the hub's head \(describe(expected[path]))"
            }
        }
        return nil
    }

    /// Whether a user changed something here whose changes are not offered.
    private func isKeptBack(_ path: RelativePath, at site: Site) -> Bool {
        guard site.isReader else { return false }
        // Where replicas merge, what it once took from the hub may look like a change of its own.
        if ledger.hasMerged { return true }
        return ledger.edits.keys.contains { $0.replica == site.name && overlaps($0.path, path) }
            || ledger.deletions.keys.contains { $0.replica == site.name && overlaps($0.path, path) }
    }

    /// Whether the hub changed something here, or in it, that a site does not take.
    private func isUntaken(_ path: RelativePath, at site: Site) -> Bool {
        guard site.isSender else { return false }
        return site.currentIndex.records.values.contains {
            $0.isPending && $0.offered == nil && overlaps($0.path, path)
        }
    }

    /// Whether a site knows that it waits here, or above, for content that nobody has any more. An entry without content
    /// stays: a peer that is away may have it, for all that anybody can tell.
    private func isLacking(_ path: RelativePath, at site: Site) -> Bool {
        site.lacking(at: path).contains { isGone(order.tree[$0]) }
    }

    func isGone(_ entry: Entry?) -> Bool {
        guard case .file(let file)? = entry else { return false }
        return !isAnywhere(file.digest)
    }

    /// Whether anybody has this content, in whatever place.
    func isAnywhere(_ file: Digest) -> Bool {
        sites.contains { $0.disk.content(of: file) != nil }
    }

    func overlaps(_ left: RelativePath, _ right: RelativePath) -> Bool {
        left == right || left.isInside(right) || right.isInside(left)
    }
}
