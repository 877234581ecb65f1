import Disk
internal import Synchronization
package import Tree

/// Verified content that has no name in the tree yet: it was compared with its digest, and has its mode and mtime.
///
/// Only staging makes one, so nothing unverified can be named.
package struct Staged: Hashable, Sendable {
    /// Its name in the staging folder.
    let name: String
    package let digest: Digest
    /// As it is in the staging folder.
    let fingerprint: Fingerprint
}

/// What is staged at the moment.
struct StagingLedger {
    /// Not durable yet, open to be made so one by one; nil when they are too many for that.
    private(set) var unsynced: [Descriptor]? = []
    private var named: [Digest: Set<String>] = [:]
    private var placed: [Digest: RelativePath] = [:]

    /// A file that needs a flush of its own costs about as much as a flush of the whole file system does when there
    /// are a few of them.
    static let fewFiles = 8

    /// - Parameter descriptor: the file, open; nil where it is one of many.
    mutating func add(_ staged: Staged, _ descriptor: Descriptor?) {
        named[staged.digest, default: []].insert(staged.name)
        guard let descriptor, let files = unsynced, files.count < Self.fewFiles else {
            unsynced = nil
            return
        }
        unsynced?.append(descriptor)
    }

    mutating func remove(_ staged: Staged, placedAt path: RelativePath?) {
        named[staged.digest]?.remove(staged.name)
        if named[staged.digest]?.isEmpty == true { named[staged.digest] = nil }
        if let path { placed[staged.digest] = path }
    }

    mutating func forgetPlaced() {
        placed.removeAll(keepingCapacity: true)
    }

    mutating func flushed() {
        unsynced = []
    }

    /// The name of a staged file that has this content.
    func name(of digest: Digest) -> String? { named[digest]?.first }

    /// Where content was named that no record tells of yet.
    func place(of digest: Digest) -> RelativePath? { placed[digest] }
}

/// A name in the staging folder that was never used before: a random number of this process, and the next one of its own.
func freshName() -> String {
    "s-\(FreshNames.process)-\(String(FreshNames.count.add(1, ordering: .relaxed).newValue, radix: 16))"
}

private enum FreshNames {
    static let process = String(UInt64.random(in: 1 << 63...UInt64.max), radix: 16)
    static let count = Atomic<UInt64>(0)
}
