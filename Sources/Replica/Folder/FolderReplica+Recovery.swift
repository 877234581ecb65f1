import Disk
import Index
import Tree

extension FolderReplica {
    /// Puts in order what an interrupted run left in the staging folder. Nothing that could be somebody's work is
    /// removed.
    func recover() throws(OpenFailure) {
        do {
            let rows = try index.removed()
            for row in rows { try recover(row) }
            let known = Set(rows.map(\.token))
            for name in try state.staging.names() {
                let name = String(decoding: name, as: UTF8.self)
                // A part of a file is gone on with when that file is wanted again.
                if known.contains(name) || name.hasPrefix("p-") { continue }
                if name.hasPrefix(Upload.prefix) {
                    try? state.staged(name).removeFile()
                    continue
                }
                try recoverUnknown(name)
            }
            _ = try adoptAside()
            try pruneHistory()
        } catch let error as IndexError {
            throw .index(error)
        } catch let error as DiskError {
            throw .failed(error)
        } catch StoreFailure.noSpace(let text) {
            throw .index(IndexError(.noSpace, operation: "recover", message: text))
        } catch let error as StoreFailure {
            throw .index(IndexError(.failed, operation: "recover", message: "\(error)"))
        } catch {
            throw .index(IndexError(.failed, operation: "recover", message: "\(error)"))
        }
    }

    /// A removal was begun. Either it did not happen, or what came out is here, or it is in history already.
    private func recover(_ row: RemovedItem) throws {
        let place = state.staged(row.token)
        guard let out = try place.statusIfPresent() else {
            if let kept = try state.kept(row.token).statusIfPresent() {
                try settle(row, size: kept.allocated)
            } else {
                try index.settle(row.token)
            }
            return
        }
        if out.fingerprint.isSame(exceptForChangeTime: row.fingerprint) || place.isBeingWritten(out) { return }
        // Here lies what was to be put into its place, or an edit that came out instead. If the tree still has what was
        // expected, the exchange did not happen.
        let inTree = try? root.place(of: row.path).statusIfPresent()
        let isUndone = inTree?.fingerprint.isSame(exceptForChangeTime: row.fingerprint) == true
        if try isUndone || holds(place, out, index.record(at: row.path).remote.entry) {
            try? place.removeFile()
            try? place.removeDirectory()
            try index.settle(row.token)
        }
    }

    private func holds(_ place: Place, _ status: Status, _ entry: Entry) throws -> Bool {
        switch (status.kind, entry) {
        case (.file, .file(let file)):
            guard status.size == file.size, let descriptor = try? place.openForReading(),
                let content = try? reader.read(descriptor, status: status)
            else { return false }
            return content.digest == file.digest
        case (.symlink, .symlink(let symlink)): return try place.readSymlink() == symlink.target
        default: return false
        }
    }

    /// No row tells of it: content that was staged and never named; or, if power was lost before the row was written,
    /// something that came out of the tree. What is known elsewhere is removed; the rest becomes history, once nobody
    /// writes to it.
    private func recoverUnknown(_ name: String) throws {
        let place = state.staged(name)
        guard let status = try place.statusIfPresent() else { return }
        guard status.kind == .file else {
            try? place.removeFile()
            try? place.removeDirectory()
            return
        }
        if place.isBeingWritten(status) { return }
        guard let file = try? place.openForReading(), let content = try? reader.read(file, status: status),
            try index.records(withDigest: content.digest, limit: 1).isEmpty, try !hasHistory(of: content.digest),
            let path = try? RelativePath("recovered-\(name)")
        else {
            try? place.removeFile()
            return
        }
        try place.renameOver(state.kept(name))
        let entry = Entry.file(
            Entry.File(size: content.size, digest: content.digest, mode: status.mode, mtime: status.mtime))
        let item = RemovedItem(
            token: name, path: path, fingerprint: status.fingerprint, expected: entry, seconds: index.clock())
        try settle(item, size: status.allocated)
    }

    /// Makes the names that changed since the last call durable.
    func synchronizeNames() throws(StoreFailure) {
        guard !touched.isEmpty else { return }
        do throws(DiskError) {
            let isDone = touched.count <= 4 ? try synchronizeEach() : false
            if !isDone { try root.descriptor.synchronizeFileSystem() }
        } catch {
            throw error.isNoSpace ? .noSpace("\(error)") : .index("\(error)")
        }
        touched.removeAll(keepingCapacity: true)
    }

    /// False where a directory can't be opened any more.
    private func synchronizeEach() throws(DiskError) -> Bool {
        for path in touched {
            let directory: Descriptor
            do throws(DiskError) {
                directory = try root.openDirectory(path)
            } catch {
                // If it is gone again, so is what there was to make durable.
                if error.isMissing { continue }
                return false
            }
            try directory.synchronizeNames()
        }
        return true
    }
}
