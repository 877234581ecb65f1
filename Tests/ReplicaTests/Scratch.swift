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

    init(in parent: String = "/tmp") throws {
        var template = Array("\(parent)/nosocks-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DiskError("mkdtemp", code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        shell("cd /; umount \(path)/* 2>/dev/null; rm -rf \(path)")
    }

    /// Runs a script in the folder, and gives its exit code.
    @discardableResult
    func shell(_ script: String) -> Int32 { Shell.run("cd '\(path)' && { \(script)\n}") }

    func write(_ bytes: [UInt8], to name: String) throws {
        let raw = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard raw >= 0 else { throw DiskError("open", code: errno) }
        try Descriptor(adopting: raw).write(bytes, at: 0)
    }

    func write(_ text: String, to name: String) throws {
        try write(Array(text.utf8), to: name)
    }

    func read(_ name: String) throws -> [UInt8] {
        let raw = open("\(path)/\(name)", O_RDONLY)
        guard raw >= 0 else { throw DiskError("open", code: errno) }
        let file = Descriptor(adopting: raw)
        return try file.read(Int(file.status().size), at: 0)
    }

    func text(_ name: String) throws -> String {
        String(decoding: try read(name), as: UTF8.self)
    }
}

func path(_ text: String) throws -> RelativePath {
    try RelativePath(text)
}

var isSuperuser: Bool { geteuid() == 0 }
