import Sync
import Testing
import Tree

@testable import Simulator

@Suite("A conflict copy that is in conflict itself")
struct CopyOfCopyTests {
    private let world: World

    init() {
        world = World.undisturbed(peers: 1)
    }

    private func copy(of content: SimContent, by author: String) throws -> RelativePath {
        let digest = content.digest
        return try #require(ConflictName.path(for: try RelativePath("f"), author: author, digest: digest, digits: 8))
    }

    private func write(_ content: SimContent, at path: RelativePath, on site: World.Site) {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        world.write(site, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
    }

    /// Everybody has a file and a conflict copy with `kept` in it. The peer makes a directory with `mine` of the file, and
    /// what is left to do at the hub is to rename the copy to it.
    private func beginRenaming(
        _ kept: SimContent, _ mine: SimContent
    ) throws -> (path: RelativePath, copy: RelativePath) {
        let (path, copy) = (try RelativePath("f"), try copy(of: kept, by: "hub"))
        write(SimContent([3]), at: path, on: world.hub)
        write(kept, at: copy, on: world.hub)
        try world.calm()
        world.remove(world.sites[1], path)
        write(mine, at: try RelativePath("f/x"), on: world.sites[1])
        return (path, copy)
    }

    @Test("is not taken for the copy that is kept of it")
    func keepsLocal() throws {
        let (mine, other) = (SimContent([1]), SimContent([2]))
        let path = try copy(of: mine, by: "p1")
        write(mine, at: path, on: world.sites[1])
        write(other, at: path, on: world.hub)
        try world.calm()
        for site in world.sites { #expect(site.disk.contents == [mine, other]) }
    }

    @Test("is kept beside a directory that takes its name")
    func keepsRemote() throws {
        let (mine, other) = (SimContent([1]), SimContent([2]))
        let path = try copy(of: other, by: "hub")
        write(other, at: path, on: world.hub)
        write(mine, at: try RelativePath(path.bytes + Array("/x".utf8)), on: world.sites[1])
        try world.calm()
        for site in world.sites { #expect(site.disk.contents == [mine, other]) }
    }

    @Test("does not count as kept where it was renamed to the name that a directory takes")
    func keepsRenamed() throws {
        let (kept, mine) = (SimContent([1]), SimContent([2]))
        let (path, copy) = try beginRenaming(kept, mine)
        // The peer hears of the one half of the rename and that it has lost, and then of the other half.
        write(kept, at: path, on: world.hub)
        world.report(world.hub, all: true)
        world.report(world.sites[1], all: true)
        while world.connections["p1"]?.up.isEmpty == false { world.deliverUp(world.sites[1]) }
        world.settleHub()
        while world.connections["p1"]?.down.isEmpty == false { world.deliverDown(world.sites[1]) }
        world.remove(world.hub, copy)
        world.report(world.hub, all: true)
        world.judgeDeletions(world.hub)
        try world.calm()
        for site in world.sites { #expect(site.disk.contents == [kept, mine]) }
    }

    @Test("does not count as kept either where both halves of that come at once")
    func keepsRenamedAtOnce() throws {
        let (kept, mine) = (SimContent([1]), SimContent([2]))
        let (path, copy) = try beginRenaming(kept, mine)
        write(kept, at: path, on: world.hub)
        world.remove(world.hub, copy)
        world.report(world.hub, all: true)
        world.judgeDeletions(world.hub)
        // The peer hears of both before it has looked at its own directory.
        let (peer, connection) = (world.sites[1], try #require(world.connections["p1"]))
        let messages = connection.down
        connection.down = []
        world.run(peer) { () throws(StoreFailure) in
            if let actions = try peer.peer?.received(messages) { world.perform(actions, of: peer) }
        }
        #expect(peer.currentIndex.cursor == world.hub.currentIndex.cursor)
        try world.calm()
        for site in world.sites { #expect(site.disk.contents == [kept, mine]) }
    }

    @Test("is kept, or the file itself is, where somebody deletes the copy while the file goes as its duplicate")
    func keepsOneOfTwo() throws {
        let (kept, other) = (SimContent([1]), SimContent([2]))
        let (peer, path, copy) = (world.sites[1], try RelativePath("f"), try copy(of: kept, by: "p1"))
        write(SimContent([3]), at: path, on: world.hub)
        write(kept, at: copy, on: world.hub)
        try world.calm()
        world.beforeRemoval = { [world] removed in
            guard removed == path, peer.disk.node(at: copy) != nil else { return }
            world.remove(peer, copy)
        }
        write(kept, at: path, on: peer)
        write(other, at: path, on: world.hub)
        try world.calm()
        #expect(peer.disk.node(at: copy)?.kind.content == kept)
        for site in world.sites { #expect(site.disk.contents == [kept, other]) }
    }
}
