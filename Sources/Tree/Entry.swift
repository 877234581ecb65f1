/// What is at a path.
package enum Entry: Hashable, Sendable {
    case file(File)
    case directory(Directory)
    case symlink(Symlink)
    /// Nothing is there any more.
    case tombstone

    package struct File: Hashable, Sendable {
        /// In bytes.
        package var size: UInt64
        package var digest: Digest
        package var mode: Mode
        package var mtime: Timestamp

        package init(size: UInt64, digest: Digest, mode: Mode, mtime: Timestamp) {
            self.size = size
            self.digest = digest
            self.mode = mode
            self.mtime = mtime
        }

        /// Whether the file is one chunk and travels inside its change.
        package var isOneChunk: Bool { size <= ChunkingParameters.oneChunkLimit }
    }

    package struct Directory: Hashable, Sendable {
        package var mode: Mode

        package init(mode: Mode) {
            self.mode = mode
        }
    }

    package struct Symlink: Hashable, Sendable {
        /// The link's text, never followed. 1 to 4095 bytes without NUL.
        package var target: [UInt8]

        package init(target: [UInt8]) {
            self.target = target
        }
    }
}

extension Entry {
    package var isTombstone: Bool { self == .tombstone }
    package var isLive: Bool { !isTombstone }

    package var isDirectory: Bool {
        if case .directory = self { true } else { false }
    }

    /// The file that this is, if it has more than one chunk.
    package var largeFile: File? {
        if case .file(let file) = self, !file.isOneChunk { file } else { nil }
    }

    /// Whether both hold the same content: mode and mtime are values that travel, but a difference in them alone is
    /// never a conflict.
    package func hasSameContent(as other: Entry) -> Bool {
        switch (self, other) {
        case (.file(let left), .file(let right)): left.digest == right.digest && left.size == right.size
        case (.directory, .directory): true
        case (.symlink(let left), .symlink(let right)): left.target == right.target
        case (.tombstone, .tombstone): true
        default: false
        }
    }
}

/// The permission bits that travel: 0777. setuid, setgid and sticky never do.
package struct Mode: Hashable, Sendable, RawRepresentable {
    package let rawValue: UInt16

    /// Keeps the permission bits of `rawValue` and drops the rest.
    package init(rawValue: UInt16) {
        self.rawValue = rawValue & 0o777
    }
}

/// Seconds and nanoseconds since 1970, before it when negative.
package struct Timestamp: Hashable, Sendable {
    package let seconds: Int64
    /// 0 to 999,999,999.
    package let nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = min(nanoseconds, 999_999_999)
    }
}
