import Disk

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Place {
    /// Renames what is here to a name that is free, or fails with EEXIST; with what the file system has for it.
    func renameExclusively(to target: Place) throws(DiskError) {
        do {
            return try rename(to: target, .exclusive)
        } catch {
            guard error.isUnsupported, error.code != EXDEV else { throw error }
        }
        if try status().kind == .directory {
            // A directory cannot be linked; but an empty one of the new name is all that this could replace.
            guard try target.statusIfPresent() == nil else {
                throw DiskError("rename", path: target.path, code: EEXIST)
            }
            return try renameOver(target)
        }
        try link(to: target)
        try removeFile()
    }

    /// Exchanges what is here with what has the other name. False where the file system cannot, and nothing was done.
    func exchange(with other: Place) throws(DiskError) -> Bool {
        do {
            try rename(to: other, .exchange)
            return true
        } catch {
            guard error.isUnsupported, error.code != EXDEV else { throw error }
            return false
        }
    }
}
