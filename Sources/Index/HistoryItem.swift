package import Tree

/// A replaced or deleted version that is still kept.
package struct HistoryItem: Hashable, Sendable {
    /// How its content is kept.
    package enum Form: Int64, Hashable, Sendable {
        /// As a file of its own in the history folder, as it came out of the tree; whether it can be reduced was not
        /// looked at yet.
        case whole = 0
        /// As a file of its own.
        case file = 1
        /// In its row. What is no file needs no content besides the entry.
        case row = 2
        /// As a file of those chunks alone that ``base`` lacks.
        case pack = 3
    }

    /// The order in which history came; 0 before it has a row.
    package var id: Int64 = 0
    /// Its name in the history folder; unique.
    package var name: String
    /// Where it was in the tree.
    package var path: RelativePath
    package var entry: Entry
    package var origin: Origin
    /// What it takes on the disk, in bytes.
    package var size: UInt64
    /// When it became history, in seconds since 1970.
    package var seconds: Int64
    package var form: Form
    /// Of a pack: the item that has the other chunks. It came later.
    package var base: Int64?

    package init(
        name: String, path: RelativePath, entry: Entry, origin: Origin = .unknown, size: UInt64, seconds: Int64,
        form: Form = .whole
    ) {
        self.name = name
        self.path = path
        self.entry = entry
        self.origin = origin
        self.size = size
        self.seconds = seconds
        self.form = form
    }
}
