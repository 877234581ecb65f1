import Mirror
import Tree

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One line of `--json`: what happened, as one JSON object. Its keys are a contract.
struct EventLine: Encodable {
    var event: String
    /// RFC 3339; decoration only.
    var time = WallClock.now()
    var revision: UInt64?
    /// As UTF-8; what is no UTF-8 is shown escaped, and stands in `path_b64` as it is.
    var path: String?
    var pathBase64: String?
    /// Where it was before, of what has another name now.
    var from: String?
    var fromBase64: String?
    /// `file`, `directory` or `symlink`.
    var kind: String?
    /// In bytes.
    var size: UInt64?
    /// 64 hexadecimal digits.
    var digest: String?
    /// The replica that made the change, or the peer concerned.
    var by: String?
    var url: String?
    var hub: String?
    var address: String?
    var copy: String?
    var copyBase64: String?
    var cursor: String?
    var reason: String?
    /// Of a snapshot: `start`, `progress` or `done`.
    var state: String?
    /// Entries and bytes of files put in place since the connection began; entries that are held.
    var entries: Int?
    var bytes: UInt64?
    /// Of a version in the log: `here` or `history`.
    var kept: String?

    enum CodingKeys: String, CodingKey {
        case event, time, revision, path
        case pathBase64 = "path_b64"
        case from
        case fromBase64 = "from_b64"
        case kind, size, digest, by, url, hub, address, copy
        case copyBase64 = "copy_b64"
        case cursor, reason, state, entries, bytes, kept
    }

    init(_ event: String) {
        self.event = event
    }

    /// What is told of `event`; nothing of those that mean something to people only.
    ///
    /// `isInSync`: whether the snapshot that is under way, if any, was told to be done.
    static func lines(of event: MirrorEvent, isInSync: Bool) -> [EventLine] {
        switch event {
        case .scanning, .reading, .scanned, .trusted: []
        case .listening(let url): [EventLine("listening") { $0.url = "\(url)" }]
        case .unwatched(let reason): [EventLine("problem") { $0.reason = "changes can't be watched for: \(reason)" }]
        case .uncontrolled(let reason): [EventLine("problem") { $0.reason = "the control socket: \(reason)" }]
        case .connected(let hub, _, _):
            [EventLine("connected") { $0.hub = hub }, EventLine("snapshot") { $0.state = "start" }]
        case .disconnected(let reason), .unreachable(let reason):
            [EventLine("disconnected") { $0.reason = reason }]
        case .progress(let progress):
            isInSync ? [] : [EventLine("snapshot") { $0.setProgress("progress", progress) }]
        case .peerJoined(let name, let address):
            [
                EventLine("peer-joined") { line in
                    line.by = name
                    line.address = address
                }
            ]
        case .peerLeft(let name): [EventLine("peer-left") { $0.by = name }]
        case .applied(let change, let was), .sent(let change, let was): [EventLine(change, was: was)]
        case .appliedMove(let move), .sentMove(let move): [EventLine(move)]
        case .conflict(let path, let copy):
            [
                EventLine("conflict") { line in
                    line.set(path)
                    (line.copy, line.copyBase64) = Self.shown(copy)
                }
            ]
        case .problem(let path, let problem):
            [
                EventLine("problem") { line in
                    line.set(path)
                    line.reason = Wording.problem(problem)
                }
            ]
        case .held(let deletions):
            [
                EventLine("held") { line in
                    line.entries = deletions.count
                    line.by = deletions.author
                    line.reason = Wording.held(deletions)
                }
            ]
        case .inSync(let cursor): [EventLine("in-sync") { $0.cursor = "\(cursor)" }]
        }
    }

    private init(_ event: String, _ fill: (inout EventLine) -> Void) {
        self.init(event)
        fill(&self)
    }

    private init(_ change: Change, was: Entry) {
        self.init(Wording.verb(change, was: was))
        revision = change.revision.rawValue
        by = change.author
        set(change.path, change.entry, was: was)
    }

    private init(_ move: Move) {
        self.init("moved")
        revision = move.revision.rawValue
        by = move.arrival.author
        set(move.arrival.path, move.arrival.entry)
        (from, fromBase64) = Self.shown(move.departure.path)
    }

    mutating func set(_ path: RelativePath, _ entry: Entry, was: Entry = .tombstone) {
        set(path)
        switch entry.isTombstone ? was : entry {
        case .file(let file):
            kind = "file"
            guard !entry.isTombstone else { break }
            size = file.size
            digest = file.digest.hex(64)
        case .directory: kind = "directory"
        case .symlink: kind = "symlink"
        case .tombstone: break
        }
    }

    mutating func setProgress(_ state: String, _ progress: MirrorEvent.Progress) {
        self.state = state
        entries = progress.entries
        bytes = progress.bytes + progress.underway.done
    }

    private mutating func set(_ path: RelativePath) {
        (self.path, pathBase64) = Self.shown(path)
    }

    static func shown(_ path: RelativePath) -> (String, String?) {
        if let text = path.utf8 { return (text, nil) }
        return (path.description, Data(path.bytes).base64EncodedString())
    }
}

/// One JSON object a line.
enum JSONLine {
    static func bytes(_ value: some Encodable) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = (try? encoder.encode(value)) ?? Data()
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }
}

/// Writes event lines to stdout, each whole.
final class EventLines: Sendable {
    private let encoder: JSONEncoder

    init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    func tell(_ line: some Encodable) {
        guard var bytes = try? encoder.encode(line) else { return }
        bytes.append(UInt8(ascii: "\n"))
        // Nobody reads on: that ends a pipe's programs, quietly.
        if !StandardStream.output.write(bytes) { StandardStream.endOnRequest() }
    }
}
