import Testing
import Tree

@testable import Simulator

@Suite("What is made in the place of a file that the hub has and ignores")
struct RefusedWithoutContentTests {
    private let world = World.undisturbed(peers: 1, faults: FaultSet([.rules]))

    @Test("does not replace it when the hub ignores it no longer: both are kept")
    func isDecidedAnew() throws {
        let (hub, peer) = (world.hub, world.sites[1])
        let path = try RelativePath("b")
        write(SimContent([1]), at: path, on: hub)
        world.report(hub, all: true)
        world.stop(hub, powerFails: false)
        hub.disk.ignored = [Array("b".utf8)]

        write(SimContent([2]), at: try RelativePath("b/a"), on: peer)
        for _ in 0..<60 {
            world.start(hub)
            for site in world.sites {
                world.report(site, all: true)
                world.retry(site)
            }
            world.connect(peer)
            world.deliverUp(peer)
            world.deliverDown(peer)
        }
        #expect(hub.disk.node(at: path)?.kind.content == SimContent([1]))

        // The rules go with all else that stood in the way.
        try world.calm()
        for site in world.sites {
            #expect(site.disk.contents.isSuperset(of: [SimContent([1]), SimContent([2])]))
        }
    }

    private func write(_ content: SimContent, at path: RelativePath, on site: World.Site) {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        world.write(site, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
    }
}
