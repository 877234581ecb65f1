package import Disk
package import Tree

/// What any folder holds, as a replica would see it: by components in byte order, a directory before what is inside it, and
/// without what its rules leave out.
package final class FolderListing {
    private let root: Root
    private var walk: Walk
    private let reader = ContentReader()

    /// - Parameter path: Of the folder.
    package init(at path: [UInt8]) throws(DiskError) {
        root = try Root(at: path)
        let state = try? StatePlace(of: root).open()
        let rules = RuleBook(root, command: state.map { StateFolder.patterns(in: $0) } ?? [])
        walk = Walk(root, excluding: rules)
    }

    /// The next thing found, but for what is left out; nil at the end.
    package func next() -> Walk.Item? {
        while let item = walk.next() {
            if case .excluded = item { continue }
            return item
        }
        return nil
    }

    /// The digest of what a file holds now.
    package func digest(of path: RelativePath) throws(ContentReader.Failure) -> Digest {
        let file: Descriptor
        let status: Status
        do throws(DiskError) {
            file = try root.openFile(path)
            status = try file.status()
        } catch {
            throw .disk(error)
        }
        return try reader.read(file, status: status).digest
    }

    /// What a symlink says.
    package func target(of path: RelativePath) throws(DiskError) -> [UInt8] {
        try root.place(of: path).readSymlink()
    }
}
