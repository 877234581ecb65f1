package import Tree

/// What a run is made of. All of it follows from the seed, unless said otherwise.
package struct SimulationOptions: Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        /// Faults all the time, and every invariant after every step; nobody demands that the replicas agree.
        case safety
        /// Faults for a while, then none, or one that lasts: the replicas must come to agree within so many rounds.
        case liveness
        /// One tree, synced everywhere, is changed on two replicas; the outcome must be that of the three-way table.
        case perturbation
    }

    package var seed: UInt64
    package var mode: Mode
    package var peers: Int
    package var steps: Int
    package var names: Int
    package var depth: Int
    /// Every content is written once only, so that none can be lost unseen.
    package var areContentsUnique: Bool
    /// One replica alone is edited.
    package var isSolo: Bool
    /// A user edits between two calls of a machine once in so many.
    package var interludes: Int
    /// The last peer may look and not change.
    package var hasReader: Bool
    /// Which changes the last peer wants at all.
    package var direction: Direction
    /// Now and then the hub hears several words of its sessions before it answers; not where the outcome depends on which
    /// of them it has answered.
    package var isHubBusy = true
    /// What a letter of content weighs: with heavy ones, a few files fill a message or a window.
    package var scale: Int
    /// Looks may find that a file is being read, and hear of it later. No deletion can then be counted on to be met behind
    /// what came in its place.
    package var hasSlowReads: Bool
    package var faults: FaultSet
    /// Hubs have terms; without, a hub that was set back and has gone on is not noticed.
    package var hasTerms = true
    /// Prints every step.
    package var isVerbose = false
    /// Every step is described, and the descriptions make up the report's trace; costs most of a run's time.
    package var isTraced = false

    package init(seed: UInt64, mode: Mode? = nil, faults allowed: FaultSet = .usual) {
        var random = SeededRandom(seed: seed ^ 0x6e6f_736f_636b_7321)
        self.seed = seed
        peers = 1 + random.below(3)
        steps = 60 + random.below(400)
        names = 2 + random.below(2)
        depth = 1 + random.below(3)
        areContentsUnique = !random.oneIn(4)
        isSolo = random.oneIn(6)
        interludes = random.oneIn(2) ? 40 : 1_000_000
        hasReader = random.oneIn(8)
        // Whether it is the hub that says so, or the reader itself, is the same to everybody else.
        direction = hasReader ? (seed % 4 < 2 ? .receiveOnly : .both) : seed / 4 % 8 == 5 ? .sendOnly : .both
        scale = seed % 2 == 0 ? 1 : 1 << 16
        let drawn = random.below(8)
        self.mode = mode ?? (drawn < 2 ? .safety : drawn < 7 ? .liveness : .perturbation)
        let areMany = !random.oneIn(5)
        faults = areMany ? FaultSet.drawn(from: allowed, using: &random) : []
        hasSlowReads = areMany && random.oneIn(2)
        if self.mode == .perturbation { beUndisturbed() }
    }

    private mutating func beUndisturbed() {
        steps = Perturbation.steps
        isSolo = false
        hasReader = false
        direction = .both
        isHubBusy = false
        hasSlowReads = false
        interludes = 1_000_000
        faults = []
    }
}

extension SimulationOptions: CustomStringConvertible {
    private var lastPeer: String {
        switch direction {
        case .both: hasReader ? ", the last a reader" : ""
        case .receiveOnly: ", the last only receives"
        case .sendOnly: ", the last only sends"
        }
    }

    package var description: String {
        "seed \(seed), \(mode): \(peers) peers\(lastPeer), \(steps) steps, \(names) names, "
            + "depth \(depth), \(areContentsUnique ? "unique" : "few") contents, "
            + "\(isSolo ? "one writer" : "many writers"), \(interludes < 1000 ? "interludes" : "no interludes"), "
            + "faults: \(faults)"
    }
}
