import CZlib
package import NIOCore

extension Deflater {
    /// A cheap guess at whether deflating would pay: what is packed already is known by its first bytes, the rest by how
    /// evenly a sample of it uses the 256 byte values. Errs on the side of compressing.
    ///
    /// - Parameter data: The whole of what would be sent; about 4 KiB of it is looked at.
    package static func wouldShrink(_ data: UnsafeRawBufferPointer) -> Bool {
        guard data.count >= 64 else { return data.count > 16 }
        if startsLikePacked(data) { return false }
        return sampledEntropy(data) < 7.6
    }

    package static func wouldShrink(_ data: ByteBuffer) -> Bool {
        data.withUnsafeReadableBytes { wouldShrink($0) }
    }

    /// gzip, zip, zstd, xz, bzip2, 7z, PNG, JPEG, GIF, WebP, MP4, Ogg, Matroska, FLAC, MP3, WOFF2.
    private static func startsLikePacked(_ data: UnsafeRawBufferPointer) -> Bool {
        let word = UInt32(bigEndian: data.loadUnaligned(as: UInt32.self))
        switch word {
        case 0x504B_0304, 0x28B5_2FFD, 0xFD37_7A58, 0x377A_BCAF, 0x8950_4E47, 0x4749_4638, 0x4F67_6753, 0x1A45_DFA3,
            0x664C_6143, 0x774F_4632:
            return true
        case 0x5249_4646:
            return UInt32(bigEndian: data.loadUnaligned(fromByteOffset: 8, as: UInt32.self)) == 0x5745_4250
        default:
            break
        }
        if UInt32(bigEndian: data.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) == 0x6674_7970 { return true }
        switch word >> 8 {
        case 0x1F8B08, 0x425A68, 0xFFD8FF, 0x494433: return true
        default: return false
        }
    }

    /// Bits per byte over up to 16 windows of 256 bytes spread over the data.
    private static func sampledEntropy(_ data: UnsafeRawBufferPointer) -> Double {
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 256) { counts in
            counts.initialize(repeating: 0)
            var total = 0
            let windows = 16
            let size = 256
            let stride = max(size, data.count / windows)
            var start = 0
            while start < data.count && total < windows * size {
                for index in start..<min(start + size, data.count) {
                    counts[Int(data[index])] += 1
                    total += 1
                }
                start += stride
            }
            return entropy(of: counts, total: total)
        }
    }

    private static func entropy(of counts: UnsafeMutableBufferPointer<UInt16>, total: Int) -> Double {
        // A small sample of random bytes cannot show all 256 values: what it lacks to 8 bits is put back
        // (Miller–Madow: the number of values seen, less one, over twice the sample, in bits).
        var bits = 0.0
        var seen = 0
        for count in counts where count > 0 {
            let share = Double(count) / Double(total)
            bits -= share * log2Estimate(share)
            seen += 1
        }
        return bits + Double(max(0, seen - 1)) / (2 * Double(total)) * 1.4427
    }

    /// log2 without a maths library: the exponent, and the mantissa's by a quadratic good to 0.01.
    private static func log2Estimate(_ value: Double) -> Double {
        let mantissa = value.significand - 1
        return Double(value.exponent) + mantissa * (1.3465 - 0.3465 * mantissa)
    }
}
