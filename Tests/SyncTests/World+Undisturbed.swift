import Tree

@testable import Simulator

extension World {
    /// A hub and so many peers whose processes run, and to whom nothing happens by itself. A byte counts as `scale` in
    /// whatever limits bytes.
    static func undisturbed(peers: Int, faults: FaultSet = [], scale: Int = 1 << 16) -> World {
        var options = SimulationOptions(seed: 1, mode: .liveness, faults: faults)
        options.peers = peers
        options.scale = scale
        options.hasReader = false
        options.direction = .both
        options.isHubBusy = false
        options.hasSlowReads = false
        options.isSolo = false
        options.interludes = 1_000_000
        let world = World(options)
        for site in world.sites { world.start(site) }
        return world
    }

    /// All that the hub and a peer who is connected have to say to each other.
    func exchange(with peer: Site) {
        while let connection = connections[peer.name], !connection.up.isEmpty || !connection.down.isEmpty {
            deliverUp(peer)
            deliverDown(peer)
        }
    }
}
