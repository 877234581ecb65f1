import Sync
import Testing
import Tree

@testable import Simulator

@Suite("An accepted file that nobody has any more")
struct LackingTests {
    private let path: RelativePath
    private let content = SimContent([7])
    private let world: World

    /// A hub that was to put a file in place and has no content for it, and a peer that knows nothing.
    init() throws {
        path = try RelativePath("f")
        var options = SimulationOptions(seed: 1, mode: .liveness, faults: [])
        options.peers = 1
        options.hasReader = false
        options.isSolo = false
        options.interludes = 1_000_000
        world = World(options)
        for site in world.sites { world.start(site) }
        write(content, at: path, on: world.hub)
        try world.calm()
        for site in world.sites.reversed() {
            world.stop(site, powerFails: false)
            world.remove(site, path)
            site.disk.losePrivateState()
        }
        var index = world.hub.currentIndex
        index.records[path]?.base = .never
        index.records[path]?.fingerprint = nil
        world.hub.begin(with: index)
        world.sites[1].begin(with: SimIndex())
        world.ledger.hasMerged = true
        try world.calm()
    }

    private func write(_ content: SimContent, at path: RelativePath, on site: World.Site) {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        world.write(site, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
    }

    @Test("is known to be lacking, and nothing moves any more")
    func isAtRest() throws {
        for site in world.sites { #expect(site.lacking(at: path) == [path]) }
        try world.checkConvergence()
        let before = world.happenings
        for _ in 0..<20 {
            try world.round()
            for site in world.sites { world.retry(site) }
        }
        #expect(world.happenings == before)
    }

    @Test("comes to everybody as soon as its content is anywhere again", arguments: [0, 1])
    func isFound(site: Int) throws {
        write(content, at: try RelativePath("g"), on: world.sites[site])
        try world.calm()
        for site in world.sites {
            #expect(site.disk.node(at: path)?.kind.content == content)
            #expect(site.lacking(at: path).isEmpty)
        }
    }

    @Test("gives way to a directory that somebody makes in its place", arguments: [0, 1])
    func givesWay(site: Int) throws {
        let inside = try RelativePath("f/x")
        write(SimContent([8]), at: inside, on: world.sites[site])
        try world.calm()
        for site in world.sites { #expect(site.disk.node(at: inside)?.kind.content == SimContent([8])) }
    }
}
