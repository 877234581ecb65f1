package import Disk
package import Tree

/// What a person may choose about a replica.
package struct ReplicaSettings: Sendable {
    /// Where the state is, if not in the folder itself.
    package var state: [UInt8]?
    /// For how long history is kept.
    package var historyDays = 7
    /// How much of it, in bytes; the oldest goes first.
    package var historySize: UInt64 = 1 << 30
    /// How much of the file system stays free, in bytes; nil for a hundredth of it, and no more than 1 GiB.
    package var minimumFree: UInt64?
    /// How many chunk lists that nothing needs any more may pile up before they are looked for.
    package var spareLists = 256
    package var delays = DirtyQueue.Delays()
    /// How often what cannot be watched is compared.
    package var pollInterval = Duration.seconds(10)
    /// Whether everything is compared that often, watched or not.
    package var isPolling = false
    /// Files from this size on are read by a thread of their own before they are looked at.
    package var readAheadSize: UInt64 = 4 << 20
    /// Patterns of what is not mirrored, which count before those in the folder's rule files.
    package var ignore: [[UInt8]] = []
    /// How paths are resolved; nil for what the kernel can.
    package var resolution: Root.Resolution?

    package init() {}
}

/// What a replica has to tell while nobody asks it.
package enum ReplicaSignal: Sendable {
    /// Look at these.
    case dirty([Dirty])
    /// The large file that is there, as it is now, is being read, and will be told as dirty afterwards; its first chunks are
    /// so many bytes.
    case reading(RelativePath, Fingerprint, [Int])
    /// Scan this part; nil is everything.
    case rescan(RelativePath?, Watcher.Reason?)
    /// All that had happened when ``FolderReplica/barrier(_:)`` was called was told.
    case barrier(UInt64)
    /// Check the root: it was moved, deleted or unmounted.
    case rootMoved
}
