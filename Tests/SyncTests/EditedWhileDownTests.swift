import Sync
import Testing
import Tree

@testable import Simulator

@Suite("What was edited while the process was down")
struct EditedWhileDownTests {
    private let path: RelativePath
    private let former = SimContent([1])
    private let next = SimContent([2])
    private let own = SimContent([3])

    init() throws {
        path = try RelativePath("f")
    }

    private func write(_ content: SimContent, on site: World.Site, _ world: World) {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        world.write(site, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
    }

    /// A hub and a peer, whose process ended after so many calls of its store, at the hub's next version of a file. Nil if
    /// it didn't.
    private func stopped(after calls: Int) throws -> World? {
        let world = World.undisturbed(peers: 1)
        write(former, on: world.hub, world)
        try world.calm()
        let peer = world.sites[1]
        write(next, on: world.hub, world)
        world.report(world.hub, all: true)
        peer.store?.fuse = calls
        while peer.isRunning, world.connections[peer.name]?.down.isEmpty == false { world.deliverDown(peer) }
        return peer.isRunning ? nil : world
    }

    @Test("is no edit of what was there before, if the hub's next version may have been in its place by then")
    func unknownOrigin() throws {
        var calls = 0
        var count = 0
        while let world = try stopped(after: calls) {
            calls += 1
            let peer = world.sites[1]
            let isKnownToBeNext = peer.currentIndex.records[path]?.isPending == false
            guard peer.disk.node(at: path)?.kind.content == next, !isKnownToBeNext else { continue }
            count += 1
            write(own, on: peer, world)
            // Who goes back to the former version at the hub knows nothing of the peer's.
            write(former, on: world.hub, world)
            world.report(world.hub, all: true)
            world.start(peer)
            try world.calm()
            for site in world.sites { #expect(site.disk.contents == [former, own], "after \(calls) calls") }
        }
        #expect(count > 0)
    }
}
