import Testing
import Tree

@testable import Simulator
@testable import Sync

@Suite("A hub whose own folder has not been looked at yet")
struct UnknownFolderTests {
    @Test("sends its feed, and tells nobody that this is all before it is")
    func sendsItsFeed() throws {
        let path = try RelativePath("f")
        let file = SimDisk.Kind.file(
            SimContent([7]), mode: Mode(rawValue: 0o644), mtime: Timestamp(seconds: 1, nanoseconds: 0))
        let world = World.undisturbed(peers: 1)
        let peer = world.sites[1]
        world.hub.hub?.isFolderKnown = false
        world.write(world.hub, path, file)
        world.report(world.hub, all: true)
        exchange(with: peer, world)
        #expect(peer.disk.node(at: path)?.kind == file)
        #expect(peer.peer?.isLive == false)
        if let actions = try world.hub.hub?.folderIsKnown() { world.perform(actions) }
        exchange(with: peer, world)
        #expect(peer.peer?.isLive == true)
    }

    private func exchange(with peer: World.Site, _ world: World) {
        world.connect(peer)
        for _ in 0..<4 {
            world.deliverUp(peer)
            world.settleHub()
            world.deliverDown(peer)
        }
    }
}
