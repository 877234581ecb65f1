import Tree

extension WireReader {
    /// A byte of flags; one that is unknown here changes the meaning of the message, so it is refused.
    mutating func flags(_ known: UInt8) throws(WireError) -> UInt8 {
        let flags = try byte(.flags)
        guard flags & ~known == 0 else { throw .outOfRange(.flags, UInt64(flags)) }
        return flags
    }

    mutating func entry() throws(WireError) -> Entry {
        let byte = try byte(.entry)
        switch EntryKind(rawValue: byte) {
        case .tombstone: return .tombstone
        case .file: return .file(try file())
        case .directory: return .directory(Entry.Directory(mode: try mode()))
        case .symlink: return .symlink(try symlink())
        case nil: throw .outOfRange(.entry, UInt64(byte))
        }
    }

    private mutating func file() throws(WireError) -> Entry.File {
        let mode = try mode()
        let size = try unsigned(.size)
        guard size <= ChunkingParameters.largestFile else { throw .outOfRange(.size, size) }
        let digest = try digest()
        let seconds = try signed(.seconds)
        let nanoseconds = try fixed(UInt32.self, .nanoseconds)
        guard nanoseconds <= 999_999_999 else { throw .outOfRange(.nanoseconds, UInt64(nanoseconds)) }
        return Entry.File(
            size: size, digest: digest, mode: mode, mtime: Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    private mutating func mode() throws(WireError) -> Mode {
        let mode = try fixed(UInt16.self, .mode)
        guard mode <= 0o777 else { throw .outOfRange(.mode, UInt64(mode)) }
        return Mode(rawValue: mode)
    }

    private mutating func symlink() throws(WireError) -> Entry.Symlink {
        let count = try count(upTo: WireLimits.target, .target)
        guard count > 0 else { throw .outOfRange(.target, 0) }
        let target = Array(try take(count, .target))
        guard !target.contains(0) else { throw .inconsistent(.target) }
        return Entry.Symlink(target: target)
    }

    mutating func verdict() throws(WireError) -> Verdict {
        let byte = try byte(.verdict)
        switch VerdictKind(rawValue: byte) {
        case .accepted: return .accepted(try revision())
        case .lost: return .lost(try revision())
        case .blocked: return .blocked(by: try path())
        case .refused:
            let code = try self.byte(.refusal)
            guard let refusal = Refusal(rawValue: code) else { throw .outOfRange(.refusal, UInt64(code)) }
            return .refused(refusal)
        case nil: throw .outOfRange(.verdict, UInt64(byte))
        }
    }
}
