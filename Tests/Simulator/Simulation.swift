import Sync
import Tree

/// What a run is made of. All of it follows from the seed, unless said otherwise.
package struct SimulationOptions: Sendable {
    package var seed: UInt64
    package var peers: Int
    package var steps: Int
    package var names: Int
    package var depth: Int
    /// Every content is written once only, so that none can be lost unseen.
    package var areContentsUnique: Bool
    /// One replica alone is edited.
    package var isSolo: Bool
    /// A user edits between two steps of a machine once in so many.
    package var interludes: Int
    /// Replicas ignore some names, and later others.
    package var hasRules: Bool
    /// Processes are stopped, connections cut, disks full, files unreadable.
    package var hasFaults: Bool
    package var isVerbose = false
    /// Every step is described, and the descriptions make up the report's trace; costs most of a run's time.
    package var isTraced = false

    package init(seed: UInt64) {
        var random = SeededRandom(seed: seed ^ 0x6e6f_736f_636b_7321)
        self.seed = seed
        peers = 1 + random.below(3)
        steps = 60 + random.below(400)
        names = 2 + random.below(2)
        depth = 1 + random.below(3)
        areContentsUnique = !random.oneIn(4)
        isSolo = random.oneIn(6)
        interludes = random.oneIn(2) ? 40 : 1_000_000
        hasFaults = !random.oneIn(5)
        hasRules = !isSolo && hasFaults && random.oneIn(2)
    }
}

extension SimulationOptions: CustomStringConvertible {
    package var description: String {
        "seed \(seed): \(peers) peers, \(steps) steps, \(names) names, depth \(depth), "
            + "\(areContentsUnique ? "unique" : "few") contents, \(isSolo ? "one writer" : "many writers"), "
            + "interludes 1/\(interludes), \(hasFaults ? "faults" : "no faults")\(hasRules ? ", rules" : "")"
    }
}

/// One run: chaos for a while, then calm until nothing moves, then the verdict.
package enum Simulation {
    package struct Report: Sendable {
        /// The same for the same seed. 0 where nothing was traced.
        package let trace: UInt64
        package let revisions: UInt64
        package let conflicts: Int
    }

    package static func run(_ options: SimulationOptions) throws(Violation) -> Report {
        let world = World(options)
        for site in world.sites { world.start(site) }
        for _ in 0..<options.steps {
            world.chaos()
            try world.check()
        }
        try world.calm()
        try world.judge()
        return Report(
            trace: world.trace.hash, revisions: world.hub.store?.index.cursor.revision.rawValue ?? 0,
            conflicts: world.ledger.conflicts.count)
    }
}

extension World {
    fileprivate func chaos() {
        let site = sites[random.below(sites.count)]
        let peer = sites[1 + random.below(sites.count - 1)]
        switch random.below(options.hasFaults ? 40 : 30) {
        case 0..<9: edit(site)
        case 9..<14: report(site, all: random.oneIn(2))
        case 14..<19: deliverUp(peer)
        case 19..<25: deliverDown(peer)
        case 25..<28: connect(peer)
        case 28: retry(site)
        case 29:
            for _ in 0..<20 {
                deliverUp(peer)
                deliverDown(peer)
            }
        case 30, 31: cut(peer)
        case 32: stop(site, powerFails: random.oneIn(3))
        case 33, 34, 35: start(site)
        case 36, 37: site.store?.fuse = random.below(40)
        case 38:
            if let path = site.disk.nodes.keys.sorted().randomElement(using: &random) {
                site.disk.unreadable.insert(path)
            }
        default:
            if random.oneIn(2) { site.disk.unreadable = [] }
            site.disk.isFull = random.oneIn(3)
        }
    }

    /// Faults and users stop; everything runs until nothing moves.
    fileprivate func calm() throws(Violation) {
        note("calm")
        isCalm = true
        dropRules()
        for site in sites {
            site.disk.unreadable = []
            site.disk.isFull = false
            site.store?.fuse = nil
        }
        var quiet = 0
        var rests = 0
        for _ in 0..<4_000 {
            let before = steps
            for site in sites {
                start(site)
                site.disk.unreadable = []
                report(site, all: true)
            }
            for peer in peers {
                connect(peer)
                deliverUp(peer)
                deliverDown(peer)
            }
            try check()
            if steps == before, connections.values.allSatisfy({ $0.up.isEmpty && $0.down.isEmpty }) {
                quiet += 1
                rests += 1
                // What nobody has any more is asked for again and again.
                if quiet > 2 || (options.hasRules && rests > 100) { return }
                for site in sites { retry(site) }
            } else {
                quiet = 0
            }
        }
        throw Violation(invariant: "L1", text: "it never came to rest")
    }

    fileprivate func judge() throws(Violation) {
        try checkConvergence()
        let head = hub.store?.index.cursor
        var contents = contentsAtRest
        try ledger.checkNothingLost(tree: contents)
        try ledger.checkConflicts(isSolo: options.isSolo)

        // Everything is started anew and looked at in full: nothing may come of it.
        for site in sites.reversed() { stop(site, powerFails: false) }
        try calm()
        try checkConvergence()
        guard hub.store?.index.cursor == head else {
            throw Violation(
                invariant: "I7/I13", text: "a restart at rest made revisions after \(String(describing: head))")
        }
        contents = contentsAtRest
        try ledger.checkNothingLost(tree: contents)
    }

    private func checkConvergence() throws(Violation) {
        guard let index = hub.store?.index else { throw Violation(invariant: "L1", text: "the hub does not run") }
        let expected = index.records.values.filter(\.remote.entry.isLive)
            .reduce(into: [RelativePath: Entry]()) { $0[$1.path] = $1.remote.entry }
        for site in sites {
            let tree = site.disk.entries
            for path in Set(expected.keys).union(tree.keys).sorted()
            where expected[path] != tree[path] && !isGone(path, in: expected) {
                throw Violation(
                    invariant: "L1",
                    text:
                        "\(site.name) has \(describe(tree[path])) at \(path), the hub's head \(describe(expected[path]))"
                )
            }
            if let peer = site.peer, !peer.isSettled {
                throw Violation(invariant: "L5", text: "\(site.name) is at rest and not settled")
            }
        }
    }

    private func describe(_ entry: Entry?) -> String {
        entry.map { "\($0)" } ?? "nothing"
    }
}
