import Disk
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension FolderReplica {
    /// Gives a file or directory, expected as it is, another mode or mtime.
    package func setMetadata(
        _ entry: Entry, at path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Placement<Removed> {
        do {
            let place = try self.place(of: path)
            guard let status = try place.statusIfPresent(), status.fingerprint == expected else {
                try check()
                return .changed
            }
            let fingerprint: Fingerprint?
            if status.links > 1, let file = entry.file,
                let placement = try placeSeparately(file, at: path, expecting: expected)
            {
                return placement
            }
            switch entry {
            case .file(let file) where status.kind == .file: fingerprint = try set(file, place, status)
            case .directory(let directory) where status.kind == .directory:
                fingerprint = try set(directory.mode, place, status)
            case .file, .directory, .symlink, .tombstone: fingerprint = nil
            }
            guard let fingerprint else { return .changed }
            return .placed(fingerprint, replaced: nil)
        } catch let error as StoreFailure {
            throw error
        } catch let error as DiskError {
            guard error.isMissing else { return .problem(error.problem) }
            try check()
            return .changed
        } catch {
            return .problem(Problem(.failed, operation: "chmod"))
        }
    }

    /// A file with other names, in the tree or elsewhere, gives this one up to a file of its own: what others say of this
    /// name is not meant for those. Nil where its content can't be had.
    private func placeSeparately(
        _ file: Entry.File, at path: RelativePath, expecting expected: Fingerprint
    ) throws(StoreFailure) -> Placement<Removed>? {
        guard case .ready(let staged) = try stage(file, bytes: nil) else { return nil }
        try flush()
        let placement = try place(.file(file), staged: staged, at: path, expecting: expected)
        switch placement {
        case .placed, .displaced: break
        case .changed, .noParent, .notEmpty, .problem: discard(staged)
        }
        return placement
    }

    private func set(_ mode: Mode, _ place: Place, _ status: Status) throws(DiskError) -> Fingerprint? {
        let directory = try open(place, status) { (place) throws(DiskError) in try place.openDirectory() }
        guard let directory, try directory.status().inode == status.inode else { return nil }
        try directory.setMode(mode)
        return try directory.status().fingerprint
    }

    private func set(_ file: Entry.File, _ place: Place, _ status: Status) throws(DiskError) -> Fingerprint? {
        let descriptor = try open(place, status) { (place) throws(DiskError) in try place.openForReading() }
        guard let descriptor, try descriptor.status().isSameContent(as: status) else { return nil }
        if file.mtime != status.mtime { try descriptor.setModified(file.mtime) }
        try descriptor.setMode(file.mode)
        let after = try descriptor.status()
        if file.mtime == status.mtime {
            // A write in between would have moved the mtime.
            return after.mtime == file.mtime && after.size == status.size ? after.fingerprint : nil
        }
        // A write in between had its mtime covered up: only the content can tell.
        let read = after.size <= settings.readAheadSize ? try? reader.read(descriptor, status: after) : nil
        if let read, read.digest == file.digest { return after.fingerprint }
        // One that nothing on the disk has: it is read at the next look.
        return Fingerprint(
            inode: after.inode, size: after.size, mtime: after.mtime, ctime: status.ctime, mode: after.rawMode)
    }

    /// Opens what its owner may have made unreadable: it gets the right to be read for a moment.
    private func open(
        _ place: Place, _ status: Status, _ call: (Place) throws(DiskError) -> Descriptor
    ) throws(DiskError) -> Descriptor? {
        do {
            return try call(place)
        } catch  where error.code == EACCES {
            let user = UInt32(geteuid())
            guard status.owner == user, try place.setModeOfSame(status, Mode(rawValue: status.mode.rawValue | 0o400))
            else { throw error }
            return try call(place)
        }
    }
}

extension Status {
    fileprivate func isSameContent(as other: Status) -> Bool {
        inode == other.inode && size == other.size && mtime == other.mtime
    }
}
