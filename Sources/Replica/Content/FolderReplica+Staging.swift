import Disk
import Index
package import Tree

extension FolderReplica {
    /// Gets a file's content ready to be named: from `bytes` where given, from what is already here (the tree, history,
    /// an interrupted transfer), or says what is missing.
    package func stage(_ file: Entry.File, bytes: UnsafeRawBufferPointer?) throws(StoreFailure) -> Staging<Staged> {
        guard file.size <= ChunkingParameters.largestFile else {
            return .problem(Problem(.tooLarge, operation: "stage"))
        }
        if bytes != nil, let staged = stagingAhead.take(file) {
            // It is one of many, which are flushed together.
            staging.add(staged, nil)
            return .ready(staged)
        }
        if let (staged, descriptor) = uploads.take(file) {
            staging.add(staged, descriptor)
            return .ready(staged)
        }
        guard transfers[file.digest] != nil || hasRoom(for: file.size) || hasRoomWithoutCopy(for: file.size) else {
            dropAbandoned()
            try yieldHistory(for: file.size)
            return .problem(Problem(.noSpace, operation: "stage"))
        }
        return file.isOneChunk ? try stageOneChunk(file, bytes) : try stageChunks(file)
    }

    private func hasRoom(for bytes: UInt64) -> Bool {
        let transfers = transfers
        let copying = copyAhead?.bytesLeft ?? 0
        return headroom.allows(bytes, on: state.staging) { transfers.values.reduce(copying) { $0 + $1.missingBytes } }
    }

    private func hasRoomWithoutCopy(for bytes: UInt64) -> Bool {
        guard copyAhead != nil else { return false }
        copyAhead = nil
        return hasRoom(for: bytes)
    }

    /// Lets go of staged content that will not be named.
    package func discard(_ staged: Staged) {
        staging.remove(staged, placedAt: nil)
        stager.discard(staged)
    }

    /// Makes everything staged since the last call durable.
    package func flush() throws(StoreFailure) {
        do throws(DiskError) {
            if let few = staging.unsynced {
                for file in few { try file.synchronize() }
            } else {
                try state.staging.synchronizeFileSystem()
            }
        } catch {
            throw error.isNoSpace ? .noSpace("\(error)") : .index("\(error)")
        }
        staging.flushed()
    }

    /// Takes a chunk list for the file of this digest; false if it is not that file's.
    package func receive(list: [UInt8], of file: Digest) throws(StoreFailure) -> Bool {
        guard Digest(of: list) == file, let decoded = ChunkList(encoded: list) else { return false }
        try indexed { () throws(IndexError) in try index.save(decoded, of: file) }
        return true
    }

    /// The same by what the list has that the list of `base` has not. Nothing is done where that one is not known.
    package func receive(
        difference: [UInt8], from base: Digest, of file: Entry.File
    ) throws(StoreFailure) -> Bool {
        guard let former = try list(of: base) else { return true }
        guard let list = ChunkListDifference.apply(difference, to: former, fileSize: file.size) else { return false }
        return try receive(list: list, of: file.digest)
    }

    /// Takes a chunk into the interrupted or running transfer of this file; false if the bytes are not that chunk.
    package func receive(
        chunk: UnsafeRawBufferPointer, digest: Digest, of file: Digest
    ) throws(StoreFailure) -> Bool {
        guard stagingAhead.compare(chunk, digest) ?? (Digest(of: chunk) == digest) else { return false }
        if digest == file {
            arrived.insert(Array(chunk), digest: digest)
            return true
        }
        guard let transfer = transfers[file], transfer.problem == nil else { return true }
        if let gap = transfer.missing[digest], gap.size != chunk.count { return false }
        do {
            try transfer.write(chunk, digest: digest)
        } catch {
            transfer.problem = error.problem
        }
        return true
    }

    // MARK: One chunk

    private func stageOneChunk(
        _ file: Entry.File, _ given: UnsafeRawBufferPointer?
    ) throws(StoreFailure) -> Staging<Staged> {
        if let given = file.size == 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : given {
            return stageVerified(file, given)
        }
        guard let bytes = try localBytes(of: file.digest, size: file.size) else {
            return .missing(list: false, chunks: [Chunk(size: UInt32(file.size), digest: file.digest)])
        }
        return bytes.withUnsafeBytes { stageVerified(file, $0) }
    }

    private func stageVerified(_ file: Entry.File, _ bytes: UnsafeRawBufferPointer) -> Staging<Staged> {
        guard Stager.verifies(bytes, file) else { return .mismatch }
        return make(file) { (target) throws(DiskError) in try target.write(bytes, at: 0) }
    }

    /// Makes a staged file of what `fill` writes, which must be verified; leaves nothing behind where that fails.
    private func make(
        _ file: Entry.File, _ fill: (Descriptor) throws(DiskError) -> Void
    ) -> Staging<Staged> {
        do throws(DiskError) {
            let (staged, target) = try stager.make(file, fill)
            enter(staged, target)
            return .ready(staged)
        } catch {
            return .problem(error.problem)
        }
    }

    private func enter(_ staged: Staged, _ target: Descriptor) {
        staging.add(staged, target)
        arrived.remove(staged.digest)
    }

    // MARK: Many chunks

    private func stageChunks(_ file: Entry.File) throws(StoreFailure) -> Staging<Staged> {
        if transfers[file.digest] == nil {
            if let copied = try copyWhole(file) { return copied }
            let list = try indexed { () throws(IndexError) in try index.list(of: file.digest) }
            guard let list else { return .missing(list: true, chunks: []) }
            // A true digest with an untrue size.
            guard list.fileSize == file.size else { return .mismatch }
            do {
                let place = state.staged(Transfer.name(of: file.digest))
                transfers[file.digest] = try Transfer(list, at: place, from: takeCopy(for: list))
            } catch {
                return .problem(error.problem)
            }
        }
        guard let transfer = transfers[file.digest] else { return .problem(Problem(.failed, operation: "stage")) }
        transfer.isAbandoned = false
        try lookAround(transfer, file.digest)
        if let problem = transfer.problem {
            giveUp(file.digest)
            return .problem(problem)
        }
        let missing = transfer.missingChunks
        guard missing.isEmpty else { return .missing(list: false, chunks: missing) }
        return complete(transfer, file)
    }

    private func complete(_ transfer: Transfer, _ file: Entry.File) -> Staging<Staged> {
        transfers[file.digest] = nil
        let name = freshName()
        do throws(DiskError) {
            try state.staged(Transfer.name(of: file.digest)).renameOver(state.staged(name))
            let staged = try stager.finish(file, transfer.file, name)
            enter(staged, transfer.file)
            return .ready(staged)
        } catch {
            try? state.staged(name).removeFile()
            return .problem(error.problem)
        }
    }

    /// Nothing waits for the content of this file any more. Most of it may be that of the version which took its place:
    /// so it stays until nothing is going on.
    package func abandon(_ file: Digest) {
        transfers[file]?.isAbandoned = true
    }

    func dropAbandoned() {
        for (digest, transfer) in transfers where transfer.isAbandoned { giveUp(digest) }
    }

    /// Gives up a transfer and the space that it took.
    private func giveUp(_ digest: Digest) {
        transfers[digest] = nil
        try? state.staged(Transfer.name(of: digest)).removeFile()
    }

    /// Takes the chunks that other files have: of an edited file, all but what the edit changed.
    private func lookAround(_ transfer: Transfer, _ digest: Digest) throws(StoreFailure) {
        guard !transfer.hasLookedAround, transfer.problem == nil else { return }
        transfer.hasLookedAround = true
        sources.forgetFiles()
        defer { sources.forgetFiles() }
        let missing = transfer.missingChunks
        // Its own list is known by now, which says nothing of where its content is.
        var isHere = try hasHistory(of: digest)
        if !isHere { isHere = try !localFiles(of: digest, size: nil).isEmpty }
        let holders = try indexed { () throws(IndexError) in
            try index.holders(of: missing, except: isHere ? nil : digest)
        }
        for holder in holders.files where !transfer.missing.isEmpty {
            guard let source = try untouchedFile(of: holder),
                let list = try indexed({ () throws(IndexError) in try index.list(of: holder) })
            else { continue }
            transfer.copy(from: source.descriptor, holding: list) { source.isUntouched }
        }
        let others = transfers.values.filter { $0 !== transfer && $0.isAbandoned }
        guard !holders.chunks.isEmpty || !others.isEmpty else { return }
        for chunk in transfer.missingChunks {
            let local = holders.chunks.contains(chunk.digest) ? try localChunk(chunk) : nil
            guard let bytes = local ?? others.lazy.compactMap({ $0.chunk(chunk) }).first else { continue }
            do {
                try bytes.withUnsafeBufferPointer { (bytes) throws(DiskError) in
                    try transfer.write(UnsafeRawBufferPointer(bytes), digest: chunk.digest)
                }
            } catch {
                transfer.problem = error.problem
                return
            }
        }
    }

    /// Copies a file that is here already: what was copied or renamed elsewhere sends no content. Nil where there is
    /// none.
    private func copyWhole(_ file: Entry.File) throws(StoreFailure) -> Staging<Staged>? {
        if let copied = try copyUntouched(file) { return copied }
        for source in try localFiles(of: file.digest, size: file.size) {
            var list: ChunkList?
            let copied = copy(file, from: source) { list = $0 }
            guard case .problem(let problem) = copied else {
                if let list { try indexed { () throws(IndexError) in try index.save(list, of: file.digest) } }
                return copied
            }
            if problem.reason == .noSpace { return copied }
        }
        return nil
    }

    /// The same for a file that was not touched since it was read, and so need not be read again.
    private func copyUntouched(_ file: Entry.File) throws(StoreFailure) -> Staging<Staged>? {
        guard let source = try untouchedFile(of: file.digest), source.fingerprint.size == file.size,
            try list(of: file.digest) != nil
        else { return nil }
        let copied = make(file) { (target) throws(DiskError) in
            try copyAll(file.size, from: source.descriptor, to: target)
            guard source.isUntouched else { throw DiskError("copy", code: 0) }
        }
        if case .ready = copied { return copied }
        return nil
    }

    /// Makes a staged copy of a file, if it holds what it should. Hands over the chunk list that comparing it made.
    func copy(
        _ file: Entry.File, from source: Descriptor, list: (ChunkList?) -> Void = { _ in }
    ) -> Staging<Staged> {
        make(file) { (target) throws(DiskError) in
            try copyAll(file.size, from: source, to: target)
            // What was copied is compared, not what it was copied from: that may change at any time.
            let status = try target.status()
            guard let read = try? reader.read(target, status: status), read.digest == file.digest else {
                throw DiskError("copy", code: 0)
            }
            list(read.list)
        }
    }

    private func copyAll(_ size: UInt64, from source: Descriptor, to target: Descriptor) throws(DiskError) {
        guard target.clone(from: source) || target.copyRange(from: source, at: 0, to: 0, count: size) else {
            throw DiskError("copy", code: 0)
        }
    }
}
