import Disk

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension FolderView {
    /// Writes a file's version to a new file at `path`, wherever that is; it has its name when it is whole.
    package func write(_ version: KeptVersion, toNewFileAt path: [UInt8]) throws(RestoreFailure) {
        guard version.entry.file != nil else { throw .noFile }
        do {
            let target = try Self.place(of: path)
            guard try target.statusIfPresent() == nil else { throw RestoreFailure.exists }
            let staged = Place(directory: target.directory, name: Array(".nosocks-restore-\(getpid())".utf8))
            try stage(version, at: staged)
            do {
                try staged.renameExclusively(to: target)
            } catch {
                try? staged.removeFile()
                throw error
            }
        } catch let error as DiskError where error.isExisting {
            throw .exists
        } catch {
            throw RestoreFailure(error)
        }
    }

    private static func place(of path: [UInt8]) throws -> Place {
        let slash = UInt8(ascii: "/")
        let cut = path.lastIndex(of: slash)
        let name = Array(cut.map { path[($0 + 1)...] } ?? path[...])
        guard !name.isEmpty else { throw RestoreFailure.exists }
        let directory = cut.map { $0 == 0 ? [slash] : Array(path[..<$0]) } ?? [UInt8(ascii: ".")]
        return Place(directory: try Root(at: directory).descriptor, name: name)
    }
}
