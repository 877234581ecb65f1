import CZlib
package import NIOCore

/// The compressing half of permessage-deflate: raw deflate, one message at a time (RFC 7692 §7.2.1).
///
/// A deflater costs about 256 KiB with a window of 15 bits and 68 µs to make; resetting one takes a microsecond. So a
/// deflater that forgets its window after each message can serve any number of connections on one thread.
package final class Deflater {
    // zlib's own state points back at its stream, which therefore must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let forgets: Bool
    private let usualLevel: Int32
    private var level: Int32

    /// - Parameters:
    ///   - windowBits: 9–15.
    ///   - noContextTakeover: Forget the window after each message.
    ///   - level: 1–9, for messages that ask for no other.
    /// - Returns: `nil` if zlib refuses: no memory, or parameters out of range.
    package init?(windowBits: Int, noContextTakeover: Bool, level: Int = 1) {
        // zlib would take −8 for −9 in some versions, and break the promise.
        guard DeflateAgreement.smallestDeflateWindowBits...15 ~= windowBits else { return nil }
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        forgets = noContextTakeover
        usualLevel = Int32(clamping: level)
        self.level = usualLevel
        let memoryLevel: Int32 = 8
        let status = czlib_deflate_init(
            stream, usualLevel, -Int32(windowBits), memoryLevel, Int32(Z_DEFAULT_STRATEGY))
        guard status == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends the compressed form of a whole message, without the 00 00 FF FF that ends it.
    ///
    /// - Parameter level: 1–9; nil for the usual one.
    package func deflate(_ message: UnsafeRawBufferPointer, level: Int? = nil, into out: inout ByteBuffer) {
        // An empty message after an empty message would give nothing at all: zlib flushes only once. One empty block
        // without its tail is the one byte 00 (RFC 7692 §7.2.3.6).
        guard let start = message.baseAddress, message.count > 0 else {
            out.writeInteger(UInt8(0))
            return
        }
        setLevel(level.map { Int32(clamping: $0) } ?? usualLevel, into: &out)
        var remaining = message.count
        stream.pointee.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: Bytef.self))
        stream.pointee.avail_in = 0
        var isFull = true
        while remaining > 0 || stream.pointee.avail_in > 0 || isFull {
            if stream.pointee.avail_in == 0 && remaining > 0 {
                // avail_in has 32 bits.
                let piece = min(remaining, 1 << 30)
                stream.pointee.avail_in = UInt32(piece)
                remaining -= piece
            }
            let flush = remaining == 0 ? Z_SYNC_FLUSH : Z_NO_FLUSH
            // Room for more than 6 bytes keeps zlib from repeating the flush marker.
            let room = max(64, min(Int(stream.pointee.avail_in) / 4 + 64, 256 << 10))
            out.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                let available = UInt32(clamping: target.count)
                stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: Bytef.self)
                stream.pointee.avail_out = available
                _ = CZlib.deflate(stream, flush)
                return Int(available - stream.pointee.avail_out)
            }
            isFull = stream.pointee.avail_out == 0
        }
        out.moveWriterIndex(to: out.writerIndex - 4)
        stream.pointee.next_in = nil
        stream.pointee.next_out = nil
        if forgets { deflateReset(stream) }
    }

    /// Between two messages, where all that was taken in has been put out.
    private func setLevel(_ wanted: Int32, into out: inout ByteBuffer) {
        guard wanted != level else { return }
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: 64) { target in
            let available = UInt32(clamping: target.count)
            stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: Bytef.self)
            stream.pointee.avail_out = available
            if deflateParams(stream, wanted, Z_DEFAULT_STRATEGY) == Z_OK { level = wanted }
            return Int(available - stream.pointee.avail_out)
        }
    }
}
