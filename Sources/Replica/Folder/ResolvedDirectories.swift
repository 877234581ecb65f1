import Disk
import Tree

/// The directories that were resolved last, while a batch is worked off. What is renamed is in one and was in another, so
/// two of them are kept, and one that was looked for in vain.
struct ResolvedDirectories {
    private var last: (path: RelativePath?, directory: Descriptor)?
    private var other: (path: RelativePath?, directory: Descriptor)?
    private var missing: Missing?

    private struct Missing {
        let path: RelativePath
        let error: DiskError
        /// Whether the folder was found to be the one that was opened after this was found missing.
        var isChecked = false
    }

    /// Nil where it was not resolved lately.
    ///
    /// - Throws: What resolving it threw, if it was missing.
    mutating func directory(at path: RelativePath?) throws(DiskError) -> Descriptor? {
        if let last, last.path == path { return last.directory }
        if let other, other.path == path {
            (self.last, self.other) = (other, last)
            return other.directory
        }
        if let missing, missing.path == path { throw missing.error }
        return nil
    }

    mutating func found(_ path: RelativePath?, _ directory: Descriptor) {
        (last, other) = ((path, directory), last)
    }

    mutating func missed(_ path: RelativePath, _ error: DiskError) {
        missing = Missing(path: path, error: error)
    }

    /// A directory is at `path`.
    mutating func appeared(_ path: RelativePath) {
        if let missing, missing.path == path { self.missing = nil }
    }

    func isChecked(_ path: RelativePath) -> Bool {
        guard let missing, missing.path == path else { return false }
        return missing.isChecked
    }

    mutating func checked(_ path: RelativePath) {
        if missing?.path == path { missing?.isChecked = true }
    }
}
