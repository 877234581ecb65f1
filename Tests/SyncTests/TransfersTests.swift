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
}
