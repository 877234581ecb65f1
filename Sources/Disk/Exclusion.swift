package import Tree

/// What of a folder is left out: neither listed nor watched.
///
/// Asked from more than one thread. What it answers may change; whoever changes it sees to what was passed over
/// before, or was not.
package protocol Exclusion: AnyObject, Sendable {
    /// What of `directory` (nil: the root), which holds these names, is left out; nil where nothing is.
    func filter(in directory: RelativePath?, holding names: [[UInt8]]) -> ExclusionFilter?

    /// Whether this is left out, wherever it is.
    func excludes(_ path: RelativePath, isDirectory: Bool) -> Bool

    /// A writer is done with `path`, or it was moved to here: it may be what says what is left out.
    func completed(_ path: RelativePath)
}

/// Whether what is at a path, a directory or not, is left out; asked of what lies in one directory.
package typealias ExclusionFilter = (_ path: RelativePath, _ isDirectory: Bool) -> Bool
