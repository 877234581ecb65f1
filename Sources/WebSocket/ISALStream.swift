#if ISAL
import CISAL
import NIOCore

final class ISALStream: DeflateStream {
    /// Those that are worth their time; at 0, bytes that do not shrink would grow by a fifth.
    static let levels = 1...3

    /// In bytes. ISA-L counts what it took in 32 bits, and reads in front of its input when that count runs over: the
    /// stream begins anew long before.
    private let longest: Int
    private let stream: UnsafeMutablePointer<isal_zstream>
    private var levelBuffer: UnsafeMutableRawPointer

    init?(windowBits: Int, level: Int, longest: Int = 1 << 30) {
        guard Self.levels.contains(level) else { return nil }
        self.longest = longest
        stream = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<isal_zstream>.size, alignment: 64)
            .bindMemory(to: isal_zstream.self, capacity: 1)
        levelBuffer = Self.levelBuffer(level)
        isal_deflate_init(stream)
        stream.pointee.flush = UInt16(SYNC_FLUSH)
        stream.pointee.hist_bits = UInt16(windowBits)
        use(level)
    }

    deinit {
        levelBuffer.deallocate()
        stream.deallocate()
    }

    func deflate(_ bytes: UnsafeRawBufferPointer, level: Int, into out: inout ByteBuffer) {
        setLevel(level)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + longest)
            if Int(stream.pointee.total_in) > longest { forget() }
            deflatePiece(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), into: &out)
            start = end
        }
    }

    /// Marker and all: one in the middle of a message is an empty block, no more.
    private func deflatePiece(_ piece: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(piece.count)
        repeat {
            // A block's header of up to 328 bytes is made in place only where it fits.
            let room = max(512, min(Int(stream.pointee.avail_in) / 4 + 512, 256 << 10))
            out.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                let available = UInt32(clamping: target.count)
                stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = available
                isal_deflate(stream)
                return Int(available - stream.pointee.avail_out)
            }
            // Asked once more when nothing is left, ISA-L would put the marker out once more.
        } while stream.pointee.avail_in > 0
            || (stream.pointee.avail_out == 0 && cisal_is_between_blocks(stream) == 0)
        stream.pointee.next_in = nil
        stream.pointee.next_out = nil
    }

    func forget() {
        isal_deflate_reset(stream)
    }

    /// Each level finds what was before in tables of its own.
    private func setLevel(_ level: Int) {
        guard Int(stream.pointee.level) != level else { return }
        forget()
        levelBuffer.deallocate()
        levelBuffer = Self.levelBuffer(level)
        use(level)
    }

    private func use(_ level: Int) {
        stream.pointee.level = UInt32(level)
        stream.pointee.level_buf = levelBuffer.assumingMemoryBound(to: UInt8.self)
        stream.pointee.level_buf_size = cisal_level_buffer_size(UInt32(level))
    }

    private static func levelBuffer(_ level: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: Int(cisal_level_buffer_size(UInt32(level))), alignment: 64)
    }
}
#endif
