/// One step of a run. It draws all its choices from a seed of its own, so that it does the same whatever steps there
/// are before it, as far as they leave it something to do it to: a failing run can be cut down to the steps that
/// matter.
package struct Step: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case edit
        case report
        case deliverUp
        case deliverDown
        case exchange
        case connect
        case retry
        case start
        case backUp
        /// What stood in the way does so no more.
        case mend
        /// Both ends find out which connections are dead.
        case keepalive
        case fault(Fault)
    }

    package let number: Int
    package let kind: Kind
    let seed: UInt64

    package var name: String {
        if case .fault(let fault) = kind { fault.name } else { "\(kind)" }
    }
}

extension Step {
    /// The steps of a run, as its seed has them.
    static func drawn(for options: SimulationOptions) -> [Step] {
        let deck = options.mode == .perturbation ? [.edit] : deck(options.faults)
        var random = SeededRandom(seed: options.seed)
        return (0..<options.steps).map { number in
            Step(number: number, kind: deck[random.below(deck.count)], seed: random.next())
        }
    }

    /// Each kind as often as it is likely.
    private static func deck(_ faults: FaultSet) -> [Kind] {
        var deck: [Kind] = []
        func add(_ count: Int, _ kind: Kind) { deck += Array(repeating: kind, count: count) }
        add(54, .edit)
        add(30, .report)
        add(30, .deliverUp)
        add(36, .deliverDown)
        add(6, .exchange)
        add(18, .connect)
        add(6, .retry)
        if !faults.isEmpty {
            add(18, .start)
            add(6, .mend)
            add(6, .keepalive)
            if !faults.intersection(.setbacks).isEmpty { add(4, .backUp) }
        }
        for fault in Fault.allCases where faults.contains(fault) { add(weight(fault), .fault(fault)) }
        return deck
    }

    private static func weight(_ fault: Fault) -> Int {
        switch fault {
        case .cut: 10
        case .kill: 14
        case .powerFailure, .overlap: 6
        case .halfOpen, .unreadable, .full, .flakyDisk, .overflow, .spuriousEvents, .clockJump, .rules: 4
        case .specialFile, .massDeletion, .stranger, .restoredPeer, .restoredPeerIndex, .wipedPeer, .clonedPeer,
            .wipedHub, .restoredHub, .restoredHubIndex:
            2
        }
    }
}
