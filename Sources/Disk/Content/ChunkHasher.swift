internal import Synchronization
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Takes the digests of a large file's chunks, of which the thread that reads it finds the ends: there, and beside it on
/// helpers' threads. Hashing is more than half of the work, and the digests do not depend on each other.
final class ChunkHasher: Sendable {
    /// A piece of a file that begins with a chunk. One thread has it at a time.
    final class Block: Sendable {
        nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer
        /// The sizes of its chunks, from the start.
        nonisolated(unsafe) var cuts: [Int] = []
        /// Which of the file's pieces it is.
        nonisolated(unsafe) fileprivate var number = 0

        init(byteCount: Int) {
            bytes = .allocate(byteCount: byteCount, alignment: 4096)
        }

        deinit {
            bytes.deallocate()
        }
    }

    private struct State {
        var free: [Block] = []
        var waiting: [Block] = []
        /// By number of the block.
        var chunks: [[Chunk]] = []
        var isEnded = false
        var helpers: [Thread] = []
    }

    /// Cutting takes about half as long as hashing, so that more could not be kept busy; none where they would only take
    /// turns with the reader.
    static let usefulHelpers = min(2, max(0, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1))

    private let state: Mutex<State>
    private let wakeUp = Semaphore()

    /// - Parameters:
    ///   - blockSize: In bytes.
    ///   - helpers: Threads; as many of them as there can be.
    init(blockSize: Int, helpers: Int) {
        var state = State()
        // One in each helper's hands, one for the reader to go on with, and one in between.
        if helpers > 0 { state.free = (0..<(helpers + 2)).map { _ in Block(byteCount: blockSize) } }
        self.state = Mutex(state)
        for _ in 0..<helpers {
            guard let helper = try? Thread({ [self] in help() }) else { break }
            self.state.withLock { $0.helpers.append(helper) }
        }
    }

    /// Takes a block that was cut, and hands out one to go on with, which begins with the bytes that were not.
    func next(after block: Block, keeping rest: Range<Int>) -> Block {
        let next = spare() ?? block
        if next === block { hash(number(block)) }
        let kept = UnsafeRawBufferPointer(rebasing: block.bytes[rest])
        UnsafeMutableRawBufferPointer(rebasing: next.bytes[0..<kept.count]).copyMemory(from: kept)
        next.cuts.removeAll(keepingCapacity: true)
        if next !== block {
            let numbered = number(block)
            state.withLock { $0.waiting.append(numbered) }
            wakeUp.signal()
        }
        return next
    }

    /// Takes the last block.
    ///
    /// - Returns: All of the file's chunks.
    func finish(_ block: Block) -> [Chunk] {
        hash(number(block))
        while let waiting = takeWaiting() { hash(waiting) }
        end()
        return state.withLock { Array($0.chunks.joined()) }
    }

    /// No helper works any more afterwards.
    func end() {
        let helpers = state.withLock { state in
            state.isEnded = true
            defer { state.helpers = [] }
            return state.helpers
        }
        for _ in helpers { wakeUp.signal() }
        for helper in helpers { helper.join() }
    }

    private func number(_ block: Block) -> Block {
        state.withLock { state in
            block.number = state.chunks.count
            state.chunks.append([])
        }
        return block
    }

    /// A block to fill; where the helpers do not keep up, one that this thread hashes for them. Nil where there are none.
    private func spare() -> Block? {
        if let free = state.withLock({ $0.free.popLast() }) { return free }
        guard let waiting = takeWaiting() else { return nil }
        hash(waiting)
        return waiting
    }

    private func takeWaiting() -> Block? {
        state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
    }

    private func hash(_ block: Block) {
        var start = 0
        let pieces = block.cuts.map { cut in
            defer { start += cut }
            return UnsafeRawBufferPointer(rebasing: block.bytes[start..<(start + cut)])
        }
        let chunks = zip(pieces, Digest.all(of: pieces)).map { Chunk(size: UInt32($0.count), digest: $1) }
        state.withLock { $0.chunks[block.number] = chunks }
    }

    private func help() {
        while true {
            wakeUp.wait()
            if state.withLock(\.isEnded) { return }
            guard let block = takeWaiting() else { continue }
            hash(block)
            state.withLock { $0.free.append(block) }
        }
    }
}
