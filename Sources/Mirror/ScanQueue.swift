import Replica
import Tree

/// The scans that are due on one folder, worked off one after the other, a step at a time.
struct ScanQueue {
    struct Step {
        var dirty: [Dirty]
        var problems: [(path: RelativePath, problem: Problem)]
        /// Whether this was the last step of a scan of the whole folder.
        var isWhole: Bool
        /// How many names that scan met.
        var seen: Int
    }

    private var waiting: [(directory: RelativePath?, isThorough: Bool)] = []
    private var current: (scan: Scan, isWhole: Bool)?
    private var seen = 0

    /// Whether a scan is under way or due.
    var isActive: Bool { current != nil || !waiting.isEmpty }

    /// Whether the next step begins with a part of the folder.
    var beginsPart: Bool { current == nil && waiting.first?.directory != nil }

    /// Wants a part of the folder scanned, or all of it (nil).
    mutating func add(_ directory: RelativePath?, isThorough: Bool) {
        let isCovered = waiting.contains { waiting in
            Self.covers(waiting.directory, directory) && (waiting.isThorough || !isThorough)
        }
        guard !isCovered else { return }
        waiting.removeAll { waiting in
            Self.covers(directory, waiting.directory) && (isThorough || !waiting.isThorough)
        }
        waiting.append((directory, isThorough))
    }

    /// Whether who scans the one scans the other: itself, or what it is in.
    private static func covers(_ outer: RelativePath?, _ inner: RelativePath?) -> Bool {
        guard let outer, let inner else { return outer == nil }
        return inner == outer || inner.isInside(outer)
    }

    /// Takes one step; nil if there is none to take.
    mutating func step(_ folder: FolderReplica) throws(StoreFailure) -> Step? {
        if current == nil {
            guard !waiting.isEmpty else { return nil }
            let (directory, isThorough) = waiting.removeFirst()
            current = (folder.scan(inside: directory, isThorough: isThorough), directory == nil)
            seen = 0
        }
        guard let (scan, isWhole) = current else { return nil }
        let found = try scan.step(limit: 512)
        seen += found.seen
        if found.isDone { current = nil }
        return Step(dirty: found.dirty, problems: found.problems, isWhole: found.isDone && isWhole, seen: seen)
    }
}
