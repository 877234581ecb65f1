import Disk
internal import Synchronization
package import Tree

/// Writes and verifies content that has just arrived, on a thread of its own, while the replica's thread still works on
/// what came before.
///
/// It is a help and nothing to rely on: what it has not got to, could not do, or has no room for is done where it is
/// wanted.
package final class StagingAhead: Sendable {
    /// Content of a file of one chunk that is about to be staged, or of a chunk that is about to be received.
    package struct Arrival: Sendable {
        fileprivate let content: Content
        /// Calls its argument with all the bytes that came, which stay where they are in memory.
        let withBytes: @Sendable ((UnsafeRawBufferPointer) -> Void) -> Void

        package init(
            _ file: Entry.File, withBytes: @escaping @Sendable ((UnsafeRawBufferPointer) -> Void) -> Void
        ) {
            content = .file(file)
            self.withBytes = withBytes
        }

        package init(
            chunk digest: Digest, withBytes: @escaping @Sendable ((UnsafeRawBufferPointer) -> Void) -> Void
        ) {
            var address: UInt?
            withBytes { address = UInt(bitPattern: $0.baseAddress) }
            content = .chunk(digest, address: address)
            self.withBytes = withBytes
        }
    }

    /// What an arrival is known by. A chunk is only compared, and what was found out holds for those very bytes: others that
    /// are said to be of the same digest came from somebody else, perhaps.
    fileprivate enum Content: Hashable {
        case file(Entry.File)
        case chunk(Digest, address: UInt?)
    }

    fileprivate enum Outcome {
        case staged(Staged)
        case digested(Digest)
    }

    /// What arrived together: what nobody took of it goes with it.
    package final class Batch: Sendable {
        private let ids: Range<UInt64>
        private let owner: StagingAhead

        fileprivate init(_ ids: Range<UInt64>, _ owner: StagingAhead) {
            self.ids = ids
            self.owner = owner
        }

        deinit {
            owner.drop(ids)
        }
    }

    fileprivate struct Item {
        let arrival: Arrival
        var stage = Stage.waiting
    }

    fileprivate enum Stage {
        case waiting
        case working
        /// Nil where it failed: then it fails once more where it is wanted, and is told there.
        case done(Outcome?)
    }

    fileprivate struct State {
        var items: [UInt64: Item] = [:]
        /// Of each content, as often as it arrived, the oldest first: that is wanted first, too.
        var ids: [Content: ArraySlice<UInt64>] = [:]
        /// The next that has not been begun, and the first that does not exist yet.
        var next: UInt64 = 0
        var end: UInt64 = 0
        /// Whether the replica's thread waits for what is being worked on.
        var isAwaited = false
        var isStarted = false
        var isStopped = false
        var thread: Thread?
    }

    fileprivate typealias Begun = (id: UInt64, arrival: Arrival)

    private enum Taking {
        case nothing
        case done(Outcome)
        case compare([Begun])
        case wait
    }

    private let stager: Stager
    private let floor: Floor
    private let state = Mutex(State())
    private let wakeUp = Semaphore()
    private let finished = Semaphore()

    /// - Parameter floor: how much of the file system is to stay free, as ``Headroom/floor``.
    init(_ stager: Stager, floor: Floor) {
        self.stager = stager
        self.floor = floor
    }

    /// Begins with what has arrived, in this order.
    ///
    /// - Returns: Nil where there is so little of it that it is done sooner without another thread.
    package func begin(_ arrivals: [Arrival]) -> Batch? {
        guard arrivals.count > StagingLedger.fewFiles else { return nil }
        let (ids, starts) = state.withLock { state in
            let start = state.end
            for arrival in arrivals {
                state.items[state.end] = Item(arrival: arrival)
                state.ids[arrival.content, default: []].append(state.end)
                state.end += 1
            }
            defer { state.isStarted = true }
            return (start..<state.end, !state.isStarted && !state.isStopped)
        }
        if starts, let thread = try? Thread({ [self] in run() }) {
            state.withLock { $0.thread = thread }
        }
        wakeUp.signal()
        return Batch(ids, self)
    }

    /// Content of this file that is ready by now; once. What was not begun is not waited for, and not done any more.
    func take(_ file: Entry.File) -> Staged? {
        guard case .staged(let staged) = take(.file(file)) else { return nil }
        return staged
    }

    /// Whether these bytes, which have come, are those of this digest; nil where nobody said before that they have. What
    /// was not begun is compared now, and what came behind it along with it.
    func compare(_ bytes: UnsafeRawBufferPointer, _ digest: Digest) -> Bool? {
        guard case .digested(let found) = take(.chunk(digest, address: UInt(bitPattern: bytes.baseAddress))) else {
            return nil
        }
        return found == digest
    }

    private func take(_ content: Content) -> Outcome? {
        while true {
            let taking = state.withLock { state -> Taking in
                guard let id = state.ids[content]?.first, let item = state.items[id] else { return .nothing }
                switch item.stage {
                case .waiting:
                    if case .chunk = content { return .compare(state.begin(at: id)) }
                    state.remove(id)
                    return .nothing
                case .done(let outcome):
                    state.remove(id)
                    return outcome.map { .done($0) } ?? .nothing
                case .working:
                    state.isAwaited = true
                    return .wait
                }
            }
            switch taking {
            case .nothing: return nil
            case .done(let outcome): return outcome
            case .compare(let begun): compare(begun)
            case .wait: finished.wait()
            }
        }
    }

    private func drop(_ ids: Range<UInt64>) {
        let left = state.withLock { state in
            ids.compactMap { id in state.remove(id)?.stage }
        }
        for case .done(.staged(let staged)) in left { stager.discard(staged) }
    }

    /// Whether it has got to all that has arrived.
    var isAtRest: Bool {
        state.withLock { state in
            let isWorking = state.items.values.contains { if case .working = $0.stage { true } else { false } }
            return state.next == state.end && !isWorking
        }
    }

    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        wakeUp.signal()
        thread?.join()
    }

    // MARK: Its thread

    private func run() {
        var headroom = Headroom(floor: floor)
        while !state.withLock(\.isStopped) {
            let begun = state.withLock { $0.begin() }
            guard let (_, arrival) = begun.first else {
                wakeUp.wait()
                continue
            }
            if case .file(let file) = arrival.content {
                finish(begun, [stage(file, arrival, &headroom)])
            } else {
                compare(begun)
            }
        }
    }

    private func finish(_ begun: [Begun], _ outcomes: [Outcome?]) {
        let (unwanted, isAwaited) = state.withLock { $0.finish(zip(begun.map(\.id), outcomes)) }
        if isAwaited { finished.signal() }
        for case .staged(let staged)? in unwanted { stager.discard(staged) }
    }

    private func stage(_ file: Entry.File, _ arrival: Arrival, _ headroom: inout Headroom) -> Outcome? {
        guard headroom.allows(file.size, on: stager.folder, promised: { 0 }) else { return nil }
        var outcome: Outcome?
        arrival.withBytes { bytes in
            guard Stager.verifies(bytes, file) else { return }
            outcome = try? .staged(
                stager.make(file) { (target) throws(DiskError) in try target.write(bytes, at: 0) }.0)
        }
        return outcome
    }

    private func compare(_ chunks: [Begun]) {
        finish(chunks, outcomes(of: chunks.map(\.arrival)[...]))
    }

    private func outcomes(of rest: ArraySlice<Arrival>, _ pieces: [UnsafeRawBufferPointer] = []) -> [Outcome] {
        var outcomes: [Outcome] = []
        guard let arrival = rest.first else { return Digest.all(of: pieces).map { .digested($0) } }
        // All of them stay where they are until the innermost call is over.
        arrival.withBytes { outcomes = self.outcomes(of: rest.dropFirst(), pieces + [$0]) }
        return outcomes
    }
}

extension StagingAhead.State {
    /// So many chunks are compared at a time: more than are hashed side by side, since they are not of one size, and so few
    /// that what was compared can be written meanwhile.
    private static let mostChunks = 8

    /// The next file, or the next chunks.
    fileprivate mutating func begin() -> [StagingAhead.Begun] {
        let (begun, end) = begin(from: next)
        next = end
        return begun
    }

    /// The chunk `start`, and those behind it.
    fileprivate mutating func begin(at start: UInt64) -> [StagingAhead.Begun] { begin(from: start).begun }

    private mutating func begin(from start: UInt64) -> (begun: [StagingAhead.Begun], end: UInt64) {
        var begun: [StagingAhead.Begun] = []
        var id = start
        while id < end, begun.count < Self.mostChunks {
            guard let item = items[id], case .waiting = item.stage else {
                id += 1
                continue
            }
            let isFile = if case .file = item.arrival.content { true } else { false }
            if isFile, !begun.isEmpty { break }
            items[id]?.stage = .working
            begun.append((id, item.arrival))
            id += 1
            if isFile { break }
        }
        return (begun, id)
    }

    /// - Returns: What nobody wants any more, and whether somebody waits.
    fileprivate mutating func finish(
        _ outcomes: some Sequence<(UInt64, StagingAhead.Outcome?)>
    ) -> (unwanted: [StagingAhead.Outcome?], isAwaited: Bool) {
        defer { isAwaited = false }
        var unwanted: [StagingAhead.Outcome?] = []
        for (id, outcome) in outcomes {
            if items[id] == nil { unwanted.append(outcome) }
            items[id]?.stage = .done(outcome)
        }
        return (unwanted, isAwaited)
    }

    @discardableResult
    fileprivate mutating func remove(_ id: UInt64) -> StagingAhead.Item? {
        guard let item = items.removeValue(forKey: id) else { return nil }
        let content = item.arrival.content
        // Not a search: a thousand empty files are one file.
        let isFirst = ids[content]?.first == id
        if isFirst { ids[content]?.removeFirst() } else { ids[content]?.removeAll { $0 == id } }
        if ids[content]?.isEmpty == true { ids[content] = nil }
        return item
    }
}
