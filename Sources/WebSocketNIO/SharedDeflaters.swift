import NIOPosix
import WebSocket

/// One deflater per event loop, window and level, for all connections on which this side forgets its window after each
/// message: a thousand clients cost no more than one.
enum SharedDeflaters {
    private struct Key: Hashable {
        var windowBits: Int
        var level: Int
    }

    private final class Shelf {
        var deflaters: [Key: Deflater] = [:]
    }

    // Safe: each thread sees only the shelf that it made itself.
    nonisolated(unsafe) private static let shelves = ThreadSpecificVariable<Shelf>()

    /// - Returns: The calling thread's deflater; `nil` if zlib refuses these settings.
    static func deflater(windowBits: Int, level: Int) -> Deflater? {
        let shelf: Shelf
        if let current = shelves.currentValue {
            shelf = current
        } else {
            shelf = Shelf()
            shelves.currentValue = shelf
        }
        let key = Key(windowBits: windowBits, level: level)
        if let deflater = shelf.deflaters[key] { return deflater }
        let deflater = Deflater(windowBits: windowBits, noContextTakeover: true, level: level)
        shelf.deflaters[key] = deflater
        return deflater
    }
}
