import CZlib
import NIOCore

final class ZlibStream: DeflateStream {
    // zlib's own state points back at its stream, which therefore must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var level: Int32

    init?(windowBits: Int, level: Int) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.level = Int32(clamping: level)
        let memoryLevel: Int32 = 8
        let status = czlib_deflate_init(
            stream, self.level, -Int32(windowBits), memoryLevel, Int32(Z_DEFAULT_STRATEGY))
        guard status == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func deflate(_ bytes: UnsafeRawBufferPointer, level: Int, into out: inout ByteBuffer) {
        setLevel(Int32(clamping: level), into: &out)
        var remaining = bytes.count
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: Bytef.self))
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
        stream.pointee.next_in = nil
        stream.pointee.next_out = nil
    }

    func forget() {
        deflateReset(stream)
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
