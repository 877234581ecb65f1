import Testing
import Tree

@testable import Simulator

@Suite("A replica that was copied, state and all")
struct CopiedReplicaTests {
    @Test("becomes another one than the copy, and both are heard")
    func bothAreHeard() throws {
        let world = World.undisturbed(peers: 1, faults: FaultSet([.clonedPeer]))
        try world.calm()
        let peer = world.sites[1]
        world.clone(peer)
        let twin = world.sites[2]
        #expect(peer.replica == twin.replica)
        var connections = 0
        for number in UInt8(1)...4 {
            for (site, content) in [(peer, SimContent([number])), (twin, SimContent([number + 100]))] {
                let time = Timestamp(seconds: 1, nanoseconds: 0)
                let path = try RelativePath("\(site.name)-\(number)")
                world.write(site, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
                world.report(site, all: true)
            }
            for _ in 0..<20 {
                for site in [peer, twin] {
                    if world.connections[site.name] == nil { connections += 1 }
                    world.connect(site)
                    world.deliverUp(site)
                    world.deliverDown(site)
                }
            }
        }
        #expect(peer.replica != twin.replica)
        // One of them was sent away once, and no other time.
        #expect(connections <= 3)
        for site in world.sites { #expect(site.disk.contents.count == 8) }
    }
}
