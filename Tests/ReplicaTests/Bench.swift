import Disk
import Index
import Testing
import Tree

@testable import Replica

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A replica on a folder of its own, with the little that a machine would do.
final class Bench {
    let scratch: Scratch
    private(set) var replica: FolderReplica
    let folder: String
    private var revision: UInt64 = 0

    init(_ scratch: Scratch? = nil, folder: String = "r", settings: ReplicaSettings = ReplicaSettings()) throws {
        let scratch = try scratch ?? Scratch()
        self.scratch = scratch
        self.folder = folder
        scratch.shell("mkdir -p \(folder)")
        replica = try FolderReplica(at: Array("\(scratch.path)/\(folder)".utf8), role: "test", settings: settings)
    }

    /// Lets go of the replica, lets `body` do to its files what it wants, and opens it again.
    func reopen(_ body: (Index) throws -> Void = { _ in }) throws {
        replica.close()
        try body(replica.index)
        let settings = replica.settings
        // The old one must be gone, and its lock with it, before the new one is opened.
        let spare = try Scratch()
        replica = try FolderReplica(at: Array(spare.path.utf8), role: "spare")
        while true {
            do {
                replica = try FolderReplica(
                    at: Array("\(scratch.path)/\(folder)".utf8), role: "test", settings: settings)
                return
            } catch OpenFailure.held {
                // A child of another test's, between its fork and its exec, still has the lock's descriptor.
                usleep(1000)
            }
        }
    }

    @discardableResult
    func shell(_ script: String) -> Int32 { scratch.shell("cd \(folder) && { \(script)\n}") }
    func write(_ text: String, to name: String) throws { try scratch.write(text, to: "\(folder)/\(name)") }
    func write(_ bytes: [UInt8], to name: String) throws { try scratch.write(bytes, to: "\(folder)/\(name)") }
    func text(_ name: String) throws -> String { try scratch.text("\(folder)/\(name)") }

    func look(_ name: String, rereading: Bool = false) throws -> Observation {
        let path = try path(name)
        return try replica.look(at: path, record: try replica.record(at: path), rereading: rereading)
    }

    func present(_ name: String) throws -> (entry: Entry, fingerprint: Fingerprint) {
        let seen = try look(name)
        guard case .present(let entry, let fingerprint) = seen else {
            throw BenchError(description: "\(name) is \(seen)")
        }
        return (entry, fingerprint)
    }

    /// Takes what is on the disk at `name` for what was agreed on.
    @discardableResult
    func adopt(_ name: String) throws -> (entry: Entry, fingerprint: Fingerprint) {
        let (entry, fingerprint) = try present(name)
        try save(name, entry, fingerprint)
        return (entry, fingerprint)
    }

    func save(_ name: String, _ entry: Entry, _ fingerprint: Fingerprint?) throws {
        revision += 1
        let version = Version(revision: Revision(rawValue: revision), entry: entry)
        let record = Record(
            path: try path(name), base: version, remote: version, author: "test", fingerprint: fingerprint)
        try replica.save([record], cursor: nil, durably: false)
    }

    /// A file with the digest of `bytes`.
    static func file(_ bytes: [UInt8], mode: UInt16 = 0o644, seconds: Int64 = 1_000_000_000) throws -> Entry.File {
        let digest = try digest(of: bytes)
        return Entry.File(
            size: UInt64(bytes.count), digest: digest, mode: Mode(rawValue: mode),
            mtime: Timestamp(seconds: seconds, nanoseconds: 123_456_789))
    }

    private static func digest(of bytes: [UInt8]) throws -> Digest {
        if bytes.count <= ChunkingParameters.oneChunkLimit { return Digest(of: bytes) }
        let scratch = try Scratch()
        try scratch.write(bytes, to: "f")
        let file = try Root(at: Array(scratch.path.utf8)).openFile(path("f"))
        return try ContentReader().read(file, status: file.status()).digest
    }

    static func file(_ text: String, mode: UInt16 = 0o644) throws -> Entry.File {
        try file(Array(text.utf8), mode: mode)
    }

    func staged(_ file: Entry.File, _ content: [UInt8]?) throws -> Staged {
        let staging = try replica.stage(file, content: content)
        guard case .ready(let staged) = staging else { throw BenchError(description: "\(staging)") }
        return staged
    }

    func place(_ text: String, at name: String, expecting: Fingerprint?) throws -> Placement<Removed> {
        let file = try Self.file(text)
        return try replica.place(
            .file(file), staged: staged(file, Array(text.utf8)), at: path(name), expecting: expecting)
    }

    func list(_ file: Digest) throws -> [UInt8] {
        guard let list = try replica.list(of: file) else { throw BenchError(description: "no list") }
        return list
    }

    func chunkList(_ file: Digest) throws -> ChunkList {
        guard let list = ChunkList(encoded: try list(file)) else { throw BenchError(description: "no list") }
        return list
    }

    func chunk(_ chunk: Digest, of file: Digest) throws -> [UInt8] {
        guard let bytes = try replica.chunk(chunk, of: file) else { throw BenchError(description: "no chunk") }
        return bytes
    }

    /// Takes a file with this content through a transfer, and says how many chunks had to come from the other side.
    func transfer(_ bytes: [UInt8], from other: Bench) throws -> (file: Entry.File, staged: Staged, sent: Int) {
        try other.write(bytes, to: "source")
        guard case .file(let file) = try other.adopt("source").entry else { throw BenchError(description: "no file") }
        if case .missing(true, _) = try replica.stage(file, content: nil) {
            let list = try other.list(file.digest)
            #expect(try !replica.receive(list: list + [0], of: file.digest))
            #expect(try replica.receive(list: list, of: file.digest))
        }
        var sent = 0
        if case .missing(false, let chunks) = try replica.stage(file, content: nil) {
            for chunk in chunks {
                let bytes = try other.chunk(chunk.digest, of: file.digest)
                #expect(try replica.receive(chunk: bytes, digest: chunk.digest, of: file.digest))
                sent += 1
            }
        }
        return (file, try staged(file, nil), sent)
    }

    /// All text that is anywhere: in the tree, staged or taken out, in history.
    func everything() -> String {
        scratch.shell("find \(folder) -type f ! -path '*/index.sqlite*' ! -name lock -exec cat {} + > all.txt")
        return (try? scratch.text("all.txt")) ?? ""
    }

    var stagingNames: [String] {
        get throws { try replica.state.staging.names().map { String(decoding: $0, as: UTF8.self) } }
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
}

extension Placement {
    var name: String {
        switch self {
        case .placed: "placed"
        case .displaced: "displaced"
        case .changed: "changed"
        case .noParent: "noParent"
        case .notEmpty: "notEmpty"
        case .problem(let problem): "problem \(problem.reason)"
        }
    }

    var fingerprint: Fingerprint? {
        switch self {
        case .placed(let fingerprint, _), .displaced(let fingerprint, _): fingerprint
        default: nil
        }
    }

    var out: Removed? {
        switch self {
        case .placed(_, let removed): removed
        case .displaced(_, let edit): edit
        default: nil
        }
    }
}

extension Removal {
    var name: String {
        switch self {
        case .removed: "removed"
        case .displaced: "displaced"
        case .changed: "changed"
        case .notEmpty: "notEmpty"
        case .problem(let problem): "problem \(problem.reason)"
        }
    }

    var out: Removed? {
        switch self {
        case .removed(let removed): removed
        case .displaced(let edit): edit
        default: nil
        }
    }
}

extension Review {
    var name: String {
        switch self {
        case .settled: "settled"
        case .edited: "edited"
        case .gone: "gone"
        case .unreadable: "unreadable"
        }
    }
}

extension Staging {
    var name: String {
        switch self {
        case .ready: "ready"
        case .missing(let list, let chunks): list ? "list" : "\(chunks.count) chunks"
        case .mismatch: "mismatch"
        case .problem(let problem): "problem \(problem.reason)"
        }
    }
}

extension FolderReplica {
    func stage(_ file: Entry.File, content: [UInt8]?) throws(StoreFailure) -> Staging<Staged> {
        guard let content else { return try stage(file, bytes: nil) }
        return try content.withUnsafeBufferPointer { (bytes) throws(StoreFailure) in
            try stage(file, bytes: UnsafeRawBufferPointer(bytes))
        }
    }

    func receive(chunk: [UInt8], digest: Digest, of file: Digest) throws(StoreFailure) -> Bool {
        try chunk.withUnsafeBufferPointer { (bytes) throws(StoreFailure) in
            try receive(chunk: UnsafeRawBufferPointer(bytes), digest: digest, of: file)
        }
    }
}
