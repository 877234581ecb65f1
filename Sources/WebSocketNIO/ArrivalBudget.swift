import Synchronization

/// The memory that the messages now arriving on all of a server's connections may take together, so that many
/// connections with a large message each cost no more than a few do.
final class ArrivalBudget: Sendable {
    /// What any connection may hold without asking: enough for everyday messages, whatever others do.
    static let free = 64 << 10

    private let limit: Int
    private let used = Atomic(0)
    private let most = Atomic(0)

    /// - Parameter limit: In bytes, besides what is free.
    init(limit: Int) {
        self.limit = limit
    }

    /// The most bytes that were ever in use.
    var highest: Int { most.load(ordering: .relaxed) }

    /// Bytes that a connection which holds `held` already may hold: a power of two, as buffers grow by doubling, and
    /// never less than it holds.
    func allowance(holding held: Int) -> Int {
        let bytes = max(Self.free, held, held + limit - used.load(ordering: .relaxed))
        return 1 << (Int.bitWidth - 1 - bytes.leadingZeroBitCount)
    }

    /// A connection holds `new` bytes now, after it held `old`.
    func settle(from old: Int, to new: Int) {
        let change = max(0, new - Self.free) - max(0, old - Self.free)
        guard change != 0 else { return }
        let now = used.add(change, ordering: .relaxed).newValue
        if change > 0 { most.max(now, ordering: .relaxed) }
    }
}
