import Tree

/// All of a record but its path and its remote revision, which are columns: flags, the author, the remote entry, and
/// then what the flags announce. Nearly every row of a replica in step has its base equal to its remote, so the base
/// is written only where it is not.
enum RecordCoding {
    private static let hasBase: UInt8 = 1
    private static let hasFingerprint: UInt8 = 2
    private static let hasOffer: UInt8 = 4

    static func encode(_ record: Record) -> [UInt8] {
        var flags: UInt8 = 0
        if record.isPending { flags |= hasBase }
        if record.fingerprint != nil { flags |= hasFingerprint }
        if record.offered != nil { flags |= hasOffer }
        var writer = ByteWriter(reserving: 128)
        writer.append(byte: flags)
        writer.append(UInt64(record.author.utf8.count))
        writer.append(record.author.utf8)
        writer.append(record.remote.entry)
        if record.isPending {
            writer.append(record.base.revision.rawValue)
            writer.append(record.base.entry)
        }
        if let fingerprint = record.fingerprint { writer.append(fingerprint) }
        if let offered = record.offered { writer.append(offered) }
        return writer.bytes
    }

    static func decode(_ raw: UnsafeRawBufferPointer, path: RelativePath, revision: Revision) throws -> Record {
        var reader = ByteReader(raw)
        let flags = try reader.byte()
        guard flags <= hasBase | hasFingerprint | hasOffer else { throw Damage("a record's flags are unknown") }
        var record = Record(path: path)
        record.author = try reader.string()
        record.remote = Version(revision: revision, entry: try reader.entry())
        if flags & hasBase != 0 {
            record.base = Version(revision: Revision(rawValue: try reader.unsigned()), entry: try reader.entry())
        } else {
            record.base = record.remote
        }
        if flags & hasFingerprint != 0 { record.fingerprint = try reader.fingerprint() }
        if flags & hasOffer != 0 { record.offered = try reader.entry() }
        try reader.finish()
        return record
    }
}

extension Record {
    /// What the disk holds as far as the record knows: the offer, else the base.
    var local: Entry { offered ?? base.entry }

    /// Whether a file or symlink is there, as far as the record knows.
    var isOnDisk: Bool { local.isLive && !local.isDirectory && fingerprint != .outOfSight }

    /// The inode of the file that is there, if it is one.
    var fileInode: UInt64? {
        guard let fingerprint, local.fileDigest != nil else { return nil }
        return fingerprint.inode
    }

    /// Whether there is something left to do: an entry to apply, or an offer without a verdict.
    var isUnfinished: Bool { isPending || offered != nil }

    /// ``isUnfinished`` as the table has it.
    var unfinished: Int64 { offered?.fileDigest != nil ? 2 : isUnfinished ? 1 : 0 }

    /// Whether the record says no more than its absence would.
    var isEmpty: Bool {
        remote == .never && base == .never && fingerprint == nil && offered == nil
    }
}

extension Entry {
    /// Bytes of a file, 0 for anything else that is there, nil for a tombstone.
    var liveSize: UInt64? {
        switch self {
        case .file(let file): file.size
        case .directory, .symlink: 0
        case .tombstone: nil
        }
    }

    var fileDigest: Digest? {
        if case .file(let file) = self { file.digest } else { nil }
    }
}

extension Digest {
    /// The first eight bytes, by which the index looks digests up; the whole one is compared afterwards.
    var prefix: Int64 {
        withUnsafeBytes { $0.loadUnaligned(as: Int64.self) }
    }
}
