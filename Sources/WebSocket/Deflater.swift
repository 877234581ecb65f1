package import NIOCore

/// The compressing half of permessage-deflate: raw deflate, one message at a time (RFC 7692 §7.2.1).
///
/// A deflater costs about 256 KiB with a window of 15 bits and 68 µs to make; resetting one takes a microsecond. So a
/// deflater that forgets its window after each message can serve any number of connections on one thread.
package final class Deflater {
    private let windowBits: Int
    private let forgets: Bool
    private let usualLevel: Int
    private let preferred: DeflateEngine
    /// Whose window the other side has.
    private var current: (engine: DeflateEngine, stream: any DeflateStream)
    /// The one for the other levels, if there is another and it was asked for.
    private var other: (engine: DeflateEngine, stream: any DeflateStream)?

    /// - Parameters:
    ///   - windowBits: 9–15.
    ///   - noContextTakeover: Forget the window after each message.
    ///   - level: 1–9, for messages that ask for no other.
    ///   - engine: What deflates, at the levels that it has.
    /// - Returns: `nil` if the engine refuses: no memory, or parameters out of range.
    package init?(windowBits: Int, noContextTakeover: Bool, level: Int = 1, engine: DeflateEngine = .preferred) {
        // zlib would take −8 for −9 in some versions, and break the promise.
        guard DeflateAgreement.smallestDeflateWindowBits...15 ~= windowBits else { return nil }
        let first = engine.engine(for: level)
        guard let stream = first.stream(windowBits: windowBits, level: level) else { return nil }
        self.windowBits = windowBits
        forgets = noContextTakeover
        usualLevel = level
        preferred = engine
        current = (first, stream)
    }

    /// Appends the compressed form of a whole message, without the 00 00 FF FF that ends it.
    ///
    /// - Parameter level: 1–9; nil for the usual one. Where another engine serves it, the window is forgotten.
    package func deflate(_ message: UnsafeRawBufferPointer, level: Int? = nil, into out: inout ByteBuffer) {
        // An empty message after an empty message would give nothing at all: zlib flushes only once. One empty block
        // without its tail is the one byte 00 (RFC 7692 §7.2.3.6).
        guard message.count > 0 else {
            out.writeInteger(UInt8(0))
            return
        }
        let level = change(to: level ?? usualLevel)
        current.stream.deflate(message, level: level, into: &out)
        out.moveWriterIndex(to: out.writerIndex - 4)
        if forgets { current.stream.forget() }
    }

    /// - Returns: The level to deflate at: the usual one, if there is no memory for an engine that serves another.
    private func change(to level: Int) -> Int {
        let engine = preferred.engine(for: level)
        guard engine != current.engine else { return level }
        guard let stream = other?.stream ?? engine.stream(windowBits: windowBits, level: level) else {
            return usualLevel
        }
        // What it may know is not what the other side saw last.
        stream.forget()
        other = current
        current = (engine, stream)
        return level
    }
}
