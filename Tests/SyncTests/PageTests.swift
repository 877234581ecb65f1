import Sync
import Testing
import Tree

@testable import Simulator

@Suite("A page of the feed from which superseded changes are left out")
struct PageTests {
    private func write(_ world: World, _ path: String, _ content: UInt8) throws {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        let file = SimDisk.Kind.file(SimContent([content]), mode: Mode(rawValue: 0o644), mtime: time)
        world.write(world.hub, try RelativePath(path), file)
        world.report(world.hub, all: true)
    }

    @Test("tells the peer of the revision that superseded them: a hub set back to before it is another order")
    func tellsNewest() throws {
        // Each file fills a page.
        let world = World.undisturbed(peers: 1, scale: 300_000)
        let peer = world.sites[1]
        try write(world, "a", 1)
        try world.calm()
        world.cut(peer)
        try write(world, "a", 2)
        try write(world, "b", 3)
        world.backUp(world.hub)
        let last = world.hub.currentIndex.cursor.revision

        world.connect(peer)
        let connection = try #require(world.connections[peer.name])
        let session = connection.session
        world.hub.hub?.writable(session, false)
        while world.connections[peer.name]?.up.isEmpty == false { world.deliverUp(peer) }
        try write(world, "a", 4)
        world.hub.hub?.writable(session, true)
        world.settleHubSometimes()
        while peer.currentIndex.cursor.revision < last {
            try #require(!connection.down.isEmpty)
            let message = connection.down.removeFirst()
            world.run(peer) { () throws(StoreFailure) in
                if let actions = try peer.peer?.received([message]) { world.perform(actions, of: peer) }
            }
        }
        #expect(peer.currentIndex.cursor.revision == last)
        #expect(peer.currentIndex.cursor.known.revision == world.hub.currentIndex.cursor.revision)

        world.restore(world.hub, withTree: true)
        try world.calm()
        #expect(peer.disk.entries == world.hub.disk.entries)
    }
}
