import Disk
import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension FolderView {
    /// A file or symlink in the tree.
    package struct Item: Hashable, Sendable {
        package let path: RelativePath
        /// In bytes.
        package let size: UInt64
        package let modified: Timestamp
    }

    /// The files and symlinks in the tree inside of `directory` (nil: the root) that `isWanted`, in the order of a walk.
    package func items(inside directory: RelativePath?, _ isWanted: (RelativePath) -> Bool) -> [Item] {
        var walk = Walk(root, inside: directory)
        var found: [Item] = []
        while let item = walk.next() {
            guard case .found(let path, let status) = item, status.kind == .file || status.kind == .symlink,
                isWanted(path)
            else { continue }
            found.append(Item(path: path, size: status.size, modified: status.mtime))
        }
        return found
    }

    /// What is at `path`, if it is a file or symlink.
    package func item(at path: RelativePath) -> Item? {
        guard let status = try? root.status(of: path), status.kind == .file || status.kind == .symlink else {
            return nil
        }
        return Item(path: path, size: status.size, modified: status.mtime)
    }

    /// Takes what is at `path` out of the tree; it is kept, as a version of `owner`.
    package func takeOut(_ path: RelativePath, asVersionOf owner: RelativePath) throws(RestoreFailure) {
        do {
            let aside = try AsideFolder(in: state, making: true)
            let lock = try aside.hold()
            defer { withExtendedLifetime(lock) {} }
            let place = try root.place(of: path)
            let status = try place.status()
            let (entry, origin) = try present(at: place, owner, status)
            guard !entry.isDirectory else { throw RestoreFailure.occupied(path) }
            let item = RemovedItem(
                token: freshName(), path: owner, fingerprint: status.fingerprint, expected: entry,
                seconds: Int64(time(nil)), origin: origin)
            try aside.note(item)
            do {
                try place.renameOver(aside.place(item.token))
            } catch {
                aside.removeNote(item.token)
                throw error
            }
            try aside.synchronizeNames()
            try root.openDirectory(path.parent).synchronizeNames()
        } catch {
            throw RestoreFailure(error)
        }
    }

    /// Renames within the tree; false if something has the other name.
    package func rename(_ path: RelativePath, to target: RelativePath) throws(RestoreFailure) -> Bool {
        do throws(DiskError) {
            let spare = Place(directory: staging, name: Array(freshName().utf8))
            try root.place(of: path).renameExclusively(to: root.place(of: target), by: spare)
            return true
        } catch {
            if error.isExisting { return false }
            throw .failed(error)
        }
    }

    /// Puts what is at `path` in the place of what is at `target`, which is taken out and kept.
    package func replace(_ target: RelativePath, by path: RelativePath) throws(RestoreFailure) {
        do {
            let place = try root.place(of: target)
            switch try place.statusIfPresent()?.kind {
            case nil:
                guard try rename(path, to: target) else { throw RestoreFailure.changing }
            case .directory, .special: throw RestoreFailure.occupied(target)
            case .file, .symlink:
                guard try root.place(of: path).exchange(with: place) else {
                    // Where the file system has no exchange there is a moment without the name.
                    try takeOut(target, asVersionOf: target)
                    guard try rename(path, to: target) else { throw RestoreFailure.changing }
                    return
                }
                try takeOut(path, asVersionOf: target)
            }
        } catch {
            throw RestoreFailure(error)
        }
    }
}
