import Sync
import Testing
import Tree

@testable import Simulator

@Suite("The content of what the hub has accepted and can't place")
struct AcceptedContentTests {
    private let path: RelativePath
    private let first = SimContent([7])
    private let world = World.undisturbed(peers: 1, faults: FaultSet([.specialFile]))

    private var hub: World.Site { world.hub }
    private var peer: World.Site { world.sites[1] }

    /// A hub that has accepted a peer's file where something is that is not mirrored.
    init() throws {
        path = try RelativePath("a")
        hub.disk.set(.fifo, at: path)
        world.report(hub, all: true)
        world.connect(peer)
        world.exchange(with: peer)
        write(first, seconds: 1)
        world.exchange(with: peer)
        #expect(hub.currentIndex.records[path]?.remote.revision == Revision(rawValue: 1))
    }

    private func write(_ content: SimContent, seconds: Int64) {
        let time = Timestamp(seconds: seconds, nanoseconds: 0)
        world.write(peer, path, .file(content, mode: Mode(rawValue: 0o644), mtime: time))
        world.report(peer, all: true)
    }

    /// The peer has gone, and the way is clear.
    private func clearWay() {
        world.cut(peer)
        hub.disk.set(nil, at: path)
        world.report(hub, all: true)
        world.retry(hub)
    }

    @Test("is still there when the peer has begun to offer the next version, and goes before its content has come")
    func outlivesAnOffer() {
        write(SimContent([8, 9], isBig: true), seconds: 2)
        world.deliverUp(peer)
        clearWay()
        #expect(hub.disk.node(at: path)?.kind.content == first)
    }

    @Test("is still there when the same is offered with another time, also after a restart", arguments: [false, true])
    func outlivesAnotherTime(isRestarted: Bool) {
        write(first, seconds: 2)
        world.deliverUp(peer)
        #expect(hub.currentIndex.records[path]?.remote.revision == Revision(rawValue: 2))
        if isRestarted {
            world.stop(hub, powerFails: true)
            world.start(hub)
        }
        clearWay()
        #expect(hub.disk.node(at: path)?.kind.content == first)
    }

    @Test("is still there when somebody's request is declined that would have replaced it")
    func outlivesARequest() throws {
        let mode = Mode(rawValue: 0o644)
        let next = SimContent([8])
        let file = Entry.File(
            size: next.size, digest: next.digest, mode: mode, mtime: Timestamp(seconds: 3, nanoseconds: 0))
        let replacement = Submission(path: path, base: Revision(rawValue: 1), entry: .file(file))
        let outdated = Submission(
            path: try RelativePath("b"), base: Revision(rawValue: 9), entry: .directory(Entry.Directory(mode: mode)))
        let outcome = try hub.hub?.request(
            [replacement, outdated], content: [next.digest: next.letters], by: "somebody")
        #expect(outcome == .declined(outdated.path, .lost(.zero)))
        clearWay()
        #expect(hub.disk.node(at: path)?.kind.content == first)
    }
}
