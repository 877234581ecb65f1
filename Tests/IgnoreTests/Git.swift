import TestSupport
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A git work tree of a test's own, removed with it: what git says of paths in it.
final class Git {
    /// What `git check-ignore -v` says of a path: the deciding rule, or that there is none.
    struct Verdict: Hashable {
        var source: [UInt8] = []
        var line = 0
        var pattern: [UInt8] = []
    }

    enum Failure: Error {
        case call(String, code: Int32)
        case unreadable
    }

    let folder: String

    init() throws {
        var template = Array("/tmp/nosocks-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure.call("mkdtemp", code: errno) }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try shell("mkdir tree && git init -q tree")
    }

    deinit {
        try? shell("cd / && rm -rf '\(folder)'")
    }

    private func shell(_ script: String) throws {
        // Nothing of the person's own settings.
        let settings = "HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C"
        let code = Shell.run("export \(settings); cd '\(folder)' && \(script)")
        guard code == 0 else { throw Failure.call(script, code: code) }
    }

    /// A name in the folder, for a system call.
    private func name(_ path: [UInt8]) -> [CChar] {
        (Array("\(folder)/".utf8) + path + [0]).map { CChar(bitPattern: $0) }
    }

    /// Makes a directory or an empty file in the tree.
    func make(_ path: RelativePath, isDirectory: Bool) throws {
        if isDirectory {
            let made = mkdir(name(Array("tree/".utf8) + path.bytes), 0o755)
            guard made == 0 else { throw Failure.call("mkdir \(path)", code: errno) }
        } else {
            try save([], to: Array("tree/".utf8) + path.bytes)
        }
    }

    private func save(_ bytes: [UInt8], to path: [UInt8]) throws {
        let file = open(name(path), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard file >= 0 else { throw Failure.call("open", code: errno) }
        defer { close(file) }
        guard write(file, bytes, bytes.count) == bytes.count else { throw Failure.call("write", code: errno) }
    }

    private func load(_ path: [UInt8]) throws -> [UInt8] {
        let file = open(name(path), O_RDONLY)
        guard file >= 0 else { throw Failure.call("open", code: errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    private func ruleFile(in directory: RelativePath?) -> [UInt8] {
        (directory.map { $0.bytes + [UInt8(ascii: "/")] } ?? []) + Array(".gitignore".utf8)
    }

    /// What git says of each of these paths with these rule files, and no others.
    func verdicts(on paths: [RelativePath], with rules: [RelativePath?: [UInt8]]) throws -> [Verdict] {
        for (directory, contents) in rules { try save(contents, to: Array("tree/".utf8) + ruleFile(in: directory)) }
        defer {
            for directory in rules.keys { unlink(name(Array("tree/".utf8) + ruleFile(in: directory))) }
        }
        try save(paths.flatMap { $0.bytes + [0] }, to: Array("paths".utf8))
        // It ends with 1 where nothing is ignored.
        try shell("git -C tree check-ignore -v -n --no-index --stdin -z < paths > said || [ $? = 1 ]")
        let said = try load(Array("said".utf8)).split(separator: 0, omittingEmptySubsequences: false)
        guard said.count == 4 * paths.count + 1 else { throw Failure.unreadable }
        return paths.indices.map { index in
            let line = Int(String(decoding: said[4 * index + 1], as: UTF8.self)) ?? 0
            return Verdict(source: Array(said[4 * index]), line: line, pattern: Array(said[4 * index + 2]))
        }
    }

    /// A decision of ours in git's words.
    func verdict(_ match: RuleMatchInWords?) -> Verdict {
        guard let match else { return Verdict() }
        return Verdict(source: ruleFile(in: match.directory), line: match.line, pattern: match.pattern)
    }
}

/// A rule of a file, and where it stands.
struct RuleMatchInWords {
    var directory: RelativePath?
    var line: Int
    var pattern: [UInt8]
}
