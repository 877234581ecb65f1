import Disk
import Ignore
import Replica
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Which rule of a replica ignores a path, whether or not a process holds the replica.
package struct IgnoredPaths {
    /// A rule, as it is spoken of.
    package struct Rule: Hashable, Sendable {
        /// The rule file, from the replica's root; nil for a pattern given with `--ignore`.
        package let file: RelativePath?
        /// The line in the file, or the how manieth `--ignore`; from 1.
        package let line: Int
        package let pattern: [UInt8]
    }

    package enum Failure: Error, Hashable, Sendable {
        /// No folder above this name is a replica.
        case noReplica
        /// The name is that of the replica itself, or of its state.
        case notMirrored
        case failed(String)
    }

    private var lookups: [[UInt8]: IgnoredLookup] = [:]

    package init() {}

    /// The rule that ignores what a person calls `name`; nil where none does.
    package mutating func rule(for name: [UInt8]) throws(Failure) -> Rule? {
        let slash = UInt8(ascii: "/")
        var bare = name[...]
        while bare.count > 1, bare.last == slash { bare.removeLast() }
        guard !bare.isEmpty else { throw .noReplica }
        let cut = bare.lastIndex(of: slash)
        let directory = cut.map { $0 == bare.startIndex ? [slash] : Array(bare[..<$0]) } ?? Array(".".utf8)
        var last = cut.map { Array(bare[($0 + 1)...]) } ?? Array(bare)
        // What is called by no name of its own: its place in the tree is found by the system.
        var resolved = try resolve(directory, orAbove: &last)
        if last == Array(".".utf8) || last == Array("..".utf8) {
            resolved = try resolve(Array(bare), orAbove: &last)
            last = []
        }
        let whole = last.isEmpty ? resolved : (resolved == [slash] ? resolved : resolved + [slash]) + last
        let lookup = try replica(holding: whole)
        guard whole.count > lookup.folder.count + 1 else { throw .notMirrored }
        let below = lookup.folder == [slash] ? whole.dropFirst() : whole.dropFirst(lookup.folder.count + 1)
        guard let path = try? RelativePath(Array(below)) else { throw .notMirrored }
        guard let match = lookup.rule(for: path, isDirectory: name.last == slash) else { return nil }
        let file: RelativePath? =
            switch match.source {
            case .command: nil
            case .file(let directory): try? RelativePath.child("\(RelativePath.ruleFileName)".utf8, of: directory)
            }
        return Rule(file: file, line: match.line, pattern: match.pattern.text)
    }

    /// The directory at `path` without symlinks. What of it is not there goes before `rest`.
    private func resolve(_ path: [UInt8], orAbove rest: inout [UInt8]) throws(Failure) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        var path = path
        while true {
            let text = path.map { CChar(bitPattern: $0) } + [0]
            if let resolved = realpath(text, nil) {
                defer { free(resolved) }
                return Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
            }
            guard errno == ENOENT || errno == ENOTDIR else { throw .failed(String(cString: strerror(errno))) }
            let cut = path.lastIndex(of: slash)
            let name = cut.map { path[($0 + 1)...] } ?? path[...]
            if !name.isEmpty { rest = name + [slash] + rest }
            switch cut {
            case nil: path = Array(".".utf8)
            case path.startIndex: path = [slash]
            case let cut?: path = Array(path[..<cut])
            }
        }
    }

    /// The nearest replica above `path`, which is absolute and without symlinks.
    private mutating func replica(holding path: [UInt8]) throws(Failure) -> IgnoredLookup {
        let slash = UInt8(ascii: "/")
        var rest = path[...]
        while let cut = rest.lastIndex(of: slash) {
            rest = rest[..<cut]
            let folder = rest.isEmpty ? [slash] : Array(rest)
            if let known = lookups[folder] { return known }
            do throws(DiskError) {
                guard let found = try IgnoredLookup(at: folder) else { continue }
                lookups[folder] = found
                return found
            } catch {
                guard !error.isMissing else { continue }
                throw .failed("\(error)")
            }
        }
        throw .noReplica
    }
}
