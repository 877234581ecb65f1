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
        case compared(isEqual: Bool)
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

    private enum Taking {
        case nothing
        case done(Outcome)
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

    /// Whether these bytes, which have come, are those of this digest; nil where that was not begun, as above.
    func compare(_ bytes: UnsafeRawBufferPointer, _ digest: Digest) -> Bool? {
        guard case .compared(let isEqual) = take(.chunk(digest, address: UInt(bitPattern: bytes.baseAddress))) else {
            return nil
        }
        return isEqual
    }

    private func take(_ content: Content) -> Outcome? {
        while true {
            let taking = state.withLock { state -> Taking in
                guard let id = state.ids[content]?.first, let item = state.items[id] else { return .nothing }
                switch item.stage {
                case .waiting:
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
            guard let (id, arrival) = state.withLock({ $0.begin() }) else {
                wakeUp.wait()
                continue
            }
            let outcome = work(on: arrival, &headroom)
            let (isWanted, isAwaited) = state.withLock { $0.finish(id, outcome) }
            if isAwaited { finished.signal() }
            if !isWanted, case .staged(let staged) = outcome { stager.discard(staged) }
        }
    }

    private func work(on arrival: Arrival, _ headroom: inout Headroom) -> Outcome? {
        var outcome: Outcome?
        switch arrival.content {
        case .file(let file):
            guard headroom.allows(file.size, on: stager.folder, promised: { 0 }) else { return nil }
            arrival.withBytes { bytes in
                guard Stager.verifies(bytes, file) else { return }
                outcome = try? .staged(
                    stager.make(file) { (target) throws(DiskError) in try target.write(bytes, at: 0) }.0)
            }
        case .chunk(let digest, _):
            arrival.withBytes { outcome = .compared(isEqual: Digest(of: $0) == digest) }
        }
        return outcome
    }
}

extension StagingAhead.State {
    fileprivate mutating func begin() -> (UInt64, StagingAhead.Arrival)? {
        while next < end {
            let id = next
            next += 1
            guard let item = items[id] else { continue }
            items[id]?.stage = .working
            return (id, item.arrival)
        }
        return nil
    }

    /// - Returns: Whether the result is still wanted, and whether somebody waits for it.
    fileprivate mutating func finish(
        _ id: UInt64, _ outcome: StagingAhead.Outcome?
    ) -> (isWanted: Bool, isAwaited: Bool) {
        defer { isAwaited = false }
        let isWanted = items[id] != nil
        items[id]?.stage = .done(outcome)
        return (isWanted, isAwaited)
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
