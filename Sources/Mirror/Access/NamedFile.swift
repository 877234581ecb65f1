import Disk
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A small file that a person named: a token's, a certificate's, a key's.
package struct NamedFile: Sendable {
    package let text: String
    /// Whether others than its owner may read it.
    package let isOpenToOthers: Bool

    /// More than this is no small file.
    private static let mostBytes = 1 << 20

    /// Reads it.
    package init(at path: String) throws(StateFiles.Failure) {
        do throws(DiskError) {
            let raw = open(path, O_RDONLY | O_CLOEXEC)
            guard raw >= 0 else { throw DiskError("open", code: errno) }
            let file = Descriptor(adopting: raw)
            let status = try file.status()
            // Piece by piece: it may be a pipe, as a shell's <(command) is.
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 4096)
            while bytes.count <= Self.mostBytes {
                let count = systemRead(file.raw, &piece, piece.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw DiskError("read", code: errno) }
                guard count > 0 else { break }
                bytes += piece.prefix(count)
            }
            text = String(decoding: bytes, as: UTF8.self)
            isOpenToOthers = status.kind == .file && status.mode.rawValue & 0o077 != 0
        } catch {
            throw StateFiles.Failure("\(path): it cannot be read: \(String(cString: strerror(error.code)))")
        }
    }
}

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
