import Disk
package import Index
package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A replaced or deleted version that can be brought back.
package struct KeptVersion: Sendable {
    enum Source: Sendable {
        case history(HistoryItem)
        /// Under this name, on its way from the tree to the history folder.
        case out(String)
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
        var seen = Set(items.map(\.name))
        var out: [KeptVersion] = []
        for item in try index.removed() + handedOver where Self.is(item.path, within: path) && item.expected.isLive {
            guard seen.insert(item.token).inserted, isOut(item) else { continue }
            out.append(KeptVersion(item, .out(item.token)))
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

    /// Where what is on its way out of the tree may be, in the order in which it comes by: the process that holds the
    /// replica moves it on meanwhile.
    private func places(_ token: String) -> [Place] {
        let name = Array(token.utf8)
        let aside = (try? AsideFolder(in: state, making: false))?.place(token)
        return [aside, Place(directory: staging, name: name), history.place(token)].compactMap(\.self)
    }

    /// Whether what was to be taken out of the tree was: then it lies where it may be by now, unless it is kept as nothing
    /// but a row.
    private func isOut(_ item: RemovedItem) -> Bool {
        if places(item.token).contains(where: { Self.lies(item, at: $0) }) { return true }
        guard item.expected.file == nil, let place = try? root.place(of: item.path) else { return false }
        return !Self.lies(item, at: place)
    }

    private static func lies(_ item: RemovedItem, at place: Place) -> Bool {
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
        case .history(let item): return try history.place(item.name).openForReading()
        case .out(let token):
            var failure = DiskError("open", code: ENOENT)
            for place in places(token) {
                do throws(DiskError) {
                    return try place.openForReading()
                } catch {
                    failure = error
                }
            }
            throw failure
        }
    }
}
