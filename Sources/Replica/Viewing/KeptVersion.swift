import Disk
package import Index
package import Tree

/// A replaced or deleted version that can be brought back.
package struct KeptVersion: Sendable {
    enum Source: Sendable {
        case history(HistoryItem)
        /// In the staging folder: taken out of the tree and not history yet.
        case staged(String)
        /// In the history folder, since the index was read that says nothing of it yet.
        case settled(String)
        /// Handed over by a command, and not taken over yet.
        case aside(String)
    }

    package let path: RelativePath
    package let entry: Entry
    package let origin: Origin
    /// When it was replaced or deleted, in seconds since 1970.
    package let seconds: Int64
    let source: Source

    init(_ item: HistoryItem) {
        path = item.path
        entry = item.entry
        origin = item.origin
        seconds = item.seconds
        source = .history(item)
    }

    init(_ item: RemovedItem, _ source: Source) {
        path = item.path
        entry = item.expected
        origin = item.origin
        seconds = item.seconds
        self.source = source
    }
}

extension FolderView {
    /// What is kept of `path` and of all that is inside (nil: of everything), in the order in which it was replaced.
    package func kept(within path: RelativePath?) throws(IndexError) -> [KeptVersion] {
        var items = try index.history(inside: path)
        if let path { items += try index.history(at: path) }
        var kept = items.sorted { $0.id < $1.id }.filter { history.isHeld($0) }.map { KeptVersion($0) }
        var out: [KeptVersion] = []
        for item in try index.removed() where Self.is(item.path, within: path) && item.expected.isLive {
            // In the order in which it goes, so that it is not missed on its way.
            if isOut(item, at: Place(directory: staging, name: Array(item.token.utf8))) {
                out.append(KeptVersion(item, .staged(item.token)))
            } else if isOut(item, at: history.place(item.token)) {
                out.append(KeptVersion(item, .settled(item.token)))
            }
        }
        if let aside = try? AsideFolder(in: state, making: false) {
            for item in aside.items where Self.is(item.path, within: path) && item.expected.isLive {
                if isOut(item, at: aside.place(item.token)) { out.append(KeptVersion(item, .aside(item.token))) }
            }
        }
        // Within a second in the order above.
        kept += out.enumerated().sorted { ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset) }.map(
            \.element)
        return kept
    }

    private static func `is`(_ path: RelativePath, within outer: RelativePath?) -> Bool {
        guard let outer else { return true }
        return path == outer || path.isInside(outer)
    }

    /// Whether what was to be taken out of the tree lies there, and is not something else.
    private func isOut(_ item: RemovedItem, at place: Place) -> Bool {
        (try? place.status())?.fingerprint.isSame(exceptForChangeTime: item.fingerprint) == true
    }

    /// Hands over the bytes of a file's version, each piece compared with its digest, as long as `take` says true.
    package func read(_ version: KeptVersion, _ take: ([UInt8]) -> Bool) throws(RestoreFailure) {
        guard let file = version.entry.file else { throw .noFile }
        do {
            if case .history(let item) = version.source {
                try history.read(item, take)
            } else {
                try history.read(file, from: source(of: version), take)
            }
        } catch HistoryContent.Failure.refused {
            throw .refused
        } catch {
            throw .lost
        }
    }

    /// The whole file that has a version's content, where it is kept as one.
    func source(of version: KeptVersion) throws(DiskError) -> Descriptor {
        switch version.source {
        case .history(let item): try history.place(item.name).openForReading()
        case .settled(let name): try history.place(name).openForReading()
        case .staged(let name): try Place(directory: staging, name: Array(name.utf8)).openForReading()
        case .aside(let name): try AsideFolder(in: state, making: false).place(name).openForReading()
        }
    }
}
