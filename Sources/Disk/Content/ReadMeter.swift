internal import Synchronization

/// Counts what is read of large files, by whichever reader, and tells it now and then: somebody waits for it.
package final class ReadMeter: Sendable {
    private struct State {
        var bytes: UInt64 = 0
        var told: UInt64 = 0
        var tell: (@Sendable (UInt64) -> Void)?
    }

    /// How much is read between two times that it is told, in bytes.
    private static let step: UInt64 = 16 << 20
    private let state = Mutex(State())

    package init() {}

    /// Has `tell` called, on whichever thread reads, with how many bytes have been read so far.
    package func use(_ tell: @escaping @Sendable (UInt64) -> Void) {
        state.withLock { $0.tell = tell }
    }

    func add(_ count: Int) {
        let due = state.withLock { state -> (tell: @Sendable (UInt64) -> Void, bytes: UInt64)? in
            state.bytes += UInt64(count)
            guard state.bytes - state.told >= Self.step, let tell = state.tell else { return nil }
            state.told = state.bytes
            return (tell, state.bytes)
        }
        if let due { due.tell(due.bytes) }
    }
}
