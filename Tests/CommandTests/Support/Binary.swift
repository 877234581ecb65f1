#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where the programs under test are: beside the test bundle, or where the environment says.
enum Binary {
    static let nosocks = getenv("NOSOCKS_TEST_BINARY").map { String(cString: $0) } ?? "\(directory)/nosocks"
    static let echo = "\(directory)/websocket-echo"
    static let oldRenames = "\(directory)/old-renames"

    private static let directory: String = {
        var path = CommandLine.arguments[0]
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &bytes, bytes.count)
        if count > 0 { path = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        // A bundle is a file on Linux and a folder on macOS; the programs lie beside it either way.
        while let cut = path.lastIndex(of: "/") {
            path = String(path[..<cut])
            if access("\(path)/nosocks", X_OK) == 0 { break }
        }
        return path
    }()
}
