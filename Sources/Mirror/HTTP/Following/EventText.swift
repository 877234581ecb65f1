import NIOCore
import Replica
import Tree

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Writes event lines and listings as JSON, straight into a buffer. The keys are those of `nosocks --json`, in the same order.
struct EventText {
    private(set) var buffer = ByteBuffer()
    private var isFirst = true

    // MARK: What is told

    /// An event line, without a line feed.
    mutating func write(_ line: FeedLine, time: String) {
        switch line {
        case .change(let change, let was):
            write(Self.verb(change.entry, was: was), change, was: was, at: change.revision, time)
        case .move(let move): write(move, time: time)
        }
    }

    mutating func write(_ move: Move, time: String) {
        write("moved", move.arrival, was: nil, from: move.departure.path, at: move.revision, time)
    }

    private mutating func write(
        _ event: String, _ change: Change, was: Entry?, from former: RelativePath? = nil, at revision: Revision,
        _ time: String
    ) {
        begin()
        member("by", change.author)
        if let file = change.entry.file { member("digest", file.digest.hex()) }
        member("event", event)
        if let former { member("from", path: former) }
        if let kind = Self.kind(change.entry.isTombstone ? was ?? .tombstone : change.entry) { member("kind", kind) }
        member("path", path: change.path)
        member("revision", revision.rawValue)
        if let file = change.entry.file { member("size", file.size) }
        member("time", time)
        end()
    }

    /// That everything up to `cursor` was told.
    mutating func writeInSync(_ cursor: Cursor, time: String) {
        begin()
        member("cursor", "\(cursor)")
        member("event", "in-sync")
        member("time", time)
        end()
    }

    /// To which hub a follower has come, and from where it is told what happens.
    mutating func writeConnected(to hub: String, at cursor: Cursor, time: String) {
        begin()
        member("cursor", "\(cursor)")
        member("event", "connected")
        member("hub", hub)
        member("time", time)
        end()
    }

    /// What happened that is no change.
    ///
    /// - Returns: False for what only whoever runs the hub is told, of which nothing is written.
    mutating func write(_ event: MirrorEvent, time: String) -> Bool {
        switch event {
        case .connected(let hub, _, _): write("connected", hub: hub, time)
        case .disconnected(let reason), .unreachable(let reason): write("disconnected", reason: reason, time)
        case .peerJoined(let name, _): write("peer-joined", by: name, time)
        case .peerLeft(let name): write("peer-left", by: name, time)
        case .conflict(let path, let copy): write("conflict", path, copy: copy, time)
        case .problem(let path, let problem): write("problem", path, reason: problem.words, time)
        case .held(let deletions): write("held", by: deletions.author, entries: deletions.count, time)
        default: return false
        }
        return true
    }

    private mutating func write(
        _ event: String, _ path: RelativePath? = nil, by author: String? = nil, copy: RelativePath? = nil,
        entries: Int? = nil, hub: String? = nil, reason: String? = nil, _ time: String
    ) {
        begin()
        if let author { member("by", author) }
        if let copy { member("copy", path: copy) }
        if let entries { member("entries", UInt64(clamping: entries)) }
        member("event", event)
        if let hub { member("hub", hub) }
        if let path { member("path", path: path) }
        if let reason { member("reason", reason) }
        member("time", time)
        end()
    }

    /// What is at a path, as a listing has it.
    mutating func write(_ item: WalkItem) {
        begin()
        member("by", item.author)
        if let file = item.version.entry.file { member("digest", file.digest.hex()) }
        if let kind = Self.kind(item.version.entry) { member("kind", kind) }
        switch item.version.entry {
        case .file(let file):
            member("mode", Self.octal(file.mode))
            member("mtime", Self.text(file.mtime))
        case .directory(let directory): member("mode", Self.octal(directory.mode))
        case .symlink, .tombstone: break
        }
        member("path", path: item.path)
        member("revision", item.version.revision.rawValue)
        switch item.version.entry {
        case .file(let file): member("size", file.size)
        case .symlink(let symlink): member("target", RelativePath.printable(symlink.target))
        case .directory, .tombstone: break
        }
        end()
    }

    mutating func write(raw text: StaticString) { buffer.writeStaticString(text) }
    mutating func write(raw text: String) { buffer.writeString(text) }

    mutating func take() -> ByteBuffer {
        defer { buffer = ByteBuffer() }
        return buffer
    }

    private static func verb(_ entry: Entry, was: Entry?) -> String {
        guard entry.isLive else { return "deleted" }
        return was?.isTombstone == true ? "created" : "modified"
    }

    static func kind(_ entry: Entry) -> String? {
        switch entry {
        case .file: "file"
        case .directory: "directory"
        case .symlink: "symlink"
        case .tombstone: nil
        }
    }

    static func octal(_ mode: Mode) -> String {
        let digits = String(mode.rawValue, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// RFC 3339, to the nanosecond.
    static func text(_ time: Timestamp) -> String {
        "\(CivilTime(time.seconds).text).\(String(1_000_000_000 + Int(time.nanoseconds)).dropFirst())Z"
    }

    // MARK: JSON

    private mutating func begin() {
        buffer.writeInteger(UInt8(ascii: "{"))
        isFirst = true
    }

    private mutating func end() { buffer.writeInteger(UInt8(ascii: "}")) }

    private mutating func name(_ name: String) {
        if !isFirst { buffer.writeInteger(UInt8(ascii: ",")) }
        isFirst = false
        buffer.writeInteger(UInt8(ascii: "\""))
        buffer.writeString(name)
        buffer.writeStaticString("\":")
    }

    private mutating func member(_ name: String, _ value: UInt64) {
        self.name(name)
        buffer.writeString(String(value))
    }

    private mutating func member(_ name: String, _ value: String) {
        self.name(name)
        write(string: value)
    }

    /// As UTF-8; what is none is shown escaped, and stands beside it as it is.
    private mutating func member(_ name: String, path: RelativePath) {
        if let text = path.utf8 {
            member(name, text)
        } else {
            member(name, path.description)
            member(name + "_b64", Data(path.bytes).base64EncodedString())
        }
    }

    private mutating func write(string: String) {
        buffer.writeInteger(UInt8(ascii: "\""))
        if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            buffer.writeString(string)
        } else {
            for byte in string.utf8 { write(escaped: byte) }
        }
        buffer.writeInteger(UInt8(ascii: "\""))
    }

    private mutating func write(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): buffer.writeBytes([UInt8(ascii: "\\"), byte])
        case 0x0a: buffer.writeStaticString("\\n")
        case 0x0d: buffer.writeStaticString("\\r")
        case 0x09: buffer.writeStaticString("\\t")
        case ..<0x20: buffer.writeString("\\u00" + Hex.text([byte]))
        default: buffer.writeInteger(byte)
        }
    }
}
