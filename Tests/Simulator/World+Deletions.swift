import Sync
import Tree

extension World {
    /// No further deletion comes.
    func judgeDeletions(_ site: Site) {
        run(site) { () throws(StoreFailure) in
            if site.hub.map({ $0.waitingDeletions > 0 }) == true, let actions = try site.hub?.judgeDeletions() {
                perform(actions)
            }
            if site.peer.map({ $0.waitingDeletions > 0 }) == true, let actions = try site.peer?.judgeDeletions() {
                perform(actions, of: site)
            }
        }
    }

    /// A person says what is to become of the deletions that are held.
    func attendToDeletions(_ site: Site) {
        guard isCalm || random.oneIn(4) else { return }
        // Whoever hears, when nothing else happens any more, that nobody has it, lets it go.
        let isMeant = random.oneIn(2) || isCalm && hasGone(site.peer?.backlog.held ?? site.hub?.backlog.held ?? [])
        run(site) { () throws(StoreFailure) in
            if let hub = site.hub, hub.heldDeletions != nil || !hub.refusedDeletions.isEmpty {
                let isConfirming = isMeant || hub.heldDeletions == nil
                judged(site, hub.backlog.held, isConfirmed: isConfirming)
                note("hub \(isMeant ? "confirms" : "reverts")")
                let actions = isConfirming ? try site.hub?.confirmDeletions() : try site.hub?.revertDeletions()
                if let actions { perform(actions) }
            }
            if site.peer?.heldDeletions != nil {
                note("\(site.name) \(isMeant ? "confirms" : "reverts")")
                judged(site, site.peer?.backlog.held ?? [], isConfirmed: isMeant)
                let actions = isMeant ? try site.peer?.confirmDeletions() : try site.peer?.revertDeletions()
                if let actions { perform(actions, of: site) }
            }
            if random.oneIn(3) {
                site.hub?.beginDeletionWindow()
                if site.isHub { beginWindowAtHub() }
                site.peer?.beginDeletionWindow()
            } else {
                site.hub?.forgetDeletionCredit()
                site.peer?.forgetDeletionCredit()
            }
        }
    }

    private func hasGone(_ held: Set<RelativePath>) -> Bool {
        held.contains { isGone(order.tree[$0]) }
    }

    /// A person has said what is to become of these.
    private func judged(_ site: Site, _ held: Set<RelativePath>, isConfirmed: Bool) {
        if !isConfirmed { site.unmade.formUnion(held) }
        for path in held {
            if isConfirmed { ledger.confirmed(site.name, path) } else { ledger.reverted(site.name, path) }
        }
        guard site.isHub, isConfirmed else { return }
        site.confirmedCount = held.count
        areDeletionsConfirmed = true
    }

    func beginWindowAtHub() {
        // What was decided before belongs to the window before.
        judgeLog()
        areDeletionsConfirmed = false
        for site in sites { site.shrink = 0 }
    }

    /// How many deletions machines let through without asking.
    var deletionLimit: DeletionLimit {
        options.faults.contains(.massDeletion) ? .count(1 + Int(options.seed % 4)) : .standard
    }
}
