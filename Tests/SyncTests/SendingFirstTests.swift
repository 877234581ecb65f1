import Sync
import Testing
import Tree

@testable import Simulator

@Suite("While more of its folder is to be looked at, a hub")
struct SendingFirstTests {
    /// Of files each of which fills a message.
    private let world = World.undisturbed(peers: 1, scale: 300_000)

    /// Writes files and tells the hub of them, which does one step.
    ///
    /// - Returns: The paths of what it sends.
    private func step(_ paths: [String]) throws -> [String] {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        let all = try paths.map { try RelativePath($0) }
        for path in all {
            let content = SimContent(Array(path.bytes.prefix(1)))
            world.write(world.hub, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
        }
        world.hub.disk.events = [:]
        let actions = try world.hub.hub?.changed(all.map { Dirty(path: $0, rereading: false) }) ?? []
        world.hub.hub?.resumed()
        return actions.flatMap { action in
            guard case .send(.changes(let deliveries, _, _), _) = action else { return [String]() }
            return deliveries.map { "\($0.change.path)" }
        }
    }

    @Test("first sends what was found so far, which keeps those who follow busy meanwhile")
    func sendsFirst() throws {
        world.connect(world.sites[1])
        try world.calm()
        #expect(try step(["a", "b", "c"]) == ["a"])
        #expect(try step(["later"]) == ["b"])
        #expect(world.hub.currentIndex.cursor.revision == Revision(rawValue: 3))
        #expect(try step([]) == ["c"])
        #expect(try step([]) == ["later"])
    }

    @Test("looks at it before long, even if somebody is far behind")
    func looksBeforeLong() throws {
        world.connect(world.sites[1])
        try world.calm()
        #expect(try step("ABCDEFGHIJKLMNOPQRSTUVWX".map { "\($0)" }) == ["A"])
        var sent = try step(["later"])
        while world.hub.currentIndex.cursor.revision < Revision(rawValue: 25) { sent += try step([]) }
        #expect(sent.count > 4 && sent.count < 12)
    }
}
