#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A port of 127.0.0.1 on which nobody listens, and which nobody else gets meanwhile.
final class NobodysPort {
    struct Unavailable: Error {}

    private let descriptor: Int32
    let port: Int

    init() throws {
        #if canImport(Glibc)
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        let descriptor = descriptor
        // A sockaddr_in, byte by byte: its family, two bytes of the port, and the address.
        var address = [UInt8](repeating: 0, count: 16)
        #if canImport(Glibc)
        address[0] = UInt8(AF_INET)
        #else
        address[1] = UInt8(AF_INET)
        #endif
        address.replaceSubrange(4..<8, with: [127, 0, 0, 1])
        var size = socklen_t(address.count)
        let isBound = address.withUnsafeMutableBytes { bytes in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
            return bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
        }
        port = Int(address[2]) << 8 | Int(address[3])
        guard isBound else {
            close(descriptor)
            throw Unavailable()
        }
    }

    deinit {
        close(descriptor)
    }
}
