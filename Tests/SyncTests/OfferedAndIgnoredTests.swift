import Testing
import Tree

@testable import Simulator

@Suite("What is ignored before its offer is answered")
struct OfferedAndIgnoredTests {
    @Test("counts as unseen: gone when the rules go, it was not deleted")
    func isNotDeleted() throws {
        let path = try RelativePath("a")
        let world = World.undisturbed(peers: 1)
        try world.calm()
        let peer = world.sites[1]
        let name = Array("a".utf8)
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        world.write(peer, path, .file(SimContent([1]), mode: Mode(rawValue: 0o644), mtime: time))
        // Offered, and not heard of yet.
        world.report(peer, all: true)
        peer.disk.ignored = [name]
        world.run(peer) { () throws(StoreFailure) in try world.scan(peer, isThorough: true) }
        world.remove(peer, path)
        world.report(peer, all: true)
        peer.disk.ignored = []
        world.run(peer) { () throws(StoreFailure) in try world.scan(peer, isThorough: true) }
        try world.calm()
        for site in world.sites { #expect(site.disk.node(at: path)?.kind.content == SimContent([1])) }
    }
}
