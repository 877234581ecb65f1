import NIOPosix
import WebSocket

/// What all connections of one event loop have together, so that a thousand clients cost hardly more than one.
final class LoopShare {
    private struct DeflaterKey: Hashable {
        var windowBits: Int
        var level: Int
    }

    /// The memory of receive buffers, messages and frames.
    let buffers = BufferPool()
    /// For all connections on which this side forgets its window after each message.
    private var deflaters: [DeflaterKey: Deflater] = [:]

    // Safe: each thread sees only the share that it made itself.
    nonisolated(unsafe) private static let shares = ThreadSpecificVariable<LoopShare>()

    /// The calling thread's.
    static var current: LoopShare {
        if let share = shares.currentValue { return share }
        let share = LoopShare()
        shares.currentValue = share
        return share
    }

    /// - Returns: `nil` if zlib refuses these settings.
    func deflater(windowBits: Int, level: Int) -> Deflater? {
        let key = DeflaterKey(windowBits: windowBits, level: level)
        if let deflater = deflaters[key] { return deflater }
        let deflater = Deflater(windowBits: windowBits, noContextTakeover: true, level: level)
        deflaters[key] = deflater
        return deflater
    }
}
