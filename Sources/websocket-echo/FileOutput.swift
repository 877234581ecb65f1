#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Unbuffered output: `print` would hold a line back when standard output is a pipe.
enum FileOutput {
    case standard

    func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { writeSome($0) }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }

    private func writeSome(_ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Darwin)
        Darwin.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
        Musl.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
        #else
        Glibc.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
        #endif
    }
}
