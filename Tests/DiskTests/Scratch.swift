import Disk
import TestSupport
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A folder of a test's own, removed with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/nosocks-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DiskError("mkdtemp", code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        shell("chmod -R u+rwx . 2>/dev/null; cd /; rm -rf \(path)")
    }

    func root(_ resolution: Root.Resolution? = nil) throws -> Root {
        try Root(at: Array(path.utf8), resolution: resolution)
    }

    /// Runs a script in the folder, and gives its exit code.
    @discardableResult
    func shell(_ script: String) -> Int32 { Shell.run("cd '\(path)' && { \(script)\n}") }

    func write(_ bytes: [UInt8], to name: String) throws {
        let raw = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard raw >= 0 else { throw DiskError("open", code: errno) }
        try Descriptor(adopting: raw).write(bytes, at: 0)
    }
}

func path(_ text: String) throws -> RelativePath {
    try RelativePath(text)
}

var isSuperuser: Bool { geteuid() == 0 }
