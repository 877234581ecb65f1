package import Disk
import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Why a version can't be brought back.
package enum RestoreFailure: Error, Hashable, Sendable {
    /// Its content is gone, or not what it was.
    case lost
    /// A directory is there, or something that is not mirrored.
    case occupied(RelativePath)
    /// Something else is where a directory must be.
    case noParent(RelativePath)
    /// It changed again and again meanwhile.
    case changing
    /// Only a file has bytes.
    case noFile
    /// Nobody wanted to have it to its end.
    case refused
    /// Nothing of the kind is kept.
    case nothingKept
    /// The file to be written exists.
    case exists
    /// What is kept can't be found out, and why, in words for a person.
    case unreadable(String)
    case failed(DiskError)
}

/// What became of a version that was brought back.
package enum Restored: Hashable, Sendable {
    /// It has its name in the tree; nothing had it.
    case created
    /// It has its name in the tree; what had it is kept.
    case replaced
    /// It was there already.
    case same
}

// What this process does to the tree is an edit like any other: a process that holds the replica sees and sends it.
extension FolderView {
    /// What is at `path` now, with its content read where the index does not say it.
    package func present(at path: RelativePath) throws(RestoreFailure) -> Entry {
        do {
            let place = try root.place(of: path)
            guard let status = try place.statusIfPresent() else { return .tombstone }
            return try present(at: place, path, status).entry
        } catch let error as DiskError where error.isMissing {
            return .tombstone
        } catch {
            throw RestoreFailure(error)
        }
    }

    /// Gives a version its name again. What has the name is taken out whole, and kept.
    package func restore(_ version: KeptVersion) throws(RestoreFailure) -> Restored {
        do {
            let aside = try AsideFolder(in: state, making: true)
            let lock = try aside.hold()
            defer { withExtendedLifetime(lock) {} }
            try makeParents(of: version.path)
            let token = freshName()
            try stage(version, at: aside.place(token))
            do {
                let done = try name(token, at: version.path, as: version.entry, aside)
                if done == .same { discard(aside.place(token)) }
                return done
            } catch {
                // What lies there with a note is what was in the tree.
                if (try? aside.place(token + ".note").status()) == nil { discard(aside.place(token)) }
                throw error
            }
        } catch {
            throw RestoreFailure(error)
        }
    }

    // MARK: Staging

    private func discard(_ place: Place) {
        try? place.removeFile()
        try? place.removeDirectory()
    }

    func stage(_ version: KeptVersion, at place: Place) throws {
        switch version.entry {
        case .tombstone: throw RestoreFailure.lost
        case .directory(let directory):
            try place.makeDirectory(mode: Mode(rawValue: 0o700))
            try place.openDirectory().setMode(directory.mode)
        case .symlink(let symlink): try place.makeSymlink(to: symlink.target)
        case .file(let file):
            do {
                let target = try place.createFile()
                try write(version, to: target)
                try target.setMode(file.mode)
                try target.setModified(file.mtime)
                try target.synchronize()
            } catch {
                try? place.removeFile()
                throw error
            }
        }
    }

    /// Writes a version into an empty file.
    private func write(_ version: KeptVersion, to target: Descriptor) throws(RestoreFailure) {
        guard let file = version.entry.file else { throw .noFile }
        if let source = try? source(of: version), target.clone(from: source) {
            // What was copied is compared, not what it was copied from.
            guard let status = try? target.status(), let read = try? ContentReader().read(target, status: status),
                read.digest == file.digest
            else { throw .lost }
            return
        }
        var end: UInt64 = 0
        var failure: DiskError?
        do {
            try read(version) { bytes in
                do throws(DiskError) {
                    try target.write(bytes, at: end)
                    end += UInt64(bytes.count)
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
        } catch {
            throw failure.map { .failed($0) } ?? error
        }
    }

    // MARK: Naming

    private func makeParents(of path: RelativePath) throws {
        for directory in path.ancestors {
            let place = try root.place(of: directory)
            switch try place.statusIfPresent()?.kind {
            case .directory: continue
            case nil: try make(directory, place)
            case .file, .symlink, .special: throw RestoreFailure.noParent(directory)
            }
        }
    }

    private func make(_ directory: RelativePath, _ place: Place) throws {
        guard try isFree({ () throws(DiskError) in try place.makeDirectory(mode: Mode(rawValue: 0o777)) }) else {
            return
        }
        // As it was, where that is known; else as the umask has it.
        let known = try index.history(at: directory).last { $0.entry.isDirectory }
        if case .directory(let entry) = known?.entry { try place.openDirectory().setMode(entry.mode) }
    }

    private func name(
        _ token: String, at path: RelativePath, as entry: Entry, _ aside: AsideFolder
    ) throws -> Restored {
        let staged = aside.place(token)
        for _ in 0..<8 {
            let place = try root.place(of: path)
            guard let status = try place.statusIfPresent() else {
                guard try isFree({ () throws(DiskError) in try staged.renameExclusively(to: place) }) else { continue }
                try root.openDirectory(path.parent).synchronizeNames()
                return .created
            }
            let (present, origin) = try present(at: place, path, status)
            if present.hasSameContent(as: entry) { return .same }
            guard !present.isDirectory, !entry.isDirectory else { throw RestoreFailure.occupied(path) }
            let item = RemovedItem(
                token: token, path: path, fingerprint: status.fingerprint, expected: present,
                seconds: Int64(time(nil)), origin: origin)
            try aside.note(item)
            if try exchange(staged, with: place, aside, item) {
                try root.openDirectory(path.parent).synchronizeNames()
                try aside.synchronizeNames()
                return .replaced
            }
            aside.removeNote(token)
        }
        throw RestoreFailure.changing
    }

    /// Does what needs a free name; false where something has it.
    private func isFree(_ body: () throws(DiskError) -> Void) throws(DiskError) -> Bool {
        do {
            try body()
            return true
        } catch  where error.isExisting {
            return false
        }
    }

    /// False where nothing was done, since something else is there now.
    private func exchange(
        _ staged: Place, with place: Place, _ aside: AsideFolder, _ item: RemovedItem
    ) throws -> Bool {
        guard try place.statusIfPresent()?.fingerprint == item.fingerprint else { return false }
        if try staged.exchange(with: place) {
            guard try staged.status().kind == .directory else { return true }
            // In the last moment: back.
            _ = try staged.exchange(with: place)
            return false
        }
        // Where the file system has no exchange there is a moment without the name, but none in which anything is lost.
        var outItem = item
        outItem.token = freshName()
        try aside.note(outItem)
        let out = aside.place(outItem.token)
        try place.renameOver(out)
        do {
            try staged.renameExclusively(to: place)
        } catch {
            if (try? out.renameExclusively(to: place)) != nil { aside.removeNote(outItem.token) }
            throw error
        }
        aside.removeNote(item.token)
        return true
    }

    func present(at place: Place, _ path: RelativePath, _ status: Status) throws -> (entry: Entry, origin: Origin) {
        switch status.kind {
        case .special: throw RestoreFailure.occupied(path)
        case .directory: return (.directory(Entry.Directory(mode: status.mode)), .unknown)
        case .symlink: return (.symlink(Entry.Symlink(target: try place.readSymlink())), .unknown)
        case .file: break
        }
        let (record, origin) = try index.recordAndOrigin(at: path)
        if record.fingerprint == status.fingerprint, (record.offered ?? record.base.entry).file != nil {
            return (record.offered ?? record.base.entry, record.offered == nil ? origin : .unknown)
        }
        let file = try place.openForReading()
        guard let content = try? ContentReader().read(file, status: status) else { throw RestoreFailure.changing }
        let entry = Entry.file(
            Entry.File(size: content.size, digest: content.digest, mode: status.mode, mtime: status.mtime))
        return (entry, entry.hasSameContent(as: record.base.entry) ? origin : .unknown)
    }
}

extension RestoreFailure {
    /// Whether it would work with more space.
    package var isNoSpace: Bool {
        if case .failed(let error) = self { error.isNoSpace } else { false }
    }

    init(_ error: any Error) {
        switch error {
        case let error as RestoreFailure: self = error
        case let error as DiskError: self = .failed(error)
        default: self = .lost
        }
    }
}
