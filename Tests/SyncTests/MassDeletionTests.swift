import Sync
import Testing
import Tree

@testable import Simulator

@Suite("A mass deletion")
struct MassDeletionTests {
    private let world: World = .undisturbed(peers: 1, faults: FaultSet([.massDeletion]))
    private var peer: World.Site { world.sites[1] }
    private let paths: [RelativePath]

    /// A tree at rest with one file more than may go.
    init() throws {
        guard case .count(let limit) = world.deletionLimit else { throw Unlimited() }
        paths = try (0...limit).map { try RelativePath("f\($0)") }
        for (number, path) in paths.enumerated() { write(number, at: path) }
        try world.calm()
        beginWindows()
    }

    private struct Unlimited: Error {}

    private func write(_ number: Int, at path: RelativePath) {
        let time = Timestamp(seconds: Int64(number), nanoseconds: 0)
        world.write(peer, path, .file(SimContent([UInt8(number)]), mode: Mode(rawValue: 0o644), mtime: time))
    }

    private func beginWindows() {
        peer.peer?.beginDeletionWindow()
        world.hub.hub?.beginDeletionWindow()
    }

    private func exchange() {
        for _ in 0..<10 {
            world.deliverUp(peer)
            world.deliverDown(peer)
        }
    }

    private var hasAll: Bool { paths.allSatisfy { world.order.tree[$0]?.isLive == true } }

    @Test("that is seen piece by piece goes as a whole or not at all")
    func isOne() {
        for path in paths {
            world.remove(peer, path)
            world.report(peer, all: true)
            exchange()
            #expect(hasAll)
        }
        world.judgeDeletions(peer)
        exchange()
        #expect(hasAll)
        #expect(peer.peer?.heldDeletions?.count == paths.count)
    }

    @Test("is none below the limit, and goes when no further deletion comes")
    func isFew() {
        for path in paths.dropFirst() { world.remove(peer, path) }
        world.report(peer, all: true)
        exchange()
        #expect(hasAll)
        world.judgeDeletions(peer)
        exchange()
        #expect(world.order.tree.filter(\.value.isLive).map(\.key) == [paths[0]])
    }

    @Test("that is none goes at once, before anything else is looked at, even if somebody could be sent more")
    func isFewAtOnce() throws {
        let session = try #require(world.connections[peer.name]?.session)
        world.hub.hub?.writable(session, false)
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        world.write(
            world.hub, try RelativePath("g"), .file(SimContent([99]), mode: Mode(rawValue: 0o644), mtime: time))
        for path in paths.dropFirst() { world.remove(world.hub, path) }
        world.report(world.hub, all: true)
        world.hub.hub?.writable(session, true)
        #expect(world.hub.hub?.waitingDeletions == paths.count - 1)
        _ = try world.hub.hub?.judgeDeletions()
        for path in paths.dropFirst() { #expect(world.hub.currentIndex.records[path]?.remote.entry == .tombstone) }
    }

    @Test("is none where all of it comes anew under other names, and does not wait")
    func isMoved() throws {
        for (number, path) in paths.enumerated() {
            write(number, at: try RelativePath("g\(number)"))
            world.remove(peer, path)
        }
        world.report(peer, all: true)
        exchange()
        #expect(!paths.contains { world.order.tree[$0]?.isLive == true })
    }

    @Test("that somebody takes back stays so where nobody has the content: it asks again, also after a restart")
    func isDisputed() throws {
        for path in paths { world.remove(peer, path) }
        world.report(peer, all: true)
        world.judgeDeletions(peer)
        // The hub has not seen that this one is gone there as well.
        world.remove(world.hub, paths[0])
        world.run(peer) { () throws(StoreFailure) in
            if let actions = try peer.peer?.revertDeletions() { world.perform(actions, of: peer) }
        }
        exchange()
        #expect(peer.disk.nodes.keys.sorted() == Array(paths.dropFirst()))
        #expect(peer.peer?.heldDeletions?.count == 1)

        world.stop(peer, powerFails: false)
        world.start(peer)
        world.connect(peer)
        exchange()
        world.judgeDeletions(peer)
        exchange()
        #expect(hasAll)
        #expect(peer.peer?.heldDeletions?.count == 1)
    }
}
