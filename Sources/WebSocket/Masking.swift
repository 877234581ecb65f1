package import NIOCore

/// Masking (RFC 6455 §5.3): every byte is XORed with one of the key's four, in turn. Copying and masking are one
/// pass here, since a payload is copied once anyway, from the receive buffer to its message or from a message to
/// the send buffer; plain 64-bit words keep that at the speed of memory.
package enum Masking {
    /// Copies `source` to `target`, masked.
    ///
    /// - Parameters:
    ///   - key: The four key bytes as a little-endian number.
    ///   - offset: How many payload bytes of the frame came before `source`.
    package static func copy(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, key: UInt32, offset: Int
    ) {
        guard let start = source.baseAddress else { return }
        let turn = UInt32((offset & 3) * 8)
        let turned = (key &>> turn) | (key &<< ((32 - turn) & 31))
        let word = (UInt64(turned) | UInt64(turned) &<< 32).littleEndian
        let count = source.count
        var index = 0
        while index &+ 32 <= count {
            let a = (start + index).loadUnaligned(as: UInt64.self) ^ word
            let b = (start + index + 8).loadUnaligned(as: UInt64.self) ^ word
            let c = (start + index + 16).loadUnaligned(as: UInt64.self) ^ word
            let d = (start + index + 24).loadUnaligned(as: UInt64.self) ^ word
            (target + index).storeBytes(of: a, as: UInt64.self)
            (target + index + 8).storeBytes(of: b, as: UInt64.self)
            (target + index + 16).storeBytes(of: c, as: UInt64.self)
            (target + index + 24).storeBytes(of: d, as: UInt64.self)
            index &+= 32
        }
        while index &+ 8 <= count {
            (target + index).storeBytes(of: (start + index).loadUnaligned(as: UInt64.self) ^ word, as: UInt64.self)
            index &+= 8
        }
        while index < count {
            let keyByte = UInt8(truncatingIfNeeded: turned &>> UInt32((index & 3) * 8))
            (target + index).storeBytes(of: (start + index).load(as: UInt8.self) ^ keyByte, as: UInt8.self)
            index &+= 1
        }
    }
}

extension ByteBuffer {
    /// Appends `bytes`, masked if there is a key.
    package mutating func write(_ bytes: UnsafeRawBufferPointer, maskedWith key: UInt32?, offset: Int = 0) {
        guard let key else {
            writeBytes(bytes)
            return
        }
        writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { target in
            if let start = target.baseAddress {
                Masking.copy(bytes, to: start, key: key, offset: offset)
            }
            return bytes.count
        }
    }
}
