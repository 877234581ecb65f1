import CZlib
package import NIOCore

/// The decompressing half of permessage-deflate (RFC 7692 §7.2.2). It takes a message in pieces as they arrive, and
/// never makes more bytes than the limit allows.
package final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private let forgets: Bool
    /// The last block was a final one (BFINAL) and ended with the last byte seen.
    private var isPastFinalBlock = false

    /// - Parameters:
    ///   - windowBits: 8–15: what the sender promised not to exceed.
    ///   - noContextTakeover: The sender promised to forget its window after each message.
    /// - Returns: `nil` if zlib refuses: no memory, or parameters out of range.
    package init?(windowBits: Int, noContextTakeover: Bool) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        forgets = noContextTakeover
        guard czlib_inflate_init(stream, -Int32(windowBits)) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Appends what a piece of a message inflates to.
    ///
    /// - Parameter limit: How many bytes may be appended.
    /// - Throws: 1009 at the first byte past the limit, 1007 for bytes that are not deflate.
    package func inflate(
        _ piece: UnsafeRawBufferPointer, into out: inout ByteBuffer, limit: Int
    ) throws(ProtocolError) {
        guard let start = piece.baseAddress, piece.count > 0 else { return }
        guard let count = UInt32(exactly: piece.count) else { throw .tooBig("a piece is longer than zlib can take") }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: Bytef.self))
        stream.pointee.avail_in = count
        isPastFinalBlock = false
        var left = limit
        var isFull = true
        while stream.pointee.avail_in > 0 || (isFull && !isPastFinalBlock) {
            if isPastFinalBlock {
                // A final block ends the stream, not the message: start a new stream with the old window.
                guard inflateResetKeep(stream) == Z_OK else { throw .invalid("compressed data cannot be read") }
                isPastFinalBlock = false
            }
            left -= try step(into: &out, left: left)
            isFull = stream.pointee.avail_out == 0
        }
        if isPastFinalBlock { inflateResetKeep(stream) }
        stream.pointee.next_in = nil
        stream.pointee.next_out = nil
    }

    /// The message is complete: adds the tail that its sender left off, and checks that the message ended at a block's
    /// end.
    package func finish(into out: inout ByteBuffer, limit: Int) throws(ProtocolError) {
        if !isPastFinalBlock {
            let end = out.writerIndex
            let tail: (UInt8, UInt8, UInt8, UInt8) = (0x00, 0x00, 0xFF, 0xFF)
            try withUnsafeBytes(of: tail) { (bytes) throws(ProtocolError) in
                try inflate(bytes, into: &out, limit: limit)
            }
            // zlib: 128 is "just after a block", the low bits are those left over in its last byte.
            // A stored block that was cut off may end by swallowing the tail: that makes bytes, as no whole message does.
            guard stream.pointee.data_type & 0b1000_0111 == 128, out.writerIndex == end else {
                throw .invalid("a compressed message ends inside a block")
            }
        }
        isPastFinalBlock = false
        if forgets { inflateReset(stream) }
    }

    /// One call of zlib's inflate.
    ///
    /// - Returns: How many bytes it made.
    private func step(into out: inout ByteBuffer, left: Int) throws(ProtocolError) -> Int {
        var status = Z_OK
        if left == 0 {
            // Only what makes no byte may follow; a byte of our own shows whether it does.
            var overflow: UInt8 = 0
            let isOver = withUnsafeMutablePointer(to: &overflow) { target in
                stream.pointee.next_out = target
                stream.pointee.avail_out = 1
                status = CZlib.inflate(stream, Z_SYNC_FLUSH)
                return stream.pointee.avail_out == 0
            }
            if isOver { throw .tooBig("a message inflates past the limit") }
            try judge(status)
            return 0
        }
        func run(into target: UnsafeMutableRawBufferPointer) -> Int {
            let available = UInt32(clamping: min(target.count, left))
            stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: Bytef.self)
            stream.pointee.avail_out = available
            status = CZlib.inflate(stream, Z_SYNC_FLUSH)
            return Int(available - stream.pointee.avail_out)
        }
        let made: Int
        if out.capacity > 0 && out.writableBytes == 0 {
            // Often a buffer is full because the message is: it grows only for bytes that there are.
            made = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { scratch in
                let made = run(into: scratch)
                out.writeBytes(UnsafeRawBufferPointer(rebasing: scratch[..<made]))
                return made
            }
        } else {
            let room = out.capacity > 0 ? 1 : min(left, min(max(Int(stream.pointee.avail_in) * 4, 1 << 10), 256 << 10))
            made = out.writeWithUnsafeMutableBytes(minimumWritableBytes: room, run)
        }
        try judge(status)
        return made
    }

    private func judge(_ status: Int32) throws(ProtocolError) {
        switch status {
        case Z_OK: break
        case Z_STREAM_END: isPastFinalBlock = true
        // No progress was possible: all input is used up.
        case Z_BUF_ERROR where stream.pointee.avail_in == 0: break
        default: throw .invalid("compressed data cannot be read")
        }
    }
}
