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
}
