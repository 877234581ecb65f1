import Sync
import Testing
import Tree

@testable import Simulator

@Suite("What waits for what waits for it")
struct MutualWaitTests {
    private let world = World.undisturbed(peers: 1)
    private let mine = SimContent([1])
    private let theirs = SimContent([2])

    private func file(_ content: SimContent) -> SimDisk.Kind {
        .file(content, mode: Mode(rawValue: 0o644), mtime: Timestamp(seconds: 1, nanoseconds: 0))
    }

    @Test("A file in the place of a directory that went and came again gives way to what is in there")
    func fileOverDirectory() throws {
        let (directory, inside) = (try RelativePath("d"), try RelativePath("d/f"))
        let peer = world.sites[1]
        world.write(peer, directory, file(mine))
        world.hub.disk.stage([theirs])
        peer.disk.stage([theirs])
        let made = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
        let theirFile = try #require(SimDisk.entry(of: SimDisk.Node(inode: 0, ctime: 0, kind: file(theirs))))
        var index = SimIndex()
        index.records[directory] = Record(
            path: directory, base: Version(revision: Revision(rawValue: 1), entry: made),
            remote: Version(revision: Revision(rawValue: 3), entry: made), author: "hub")
        index.records[inside] = Record(
            path: inside, remote: Version(revision: Revision(rawValue: 4), entry: theirFile), author: "hub")
        world.stop(peer, powerFails: false)
        peer.begin(with: index)
        let store = SimStore(peer, world)
        var reconciler = Reconciler(store: store, name: peer.name)
        #expect(try reconciler.reconcile(inside) == .settled)
        #expect(peer.disk.node(at: inside)?.kind.content == theirs)
        #expect(peer.disk.contents == [mine, theirs])
    }

    @Test("What is inside comes when nothing is in the place of its directory any more")
    func directoryOverFifo() throws {
        let (directory, inside) = (try RelativePath("d"), try RelativePath("d/f"))
        let (hub, peer) = (world.hub, world.sites[1])
        world.write(hub, directory, .directory(Mode(rawValue: 0o755)))
        try world.calm()
        // Nobody tells of the fifo, which is met when what comes is to be put there.
        world.remove(hub, directory)
        hub.disk.set(.fifo, at: directory)
        hub.disk.events[directory] = nil
        world.write(peer, inside, file(mine))
        world.report(peer, all: true)
        world.exchange(with: peer)
        world.settleHub()
        #expect(hub.disk.node(at: directory)?.kind == .fifo)
        hub.disk.set(nil, at: directory)
        world.report(hub, all: true)
        #expect(hub.disk.node(at: inside)?.kind.content == mine)
    }

    @Test("A file in the place of a directory gives way, though that could not be looked at in between")
    func unreadableBetween() throws {
        let (directory, inside) = (try RelativePath("d"), try RelativePath("d/f"))
        let (hub, peer) = (world.hub, world.sites[1])
        world.write(hub, directory, .directory(Mode(rawValue: 0o755)))
        try world.calm()
        world.remove(peer, directory)
        world.write(peer, directory, file(mine))
        peer.disk.events[directory] = nil
        world.write(hub, inside, file(theirs))
        world.report(hub, all: true)
        peer.disk.unreadable = [directory]
        world.exchange(with: peer)
        #expect(peer.disk.node(at: directory)?.kind.content == mine)
        peer.disk.unreadable = []
        peer.disk.events[directory] = false
        world.report(peer, all: true)
        world.exchange(with: peer)
        for site in world.sites {
            #expect(site.disk.node(at: inside)?.kind.content == theirs)
            #expect(site.disk.contents == [mine, theirs])
        }
    }
}
