import CZlib
import NIOCore

/// Compresses a body as gzip (RFC 1952), a piece at a time. One thread has it at a time.
final class GzipStream: Sendable {
    /// What is smaller is sent in one packet in any case.
    static let leastSize: UInt64 = 1024
    /// Quick enough for a disk's speed, and most of what more would save.
    private static let level: Int32 = 4
    /// The largest window, and gzip's head and sum around it.
    private static let windowBits: Int32 = 15 + 16

    // zlib's own state points back at its stream, which therefore must not move.
    private nonisolated(unsafe) let stream: UnsafeMutablePointer<z_stream>

    /// Nil where there is no memory for it.
    init?() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let memoryLevel: Int32 = 8
        guard czlib_deflate_init(stream, Self.level, Self.windowBits, memoryLevel, Int32(Z_DEFAULT_STRATEGY)) == Z_OK
        else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// - Parameter isLast: Whether nothing follows.
    func compress(_ bytes: ByteBuffer, isLast: Bool) -> ByteBuffer {
        var out = ByteBuffer()
        bytes.withUnsafeReadableBytes { bytes in
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: bytes.baseAddress?.assumingMemoryBound(to: Bytef.self))
            stream.pointee.avail_in = UInt32(clamping: bytes.count)
            var isFull = true
            while isFull {
                let room = max(256, min(Int(stream.pointee.avail_in) / 2 + 256, 256 << 10))
                out.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                    let available = UInt32(clamping: target.count)
                    stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: Bytef.self)
                    stream.pointee.avail_out = available
                    _ = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    return Int(available - stream.pointee.avail_out)
                }
                isFull = stream.pointee.avail_out == 0
            }
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }
        return out
    }
}

/// What Accept-Encoding says (RFC 9110 §12.5.3).
enum AcceptEncoding {
    /// Whether gzip is named, itself or by `*`, and not with a weight of 0.
    static func allowsGzip(_ headers: [some StringProtocol]) -> Bool {
        var named: Bool?
        var others = false
        for part in headers.flatMap({ $0.split(separator: ",") }) {
            let words = part.split(separator: ";").map { word in
                String(word.filter { $0 != " " && $0 != "\t" }).lowercased()
            }
            guard let coding = words.first else { continue }
            let isWanted = !words.dropFirst().contains { word in
                word.hasPrefix("q=0") && word.dropFirst(3).allSatisfy { $0 == "." || $0 == "0" }
            }
            switch coding {
            case "gzip", "x-gzip": named = isWanted
            case "*": others = isWanted
            default: break
            }
        }
        return named ?? others
    }
}
