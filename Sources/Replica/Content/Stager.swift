import Disk
import Tree

/// Makes files in the staging folder, on whichever thread.
struct Stager: Sendable {
    let folder: Descriptor

    /// Whether these are all the bytes of a file of one chunk.
    static func verifies(_ bytes: UnsafeRawBufferPointer, _ file: Entry.File) -> Bool {
        bytes.count == file.size && Digest(of: bytes) == file.digest
    }

    /// Makes a staged file of what `fill` writes, which must be verified; leaves nothing behind where that fails.
    func make(
        _ file: Entry.File, _ fill: (Descriptor) throws(DiskError) -> Void
    ) throws(DiskError) -> (Staged, Descriptor) {
        let name = freshName()
        let place = place(of: name)
        do throws(DiskError) {
            // It has its mode from the first, as a rule, which takes a call less.
            let target = try place.createFile(mode: file.mode)
            try fill(target)
            return (try finish(file, target, name), target)
        } catch {
            try? place.removeFile()
            throw error
        }
    }

    /// Gives a verified file in the staging folder its mode and mtime.
    func finish(_ file: Entry.File, _ target: Descriptor, _ name: String) throws(DiskError) -> Staged {
        try target.setModified(file.mtime)
        var status = try target.status()
        if status.mode != file.mode {
            try target.setMode(file.mode)
            status = try target.status()
        }
        return Staged(name: name, digest: file.digest, fingerprint: status.fingerprint)
    }

    func discard(_ staged: Staged) {
        try? place(of: staged.name).removeFile()
    }

    private func place(of name: String) -> Place {
        Place(directory: folder, name: Array(name.utf8))
    }
}
