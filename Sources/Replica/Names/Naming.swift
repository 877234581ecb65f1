import Disk

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Place {
    /// Renames what is here to a name that is free, or fails with EEXIST; with what the file system has for it.
    ///
    /// - Parameter spare: A name that nothing has and nobody else gives to anything, where what is here lies in the tree:
    ///   somebody may save there between two steps. Without it, nobody else may give anything the name that is here.
    func renameExclusively(to target: Place, by spare: Place? = nil) throws(DiskError) {
        guard try !renameAtOnce(to: target) else { return }
        if try status().kind == .directory {
            // A directory cannot be linked; but an empty one of the new name is all that this could replace.
            guard try target.statusIfPresent() == nil else {
                throw DiskError("rename", path: target.path, code: EEXIST)
            }
            return try renameOver(target)
        }
        try link(to: target)
        guard let spare else { return try removeFile() }
        // Only now it is certain what loses its name: not what somebody has just put there.
        try renameOver(spare)
        guard try spare.status().identity != target.statusIfPresent()?.identity else { return try spare.removeFile() }
        try spare.renameExclusively(to: self)
    }

    /// The same, in one step. False where the file system has none, as ZFS before 2.2 and NFS, and nothing was done.
    func renameAtOnce(to target: Place) throws(DiskError) -> Bool {
        do {
            try rename(to: target, .exclusive)
            return true
        } catch {
            guard error.isUnsupported, error.code != EXDEV else { throw error }
            return false
        }
    }

    /// Whether this is a file, as `status` says, and a program is known to have it open for writing. What it holds says
    /// nothing then: it may be truncated and about to be written anew. To be asked before its content is looked at, or
    /// somebody could write in between.
    func isBeingWritten(_ status: Status) -> Bool {
        guard status.kind == .file, let file = try? openForReading() else { return false }
        return file.hasNoWriter == false
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
