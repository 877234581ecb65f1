import Foundation
import Index
import TestSupport
import Testing
import Tree

/// A folder of a test's own, removed with the value that holds it.
final class Folder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "index-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    var indexPath: String { url.appending(path: "index.sqlite").path }

    func open(settings: Index.Settings = Index.Settings()) throws -> Index {
        try Index(path: indexPath, newReplica: 7, settings: settings)
    }
}

func path(_ string: String) throws -> RelativePath {
    try RelativePath(string)
}

func digest(_ number: UInt64) throws -> Digest {
    var generator = SeededRandom(seed: number)
    return try #require(Digest((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }))
}

func file(_ number: UInt64, size: UInt64 = 10) throws -> Entry {
    .file(
        Entry.File(
            size: size, digest: try digest(number), mode: Mode(rawValue: 0o644),
            mtime: Timestamp(seconds: 1_700_000_000 + Int64(number % 1_000_000), nanoseconds: 123_456_789)))
}

func fingerprint(_ number: UInt64) -> Fingerprint {
    Fingerprint(
        inode: 1000 &+ number, size: 10, mtime: Timestamp(seconds: 1_700_000_000, nanoseconds: 5),
        ctime: Timestamp(seconds: -3, nanoseconds: 999_999_999), mode: 0o100644)
}

func version(_ revision: UInt64, _ entry: Entry) -> Version {
    Version(revision: Revision(rawValue: revision), entry: entry)
}

func cursor(_ revision: UInt64, epoch: UInt64 = 1) -> Cursor {
    Cursor(epoch: Epoch(rawValue: epoch), revision: Revision(rawValue: revision))
}

/// A record that is in step: base and remote are the same.
func settled(_ name: String, _ revision: UInt64, _ entry: Entry? = nil) throws -> Record {
    let version = version(revision, try entry ?? file(revision))
    return Record(
        path: try path(name), base: version, remote: version, author: "ada", fingerprint: fingerprint(revision))
}

extension [RelativePath] {
    var names: [String] { map(\.description) }
}

extension [Record] {
    var names: [String] { map(\.path.description) }
}
