package import Index
package import Tree

/// One version of a path, as far as a replica knows of it.
package struct LogLine: Sendable {
    package enum Deed: String, Sendable {
        case created
        case modified
        case deleted
        /// Created or modified: what was before is not known here.
        case changed
    }

    package enum Place: String, Sendable {
        /// It is what the folder holds.
        case here
        /// It can be brought back.
        case history
    }

    package let path: RelativePath
    package let entry: Entry
    package let origin: Origin
    package let deed: Deed
    /// Where the version still is, if it is.
    package let place: Place?
    /// For a version that the hub never had: when it was replaced, in seconds since 1970.
    fileprivate let replaced: Int64?

    /// When it came, in seconds since 1970; 0 where that is not known.
    package var seconds: Int64 { replaced ?? origin.seconds }
}

extension FolderView {
    /// What changed at `path` and inside (nil: everywhere), newest first.
    ///
    /// A hub tells each of its newest changes (it keeps 100,000); any replica the newest version of each path, and the
    /// versions before that it still has.
    package func log(within path: RelativePath?) throws(IndexError) -> [LogLine] {
        var known: [Key: Known] = [:]
        for version in try index.loggedVersions(within: path) { known.merge(Known(version)) }
        for version in try index.newestVersions(within: path) { known.merge(Known(version)) }
        var local: [LogLine] = []
        for version in try kept(within: path) {
            if version.origin.revision == .zero {
                local.append(
                    LogLine(
                        path: version.path, entry: version.entry, origin: version.origin, deed: .changed,
                        place: .history, replaced: version.seconds))
            } else {
                known.merge(Known(version))
            }
        }
        return Self.merge(Self.lines(of: known), local)
    }

    fileprivate struct Key: Hashable {
        let path: RelativePath
        let revision: Revision
    }

    fileprivate struct Known {
        var entry: Entry
        var origin: Origin
        var base: Revision?
        var place: LogLine.Place?
        let path: RelativePath

        init(_ version: LoggedVersion) {
            path = version.path
            entry = version.entry
            origin = version.origin
            base = version.base
            place = version.isHere ? .here : nil
        }

        init(_ version: KeptVersion) {
            path = version.path
            entry = version.entry
            origin = version.origin
            place = .history
        }
    }

    /// Says of each what was done, by what was before it.
    private static func lines(of known: [Key: Known]) -> [LogLine] {
        var former: [RelativePath: Known] = [:]
        return known.values.sorted { $0.origin.revision < $1.origin.revision }.map { version in
            let before = former.updateValue(version, forKey: version.path)
            // Only what is known to have come right before says anything: a deletion may lie in between.
            let next = before?.origin.revision == version.base ? before : nil
            let deed: LogLine.Deed =
                switch (version.entry.isTombstone, version.base, next?.entry.isTombstone) {
                case (true, _, _): .deleted
                case (_, .zero, _), (_, _, true): .created
                case (_, _, false): .modified
                default: .changed
                }
            return LogLine(
                path: version.path, entry: version.entry, origin: version.origin, deed: deed, place: version.place,
                replaced: nil)
        }
    }

    /// Both newest first. Revisions are in their own order, whatever the clock said; what has none is put between them by
    /// the time of day.
    private static func merge(_ lines: [LogLine], _ local: [LogLine]) -> [LogLine] {
        var merged: [LogLine] = []
        merged.reserveCapacity(lines.count + local.count)
        var others = local.sorted { $0.seconds < $1.seconds }
        for line in lines.reversed() {
            while let other = others.last, other.seconds >= line.seconds {
                merged.append(other)
                others.removeLast()
            }
            merged.append(line)
        }
        return merged + others.reversed()
    }
}

extension [FolderView.Key: FolderView.Known] {
    fileprivate mutating func merge(_ version: FolderView.Known) {
        let key = FolderView.Key(path: version.path, revision: version.origin.revision)
        guard var known = self[key] else { return self[key] = version }
        known.base = known.base ?? version.base
        known.place = known.place ?? version.place
        if known.origin.seconds == 0 { known.origin.seconds = version.origin.seconds }
        if known.origin.author.isEmpty { known.origin.author = version.origin.author }
        self[key] = known
    }
}
