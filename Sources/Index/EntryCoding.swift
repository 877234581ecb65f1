import Tree

// An entry: a byte for its kind, then a file's size, digest, mode and mtime, a directory's mode, or a symlink's length
// and target. A fingerprint: inode, size, mtime, ctime, mode.

private enum EntryKind: UInt8 {
    case tombstone = 0
    case file = 1
    case directory = 2
    case symlink = 3
}

extension ByteWriter {
    mutating func append(_ entry: Entry) {
        switch entry {
        case .tombstone:
            append(byte: EntryKind.tombstone.rawValue)
        case .file(let file):
            append(byte: EntryKind.file.rawValue)
            append(file.size)
            file.digest.withUnsafeBytes { append(raw: $0) }
            append(UInt64(file.mode.rawValue))
            append(file.mtime)
        case .directory(let directory):
            append(byte: EntryKind.directory.rawValue)
            append(UInt64(directory.mode.rawValue))
        case .symlink(let symlink):
            append(byte: EntryKind.symlink.rawValue)
            append(UInt64(symlink.target.count))
            append(symlink.target)
        }
    }

    mutating func append(_ fingerprint: Fingerprint) {
        append(fingerprint.inode)
        append(fingerprint.size)
        append(fingerprint.mtime)
        append(fingerprint.ctime)
        append(UInt64(fingerprint.mode))
    }

    mutating func append(_ timestamp: Timestamp) {
        append(timestamp.seconds)
        append(UInt64(timestamp.nanoseconds))
    }
}

extension ByteReader {
    mutating func entry() throws -> Entry {
        let byte = try byte()
        switch EntryKind(rawValue: byte) {
        case .tombstone:
            return .tombstone
        case .file:
            let size = try unsigned(upTo: ChunkingParameters.largestFile)
            guard let digest = Digest(try take(Digest.byteCount)) else { throw Damage("a digest is too short") }
            return .file(Entry.File(size: size, digest: digest, mode: try mode(), mtime: try timestamp()))
        case .directory:
            return .directory(Entry.Directory(mode: try mode()))
        case .symlink:
            let target = try take(Int(unsigned(upTo: 4095)))
            guard !target.isEmpty, !target.contains(0) else { throw Damage("a symlink's target cannot be right") }
            return .symlink(Entry.Symlink(target: Array(target)))
        case nil:
            throw Damage("no entry is of kind \(byte)")
        }
    }

    mutating func fingerprint() throws -> Fingerprint {
        Fingerprint(
            inode: try unsigned(), size: try unsigned(), mtime: try timestamp(), ctime: try timestamp(),
            mode: UInt32(try unsigned(upTo: UInt64(UInt32.max))))
    }

    private mutating func mode() throws -> Mode {
        Mode(rawValue: UInt16(try unsigned(upTo: 0o777)))
    }

    private mutating func timestamp() throws -> Timestamp {
        Timestamp(seconds: try signed(), nanoseconds: UInt32(try unsigned(upTo: 999_999_999)))
    }
}
