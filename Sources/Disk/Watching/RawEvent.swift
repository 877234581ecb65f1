/// One event as inotify(7) has it.
struct RawEvent: Sendable {
    /// The watch that it belongs to; -1 for an overflow.
    var watch: Int32
    /// One, but where they are those of one writer (``parse(_:)``).
    var kind: Kind
    /// The same for both halves of a rename; 0 for anything else.
    var cookie: UInt32 = 0
    /// The name in the watched directory; empty for the directory itself.
    var name: [UInt8]

    struct Kind: OptionSet, Sendable {
        let rawValue: UInt32

        static let written = Kind(rawValue: 0x2)
        static let touched = Kind(rawValue: 0x4)
        static let closed = Kind(rawValue: 0x8)
        static let movedFrom = Kind(rawValue: 0x40)
        static let movedTo = Kind(rawValue: 0x80)
        static let created = Kind(rawValue: 0x100)
        static let deleted = Kind(rawValue: 0x200)
        static let selfDeleted = Kind(rawValue: 0x400)
        static let selfMoved = Kind(rawValue: 0x800)
        static let unmounted = Kind(rawValue: 0x2000)
        static let overflow = Kind(rawValue: 0x4000)
        static let ignored = Kind(rawValue: 0x8000)
        static let isDirectory = Kind(rawValue: 0x4000_0000)

        // Flags of a watch, not of an event.
        private static let onlyDirectories = Kind(rawValue: 0x0100_0000)
        private static let withoutUnlinked = Kind(rawValue: 0x0400_0000)

        /// What a directory is watched for.
        static let wanted: Kind = [
            .written, .touched, .closed, .movedFrom, .movedTo, .created, .deleted, .selfDeleted, .selfMoved,
            .onlyDirectories, .withoutUnlinked,
        ]
    }

    /// What a writer does to a file from its beginning until it closes it comes in a row, as a rule, and is one event then.
    private func isContinued(by other: Kind, in watch: Int32, at name: UnsafeRawBufferPointer) -> Bool {
        kind.isSubset(of: [.created, .written, .touched]) && other.isSubset(of: [.written, .touched, .closed])
            && watch == self.watch && !name.isEmpty
            && self.name.withUnsafeBytes { $0.count == name.count && $0.elementsEqual(name) }
    }

    /// The events in what one read returned: 16 bytes each (watch, mask, cookie, length of the name), then the name,
    /// filled up with NULs.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> [RawEvent] {
        var events: [RawEvent] = []
        var offset = 0
        while offset + 16 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            let end = min(offset + 16 + length, bytes.count)
            let name = UnsafeRawBufferPointer(rebasing: bytes[(offset + 16)..<end].prefix { $0 != 0 })
            let watch = bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)
            let kind = Kind(rawValue: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
            let cookie = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self)
            offset = end
            if let last = events.indices.last, events[last].isContinued(by: kind, in: watch, at: name) {
                events[last].kind.formUnion(kind)
            } else {
                events.append(RawEvent(watch: watch, kind: kind, cookie: cookie, name: Array(name)))
            }
        }
        return events
    }
}
