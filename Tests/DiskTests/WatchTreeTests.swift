import Testing
import Tree

@testable import Disk

@Suite struct WatchTreeTests {
    @Test func `A directory's place is found anew when it, or one above it, has moved`() throws {
        var tree = WatchTree()
        for (watch, place) in [(1, nil), (2, "d"), (3, "d/e")] as [(Int32, String?)] {
            let isIn = tree.insert(watch, at: try place.map { try RelativePath($0) })
            #expect(isIn)
        }
        var place = tree.location(of: 3)
        #expect(place == .at(try RelativePath("d/e")))
        let moving = tree.detach(Array("d".utf8), of: 1)
        #expect(moving == 2)
        place = tree.location(of: 3)
        #expect(place == .nowhere)
        let isBack = tree.insert(2, at: try RelativePath("f"))
        #expect(isBack)
        place = tree.location(of: 3)
        #expect(place == .at(try RelativePath("f/e")))
        tree.remove(3)
        place = tree.location(of: 3)
        #expect(place == .nowhere)
    }
}
