import NIOCore
import NIOHTTP1
import Replica
import Sync
import Tree

/// What became of a change that was asked for over HTTP.
struct ChangeOutcome: Sendable {
    let revision: Revision
    /// Whether nothing was there before.
    let isNew: Bool
}

// Changes over HTTP: looked up, judged and made in one turn of the replica's thread, so that what was there when the
// condition was looked at is there when it is replaced.
extension HubService {
    /// More entries than that are not moved in one go: the others would wait for it.
    private static let mostMoved = 1000
    private static let newDirectory = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))

    /// Checks what can be known before a body is read.
    ///
    /// - Returns: The mode that a file put at `path` has.
    func prepareToPut(_ path: RelativePath, _ condition: Precondition) throws -> Mode {
        let version = try version(at: path)
        try check(condition, path, version)
        _ = try parents(of: path)
        switch version.entry {
        case .file(let file): return file.mode
        case .directory: throw HTTPFailure(.conflict, "\(path) is a directory.")
        case .symlink, .tombstone: return Mode(rawValue: 0o644)
        }
    }

    /// Puts an entry at a path.
    ///
    /// - Parameters:
    ///   - content: Of a file of one chunk; a larger one's is uploaded.
    ///   - list: How a larger one is cut.
    func put(
        _ entry: Entry, at path: RelativePath, content: ByteBuffer? = nil, list: ChunkList? = nil,
        if condition: Precondition, by author: String
    ) throws -> ChangeOutcome {
        let version = try version(at: path)
        try check(condition, path, version)
        if version.entry.hasSameContent(as: entry) { return ChangeOutcome(revision: version.revision, isNew: false) }
        if version.entry.isDirectory { throw HTTPFailure(.conflict, "\(path) is a directory.") }
        if entry.isDirectory, version.entry.isLive { throw HTTPFailure(.conflict, "\(path) is no directory.") }
        if let list, let file = entry.file { try folder.save(list, of: file.digest) }
        var contents: [Digest: ByteBuffer] = [:]
        if let content, let file = entry.file { contents[file.digest] = content }
        let offers = try parents(of: path) + [Submission(path: path, base: version.revision, entry: entry)]
        return ChangeOutcome(
            revision: try change(offers, contents, by: author), isNew: !version.entry.isLive)
    }

    func delete(_ path: RelativePath, if condition: Precondition, by author: String) throws -> ChangeOutcome {
        let version = try version(at: path)
        guard version.entry.isLive else { throw HTTPFailure.notFound(path) }
        try check(condition, path, version)
        if version.entry.isDirectory, try machine.reconciler.liveEntry(inside: path) != nil {
            throw HTTPFailure(.conflict, "\(path) is not empty.")
        }
        let isDirectory = version.entry.isDirectory
        guard try machine.admitsDeletion(ofFiles: isDirectory ? 0 : 1, directories: isDirectory ? 1 : 0, by: author)
        else {
            throw HTTPFailure(
                .conflict, "\(author) has deleted too much: nosocks confirm, at the hub, lets it through.")
        }
        let offer = Submission(path: path, base: version.revision, entry: .tombstone)
        return ChangeOutcome(revision: try change([offer], by: author), isNew: false)
    }

    /// Gives what is at `path`, and all inside, another name: all of it in one batch.
    func move(
        _ path: RelativePath, to target: RelativePath, if condition: Precondition, replacing: Bool, by author: String
    ) throws -> ChangeOutcome {
        let version = try version(at: path)
        guard version.entry.isLive else { throw HTTPFailure.notFound(path) }
        try check(condition, path, version)
        let there = try self.version(at: target)
        guard path != target else { throw HTTPFailure(.forbidden, "Both names are the same.") }
        guard replacing || !there.entry.isLive else { throw HTTPFailure(.preconditionFailed, "\(target) is there.") }
        if there.entry.isDirectory || (version.entry.isDirectory && there.entry.isLive) {
            throw HTTPFailure(.conflict, "\(target) is in the way.")
        }
        guard !target.isInside(path), !path.isInside(target) else {
            throw HTTPFailure(.conflict, "One lies inside the other.")
        }
        var offers = try parents(of: target)
        offers.append(Submission(path: target, base: there.revision, entry: version.entry))
        var deletions = [Submission(path: path, base: version.revision, entry: .tombstone)]
        if version.entry.isDirectory {
            let inside = try folder.records(inside: path, after: nil, isRecursive: true, limit: Self.mostMoved + 1)
            guard inside.count <= Self.mostMoved else {
                throw HTTPFailure(.payloadTooLarge, "\(path) holds too much to be moved in one go.")
            }
            for record in inside where record.remote.entry.isLive {
                let name = target.bytes + record.path.bytes[path.bytes.count...]
                guard let moved = try? RelativePath(name) else {
                    throw HTTPFailure(.badRequest, "What is inside would have names that are too long.")
                }
                offers.append(
                    Submission(path: moved, base: try self.version(at: moved).revision, entry: record.remote.entry))
                deletions.append(
                    Submission(path: record.path, base: record.remote.revision, entry: .tombstone))
            }
        }
        let revision = try change(offers + deletions.reversed(), by: author)
        return ChangeOutcome(revision: revision, isNew: !there.entry.isLive)
    }

    private func check(_ condition: Precondition, _ path: RelativePath, _ version: Version) throws(HTTPFailure) {
        guard condition.holds(for: version) else {
            var failure = HTTPFailure(
                .preconditionFailed, "\(path) is at revision \(version.revision) now.",
                headers: ["x-nosocks-revision": "\(version.revision)"])
            if let file = version.entry.file { failure.add("etag", EntityTags.text(file.digest)) }
            throw failure
        }
    }

    /// The directories above `path` that are still to be made, from the top down.
    private func parents(of path: RelativePath) throws -> [Submission] {
        var missing: [Submission] = []
        for parent in path.ancestors {
            let version = try version(at: parent)
            switch version.entry {
            case .directory: break
            case .tombstone:
                missing.append(Submission(path: parent, base: version.revision, entry: Self.newDirectory))
            case .file, .symlink: throw HTTPFailure(.conflict, "\(parent) is no directory.")
            }
        }
        return missing
    }

    private func change(
        _ offers: [Submission], _ content: [Digest: ByteBuffer] = [:], by author: String
    ) throws -> Revision {
        var outcome: RequestOutcome?
        attempt { () throws(StoreFailure) in
            outcome = try machine.request(offers, content: content, by: author)
            perform(try machine.settled())
        }
        switch outcome {
        case .accepted(let revision): return revision
        case .declined(let path, let verdict): throw HTTPFailure(path, verdict)
        case nil: throw HTTPFailure.ending
        }
    }
}

extension HTTPFailure {
    fileprivate init(_ path: RelativePath, _ verdict: Verdict) {
        switch verdict {
        case .accepted, .lost: self.init(.conflict, "\(path) has changed meanwhile.")
        case .blocked(let other): self.init(.conflict, "\(other) is in the way of \(path).")
        case .refused(.noSpace): self.init(.insufficientStorage, "There is no space for \(path).")
        case .refused(.ignored): self.init(.forbidden, "Rules of this hub leave \(path) out.")
        case .refused(.contentUnavailable): self.init(.serviceUnavailable, "The content of \(path) is not here.")
        case .refused(.readOnly): self.init(.forbidden, "This hub may be read here, not changed.")
        case .refused(.guarded): self.init(.conflict, "Too much was deleted.")
        case .refused(.invalid): self.init(.conflict, "\(path) can't be put on this hub's disk.")
        }
    }
}
