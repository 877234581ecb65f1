import Disk
import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension FolderReplica {
    /// Looks at the disk. What has the record's fingerprint is what the record says (its offer, else its base) and is
    /// not read again, unless `rereading`. What rules leave out is not looked at, unless `isPastRules`. A large file that
    /// is to be read is read on another thread, if `canWait` and ``putsOffReading``.
    package func look(
        at path: RelativePath, record: Record, rereading: Bool, isPastRules: Bool = false, canWait: Bool = false
    ) throws(StoreFailure) -> Observation {
        let found = try observe(
            path, record: record, rereading: rereading, isPastRules: isPastRules, canWait: canWait && putsOffReading)
        if case .present(let entry, let fingerprint) = found { lastSeen = (path, fingerprint, entry) }
        // A process that was killed may have named it, and never made the name durable: before the index says that it
        // is there, the disk must keep it.
        if record.isPending, found.isWhat(record.remote.entry) { touched.insert(path.parent) }
        return found
    }

    private func observe(
        _ path: RelativePath, record: Record, rereading: Bool, isPastRules: Bool, canWait: Bool
    ) throws(StoreFailure) -> Observation {
        let place: Place
        let status: Status
        do {
            place = try self.place(of: path)
            status = try place.status()
        } catch {
            if !isPastRules, ignores(path, isDirectory: record.isOfDirectory) { return .ignored }
            guard error.isMissing else { return .unknown(error.problem) }
            if canWait, let former = record.fingerprint, isReading(ofInode: former.inode, whichWasAt: path) {
                return .reading
            }
            // Only where the root is the one that was opened does it mean anything that a name is missing; and it
            // means nothing where nothing was.
            if (record.offered ?? record.base.entry).isLive { try checkMissing(path) }
            if !told.isEmpty { told[path] = nil }
            noteOtherNames(path, record, status: nil, rereading: false)
            return .absent
        }
        if !isPastRules, ignores(path, isDirectory: status.kind == .directory) { return .ignored }
        guard status.device == root.identity.device else { return .unknown(Problem(.mount, operation: "stat")) }
        let fingerprint = status.fingerprint
        noteOtherNames(path, record, status: status, rereading: rereading)
        switch status.kind {
        case .special: return .unknown(Problem(.special, operation: "stat"))
        case .directory:
            foundDirectory(path)
            return .present(.directory(Entry.Directory(mode: status.mode)), fingerprint)
        case .symlink: return symlink(at: place, fingerprint)
        case .file:
            let known = record.offered ?? record.base.entry
            if !rereading {
                if record.fingerprint == fingerprint, known.isLive { return .present(known, fingerprint) }
                if let moved = try entry(movedAs: fingerprint) {
                    if status.links == 1 { soleNames[status.inode] = path }
                    return .present(moved, fingerprint)
                }
            }
            return try file(at: place, path, status, canWait: canWait)
        }
    }

    /// What the index says of a file that had another name, if nothing was done to it since: it came along with its
    /// directory.
    private func entry(movedAs fingerprint: Fingerprint) throws(StoreFailure) -> Entry? {
        let named = try indexed { () throws(IndexError) in try index.records(ofInode: fingerprint.inode) }
        guard let record = named.first(where: { $0.fingerprint == fingerprint }) else { return nil }
        lastNamed = (fingerprint, named)
        let known = record.offered ?? record.base.entry
        return known.isLive ? known : nil
    }

    /// Where the file of this fingerprint, which was just found at `path`, was when it was looked at last, if that was
    /// somewhere else and nothing is there any more: it came here with its directory, or is so large that to copy it would
    /// take long.
    ///
    /// Any other file that was renamed may be a backup that a program makes right before it saves under the former name.
    package func formerName(
        of path: RelativePath, _ fingerprint: Fingerprint
    ) throws(StoreFailure) -> RelativePath? {
        let isLarge = fingerprint.size >= settings.readAheadSize
        let named: [Record]
        if let lastNamed, lastNamed.fingerprint == fingerprint {
            named = lastNamed.records
        } else {
            named = try indexed { () throws(IndexError) in try index.records(ofInode: fingerprint.inode) }
        }
        return named.first { record in
            guard let former = record.fingerprint, record.path != path, record.base.entry.isLive else { return false }
            return (former == fingerprint || isLarge && former.isSame(exceptForChangeTime: fingerprint))
                && isMissing(record.path)
        }?.path
    }

    private func isMissing(_ path: RelativePath) -> Bool {
        do throws(DiskError) {
            _ = try place(of: path).status()
            return false
        } catch {
            return error.isMissing
        }
    }

    private func symlink(at place: Place, _ fingerprint: Fingerprint) -> Observation {
        do {
            let target = try place.readSymlink()
            guard !target.isEmpty, target.count <= RelativePath.maximumLength else {
                return .unknown(Problem(.failed, operation: "readlink"))
            }
            guard try place.status().fingerprint == fingerprint else { return .unstable }
            return .present(.symlink(Entry.Symlink(target: target)), fingerprint)
        } catch {
            return error.isMissing || error.code == EINVAL ? .unstable : .unknown(error.problem)
        }
    }

    private func file(
        at place: Place, _ path: RelativePath, _ status: Status, canWait: Bool
    ) throws(StoreFailure) -> Observation {
        let content: ReadContent
        let ready = readAhead.take(path, status.fingerprint)
        if ready == nil, canWait, isPutOff(path, status) { return .reading }
        switch ready ?? read(place, status) {
        case .success(let read): content = read
        case .failure(.disk(let error)): return error.isMissing ? .unstable : .unknown(error.problem)
        case .failure(.unstable), .failure(.cancelled): return .unstable
        case .failure(.tooLarge): return .unknown(Problem(.tooLarge, operation: "read"))
        }
        if let list = content.list {
            try indexed { () throws(IndexError) in try index.save(list, of: content.digest) }
        } else if let bytes = content.bytes {
            recent.insert(bytes, digest: content.digest)
        }
        let file = Entry.File(size: content.size, digest: content.digest, mode: status.mode, mtime: status.mtime)
        return .present(.file(file), status.fingerprint)
    }

    /// Sees to it that a large file is read on another thread, so that nothing else waits for that.
    private func isPutOff(_ path: RelativePath, _ status: Status) -> Bool {
        guard let deliver, status.size >= settings.readAheadSize else { return false }
        readAhead.read(path, inode: status.inode) { deliver(.dirty([Dirty(path: path, rereading: false)])) }
        return true
    }

    /// Whether the file that was at `path` may have another name, and is being read under it. A file that was renamed must
    /// not be taken for deleted meanwhile: others would be without it until it comes anew.
    private func isReading(ofInode inode: UInt64, whichWasAt path: RelativePath) -> Bool {
        guard let deliver, readAhead.isReading(inode: inode) else { return false }
        readAhead.afterReads { deliver(.dirty([Dirty(path: path, rereading: false)])) }
        return true
    }

    private func read(_ place: Place, _ status: Status) -> Result<ReadContent, ContentReader.Failure> {
        do throws(ContentReader.Failure) {
            let file: Descriptor
            do throws(DiskError) {
                file = try place.openForReading()
                guard try file.status().fingerprint == status.fingerprint else { return .failure(.unstable) }
            } catch {
                return .failure(.disk(error))
            }
            return .success(try reader.read(file, status: status))
        } catch {
            return .failure(error)
        }
    }

    /// Whether a scan met a problem at `path` that is not known to be gone.
    package func hasProblem(_ path: RelativePath) -> Bool { told[path] != nil }

    /// The names on the disk in a directory that could be mirrored, in byte order; nil if it can't be listed.
    package func children(of directory: RelativePath) throws(StoreFailure) -> [RelativePath]? {
        // A walk takes what is gone for empty, since nothing is inside.
        guard (try? root.openDirectory(directory)) != nil else { return nil }
        var walk = Walk(root, inside: directory, isRecursive: false, excluding: rules)
        var found: [RelativePath] = []
        while let item = walk.next() {
            switch item {
            case .found(let path, let status):
                if status.kind != .special { found.append(path) }
            case .unlisted: return nil
            case .unknown(let path, _): found.append(path)
            case .skipped, .excluded: break
            }
        }
        return found
    }
}

extension Observation {
    /// Whether this is `entry` to the letter, or nothing where that is a tombstone.
    fileprivate func isWhat(_ entry: Entry) -> Bool {
        switch self {
        case .present(let found, _): found == entry
        case .absent: entry.isTombstone
        case .ignored, .unstable, .reading, .unknown: false
        }
    }
}

extension Record {
    /// Whether a directory is known to have been here, or to come.
    fileprivate var isOfDirectory: Bool { base.entry.isDirectory || remote.entry.isDirectory }
}
