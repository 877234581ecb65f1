import Testing
import Tree

@testable import Disk

@Suite struct OwnPlacementsTests {
    private let scratch: Scratch
    private let root: Root
    private let file: RelativePath
    private let placements = OwnPlacements()

    init() throws {
        scratch = try Scratch()
        scratch.shell("echo 1 > f")
        root = try scratch.root()
        file = try path("f")
    }

    private func note(events: Int) throws {
        placements.note(file, try root.status(of: file).fingerprint, events: events)
    }

    private func isExplained() -> Bool { placements.explain(file, try? root.status(of: file)) }

    @Test(arguments: [1, 2]) func `As many events are explained as a placement makes`(events: Int) throws {
        try note(events: events)
        for _ in 0..<events { #expect(isExplained()) }
        #expect(!isExplained())
    }

    @Test(arguments: ["echo 22 > f", "rm f", "mv f g; mv g f", "echo 2 > g; mv g f"])
    func `What others did since then is told of, and the placement with it`(script: String) throws {
        try note(events: 2)
        scratch.shell(script)
        #expect(!isExplained())
        #expect(!isExplained())
    }
}
