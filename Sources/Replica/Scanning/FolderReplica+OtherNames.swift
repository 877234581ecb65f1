import Disk
import Index
package import Tree

// A file may have several names in the tree. What is written to it by one of them is at all of them, and the watcher
// tells of that one only. Elsewhere each name is a file of its own.
extension FolderReplica {
    /// A look at one name of a file, after which the others want one.
    struct Sighting {
        /// Nil where it was not in the tree.
        let path: RelativePath?
        /// What was found there; nil where nothing was.
        let fingerprint: Fingerprint?
        var rereading: Bool
    }

    /// Notes the file that `path` had, if another one is there or none, and the file that is there, if it has other names
    /// and may have changed.
    func noteOtherNames(_ path: RelativePath, _ record: Record, status: Status?, rereading: Bool) {
        if let former = record.fingerprint, former.isFile, former.inode != status?.inode,
            soleNames[former.inode].map({ $0 == path }) ?? true
        {
            noteChange(ofInode: former.inode, at: path)
        }
        guard let status, status.kind == .file, status.links > 1 else { return }
        if rereading || record.fingerprint != status.fingerprint {
            noteChange(ofInode: status.inode, at: path, found: status.fingerprint, rereading: rereading)
        }
    }

    func noteChange(
        ofInode inode: UInt64, at path: RelativePath?, found: Fingerprint? = nil, rereading: Bool = false
    ) {
        let wasRereading = sightings[inode]?.rereading ?? false
        sightings[inode] = Sighting(path: path, fingerprint: found, rereading: rereading || wasRereading)
    }

    /// The other names of the files that were seen to have changed since ``forgetSightings()``, as far as they are known.
    package func otherNames() throws(StoreFailure) -> [Dirty] {
        var others: [Dirty] = []
        for (inode, sighting) in sightings {
            let named = try indexed { () throws(IndexError) in try index.records(ofInode: inode) }
            for record in named where record.path != sighting.path {
                guard sighting.rereading || record.fingerprint != sighting.fingerprint else { continue }
                others.append(Dirty(path: record.path, rereading: sighting.rereading))
            }
        }
        forgetSightings()
        return others
    }

    /// Forgets what looks at these names have noted: it leads back to where one began.
    package func forgetSightings() {
        sightings.removeAll(keepingCapacity: true)
        soleNames.removeAll(keepingCapacity: true)
    }
}
