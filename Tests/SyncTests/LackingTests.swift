import Sync
import Testing
import Tree

@testable import Simulator

@Suite("An accepted file that nobody has any more")
struct LackingTests {
    private let path: RelativePath
    private let content = SimContent([7])
    private let world: World

    /// A hub that was to put a file in place and has no content for it, a peer that knows nothing, and one that is away
    /// and has it.
    init() throws {
        path = try RelativePath("d/f")
        world = World.undisturbed(peers: 2)
        write(content, at: path, on: world.hub)
        try world.calm()
        for site in world.sites.reversed() { world.stop(site, powerFails: false) }
        for site in world.sites.dropLast() {
            world.remove(site, path)
            site.disk.losePrivateState()
        }
        var index = world.hub.currentIndex
        index.records[path]?.base = .never
        index.records[path]?.fingerprint = nil
        world.hub.begin(with: index)
        world.sites[1].begin(with: SimIndex())
        world.ledger.hasMerged = true
        turn(60)
    }

    /// So many rounds without the peer that is away.
    private func turn(_ rounds: Int) {
        let peer = world.sites[1]
        for _ in 0..<rounds {
            for site in [world.hub, peer] {
                world.start(site)
                world.report(site, all: true)
                world.retry(site)
            }
            world.connect(peer)
            world.deliverUp(peer)
            world.deliverDown(peer)
        }
    }

    private func write(_ content: SimContent, at path: RelativePath, on site: World.Site) {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        world.write(site, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
    }

    @Test("is known to be lacking, and nothing moves any more")
    func isAtRest() {
        for site in world.sites.dropLast() { #expect(site.lacking(at: path) == [path]) }
        let before = world.happenings
        turn(20)
        #expect(world.happenings == before)
    }

    @Test("comes to everybody when a peer comes back that has it")
    func isBroughtBack() throws {
        try world.calm()
        expectFound()
    }

    @Test(
        "comes to everybody as soon as its content is anywhere again, under its own name or another",
        arguments: [0, 1], ["f", "g"])
    func isFound(site: Int, name: String) throws {
        write(content, at: try RelativePath(name), on: world.sites[site])
        turn(60)
        expectFound()
    }

    @Test("comes to a hub that nobody is connected to as soon as it has the content under another name")
    func isFoundAlone() throws {
        world.cut(world.sites[1])
        write(content, at: try RelativePath("g"), on: world.hub)
        world.report(world.hub, all: true)
        #expect(world.hub.disk.node(at: path)?.kind.content == content)
        #expect(world.hub.lacking(at: path).isEmpty)
    }

    private func expectFound() {
        for site in world.sites {
            #expect(site.disk.node(at: path)?.kind.content == content)
            #expect(site.lacking(at: path).isEmpty)
        }
    }

    @Test("gives way to a directory that somebody makes in its place, and that waits for nobody", arguments: [0, 1])
    func givesWay(site: Int) throws {
        let inside = try RelativePath("d/f/x")
        write(SimContent([8]), at: inside, on: world.sites[site])
        turn(60)
        for site in world.sites.dropLast() { #expect(site.disk.node(at: inside)?.kind.content == SimContent([8])) }
        try world.calm()
        for site in world.sites { #expect(site.disk.node(at: inside)?.kind.content == SimContent([8])) }
    }

    @Test("keeps nobody from what is made in the place of its directory", arguments: [0, 1])
    func doesNotHoldBackWhatReplacesItsDirectory(site: Int) throws {
        let directory = try RelativePath("d")
        world.remove(world.sites[site], directory)
        write(SimContent([8]), at: directory, on: world.sites[site])
        turn(60)
        for site in world.sites.dropLast() {
            #expect(site.disk.isDirectory(directory))
            #expect(site.disk.contents.contains(SimContent([8])))
        }
    }

    @Test("keeps nobody from what is made in the directory that it replaces", arguments: [0, 1])
    func doesNotHoldBackWhatIsInItsPlace(number: Int) throws {
        let site = world.sites[number]
        world.stop(site, powerFails: false)
        let mode = Mode(rawValue: 0o755)
        site.disk.set(.directory(mode), at: path)
        var index = site.currentIndex
        index.records[path]?.base = Version(
            revision: Revision(rawValue: 1), entry: .directory(Entry.Directory(mode: mode)))
        site.begin(with: index)
        let inside = try RelativePath("d/f/x")
        write(SimContent([8]), at: inside, on: site)
        turn(60)
        for site in world.sites.dropLast() { #expect(site.disk.node(at: inside)?.kind.content == SimContent([8])) }
    }

    @Test("is known to be lacking wherever it belongs, whichever of these somebody was asked on behalf of last")
    func isLackingElsewhere() throws {
        world.stop(world.hub, powerFails: false)
        let (hub, peer) = (world.hub, world.sites[1])
        let other = try RelativePath("d/g")
        var index = hub.currentIndex
        let first = try #require(index.records[path])
        let revision = index.cursor.revision.next
        index.records[other] = Record(
            path: other, remote: Version(revision: revision, entry: first.remote.entry), author: first.author)
        index.cursor = Cursor(
            epoch: index.cursor.epoch, revision: revision,
            known: Mark(revision: revision, term: index.cursor.known.term))
        hub.begin(with: index)
        for site in [hub, peer] { world.start(site) }
        // One connection has gone without an answer, and nobody knows yet; the other one has none.
        world.connect(peer)
        world.deliverUp(peer)
        world.abandon(peer)
        meet(peer)
        #expect(hub.lacking(at: other).isEmpty)
        hub.disk.events[path] = true
        world.report(hub, all: true)
        world.close(stale: try #require(world.stale.first))
        meet(peer)
        for path in [path, other] { #expect(hub.lacking(at: path) == [path]) }
    }

    private func meet(_ peer: World.Site) {
        world.connect(peer)
        world.exchange(with: peer)
    }

    @Test("is known to be lacking when the last of those who were asked goes without an answer")
    func isAskedOfOneWhoGoes() throws {
        world.stop(world.hub, powerFails: false)
        let peer = world.sites[1]
        for site in [world.hub, peer] { world.start(site) }
        world.connect(peer)
        world.deliverUp(peer)
        world.abandon(peer)
        turn(20)
        #expect(world.hub.lacking(at: path).isEmpty)
        world.close(stale: try #require(world.stale.first))
        #expect(world.hub.lacking(at: path) == [path])
    }
}
