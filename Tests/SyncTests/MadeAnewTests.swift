import Testing
import Tree

@testable import Simulator

@Suite("What went and came again while a replica was away")
struct MadeAnewTests {
    @Test("stays, though it was deleted there, where nobody has seen the new one")
    func beatsDelete() throws {
        let path = try RelativePath("f")
        let file = SimDisk.Kind.file(
            SimContent([7]), mode: Mode(rawValue: 0o644), mtime: Timestamp(seconds: 1, nanoseconds: 0))
        let world = World.undisturbed(peers: 1)
        world.write(world.hub, path, file)
        try world.calm()
        let peer = world.sites[1]
        world.stop(peer, powerFails: false)
        world.remove(world.hub, path)
        world.report(world.hub, all: true)
        world.judgeDeletions(world.hub)
        world.write(world.hub, path, file)
        world.report(world.hub, all: true)
        world.remove(peer, path)
        try world.calm()
        for site in world.sites { #expect(site.disk.node(at: path)?.kind == file) }
    }
}
