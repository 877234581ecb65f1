#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many files and sockets this process may have open.
enum Descriptors {
    /// What a process needs besides its connections.
    static let reserve = 64

    /// Takes as many as the system lets it.
    ///
    /// - Returns: How many there may be.
    static func raise() -> Int {
        var limit = rlimit()
        // Its type is Glibc's own enumeration on Linux and a plain number elsewhere.
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return 256 }
        let most = min(limit.rlim_max, 1 << 20)
        if limit.rlim_cur < most {
            limit.rlim_cur = most
            if setrlimit(resource, &limit) != 0 { getrlimit(resource, &limit) }
        }
        return Int(clamping: limit.rlim_cur)
    }
}

enum FileInput {
    /// A small file's text; nil if it can't be read.
    static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { break }
            text += piece[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }
}

enum FileOutput {
    case standard

    /// Unbuffered: `print` would hold a line back when standard output is a pipe.
    func write(_ text: String) {
        _ = Self.write(Array(text.utf8), to: STDOUT_FILENO)
    }

    /// - Returns: Whether all of it was written.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var left = bytes[...]
        while !left.isEmpty {
            let written = left.withUnsafeBytes { writeSome(descriptor, $0) }
            guard written > 0 else { return false }
            left = left.dropFirst(written)
        }
        return true
    }

    private static func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Darwin)
        Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
        Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #else
        Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }
}

enum Directory {
    /// The names in a directory that are numbers, as those of a process's threads are.
    static func names(in path: String) -> [Int] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [Int] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int(name) { names.append(number) }
        }
        return names
    }
}
