package import Disk
package import Ignore
package import Tree

/// Says which rule of a replica ignores a path, without its process: from the rule files, and from the patterns that
/// its last process was given.
package struct IgnoredLookup {
    private let root: Root
    private let book: RuleBook

    /// Opens the replica in the folder at `path`; nil where there is none.
    package init?(at path: [UInt8]) throws(DiskError) {
        root = try Root(at: path)
        let state: Descriptor
        do {
            state = try StatePlace(of: root).open()
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
        book = RuleBook(root, command: StateFolder.patterns(in: state))
    }

    /// Where the folder is: absolute, without symlinks.
    package var folder: [UInt8] { root.path }

    /// The rule by which `path` is ignored; nil where it is not. What is not there is taken for a directory if so said.
    package func rule(for path: RelativePath, isDirectory: Bool) -> RuleMatch? {
        let status = try? root.status(of: path)
        let match = book.match(path, isDirectory: status.map { $0.kind == .directory } ?? isDirectory)
        return match?.isIgnoring == true ? match : nil
    }
}
