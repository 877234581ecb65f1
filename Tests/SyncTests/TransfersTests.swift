import Testing
import Tree

@testable import Simulator
@testable import Sync

@Suite("Content on its way here")
struct TransfersTests {
    private let file = SimContent.digest(of: [1])
    private let chunks = (10..<30).map { Chunk(size: 64 << 10, digest: SimContent.digest(of: [$0])) }

    private func transfers() throws -> Transfers {
        var transfers = Transfers()
        transfers.add(MissingContent(path: try RelativePath("f"), file: file, list: false, chunks: chunks))
        return transfers
    }

    @Test("a chunk that is another one is asked for once more, and all that is asked for after it is in doubt")
    func doubt() throws {
        var transfers = try transfers()
        let wants = transfers.wants()
        #expect(wants.allSatisfy { !$0.isDoubted })
        #expect(wants.flatMap(\.chunks) == chunks.map(\.digest))
        for number in [2, 7] { transfers.doubt(chunk: chunks[number].digest, of: file) }
        #expect(!transfers.awaits(chunk: chunks[2].digest, of: file))
        let again = transfers.wants()
        #expect(again.allSatisfy { $0.isDoubted })
        #expect(again.flatMap(\.chunks) == [chunks[2].digest, chunks[7].digest])
        let ready = chunks.map { transfers.received(chunk: $0.digest, of: file).count }
        #expect(ready == Array(repeating: 0, count: 19) + [1])
        #expect(transfers.isEmpty)
    }

    @Test("what was asked for in doubt is not asked for again, nor what nobody wanted")
    func doubtOnce() throws {
        var transfers = try transfers()
        _ = transfers.wants()
        transfers.doubt(chunk: chunks[0].digest, of: file)
        let again = transfers.wants()
        #expect(again.count == 1)
        for (chunk, file) in [(chunks[0].digest, file), (file, file), (chunks[1].digest, chunks[1].digest)] {
            transfers.doubt(chunk: chunk, of: file)
        }
        let wants = transfers.wants()
        #expect(wants.isEmpty)
    }

    /// As many chunks as make up a large file, or a small one.
    private func chunks(_ seed: UInt8, _ count: Int) -> [Chunk] {
        (0..<count).map { Chunk(size: 64 << 10, digest: SimContent.digest(of: [seed, UInt8($0)])) }
    }

    @Test("what is small is asked for before the rest of what is large, also while that fills the window")
    func small() throws {
        var transfers = Transfers()
        transfers.add(
            MissingContent(path: try RelativePath("large"), file: file, list: false, chunks: chunks(1, 200)))
        let asked = transfers.wants().flatMap(\.chunks)
        #expect(asked.count == Int(Transfers.window) / (64 << 10))
        let small = SimContent.digest(of: [2])
        transfers.add(MissingContent(path: try RelativePath("s"), file: small, list: false, chunks: chunks(2, 1)))
        var wants = transfers.wants()
        #expect(wants.map(\.file) == [small])
        #expect(transfers.underway.left == 201 * 64 << 10)
        let ready = transfers.received(chunk: chunks(2, 1)[0].digest, of: small)
        #expect(ready.count == 1)
        _ = transfers.received(chunk: asked[0], of: file)
        wants = transfers.wants()
        #expect(wants.map(\.file) == [file])
        #expect(transfers.underway.done == 64 << 10)
    }

    @Test("what is asked for together is answered in pieces, and no file has all others wait")
    func pieces() throws {
        let world = World.undisturbed(peers: 1)
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        var supplier = Supplier()
        let large = SimContent(Array(0..<9), isBig: true)
        let other = SimContent([77], isBig: true)
        for (name, content) in [("large", large), ("other", other)] {
            world.write(
                world.hub, try RelativePath(name), .file(content, mode: Mode(rawValue: 0o644), mtime: time))
            let chunks = content.letters.map(SimContent.digest(ofChunk:))
            let isTaken = supplier.add(Want(file: content.digest, list: false, chunks: chunks))
            #expect(isTaken)
        }
        world.report(world.hub, all: true)
        let store = try #require(world.hub.store)
        supplier.sent(next: 1)
        var answers: [Supply<[UInt8]>] = []
        while let supply = try supplier.next(from: store) {
            supplier.sent(next: 1)
            answers.append(supply)
        }
        #expect(answers.prefix(3).map(\.file) == [large.digest, other.digest, large.digest])
        #expect(answers.allSatisfy { $0.chunks.count == 1 && !$0.isInVain })
        #expect(answers.count == 10)
    }

    @Test("content of what was gone before it could be sent goes with what has it now")
    func missed() throws {
        let world = World.undisturbed(peers: 1)
        let peer = world.sites[1]
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        let beside = try RelativePath("beside")
        let path = try RelativePath("f")
        func exchange() {
            for _ in 0..<4 {
                world.deliverUp(peer)
                world.settleHub()
                world.deliverDown(peer)
            }
        }
        world.report(world.hub, all: true)
        world.connect(peer)
        exchange()
        let session = try #require(world.connections[peer.name]?.session)
        #expect(peer.peer?.isLive == true)
        world.hub.hub?.writable(session, false)
        let content = SimDisk.Kind.file(SimContent([7]), mode: Mode(rawValue: 0o644), mtime: time)
        world.write(world.hub, beside, content)
        world.report(world.hub, all: true)
        world.remove(world.hub, beside)
        world.write(world.hub, path, content)
        world.report(world.hub, all: true)
        world.hub.hub?.writable(session, true)
        world.settleHubSometimes()
        // The hub hears no question.
        for _ in 0..<4 { world.deliverDown(peer) }
        #expect(peer.disk.node(at: path)?.kind == content)
    }
}
