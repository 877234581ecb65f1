import Disk
import Index
package import Replica
package import Tree

/// Compares a folder with a hub's, by content: of both all is taken in the same order, so neither is held in memory.
package struct FolderComparison {
    package enum Difference: Hashable, Sendable {
        /// The hub has it alone.
        case missing(RemoteEntry)
        /// The folder has it alone.
        case extra(RelativePath, isDirectory: Bool)
        /// Both have it, and it is not the same.
        case other(RemoteEntry, content: Bool, size: Bool, mode: Bool)
        /// It can't be compared.
        case unknown(RelativePath?, reason: String)
    }

    private let folder: FolderListing
    private var ahead: Walk.Item?
    private let tell: (Difference) -> Void

    package init(of folder: FolderListing, _ tell: @escaping (Difference) -> Void) {
        self.folder = folder
        self.tell = tell
        ahead = folder.next()
    }

    /// Takes the hub's next entry.
    package mutating func take(_ remote: RemoteEntry) {
        while let item = ahead {
            guard let path = item.path else {
                tellUnknown(item)
                ahead = folder.next()
                continue
            }
            if path == remote.path {
                ahead = folder.next()
                return compare(item, remote)
            }
            guard PathOrder.precedes(path, remote.path) else { break }
            tellAlone(item, path)
            ahead = folder.next()
        }
        tell(.missing(remote))
    }

    /// The hub has no more.
    package mutating func finish() {
        while let item = ahead {
            if let path = item.path { tellAlone(item, path) } else { tellUnknown(item) }
            ahead = folder.next()
        }
    }

    private func compare(_ item: Walk.Item, _ remote: RemoteEntry) {
        guard case .found(let path, let status) = item else { return tellUnknown(item) }
        let mode = Mode(rawValue: status.mode.rawValue)
        let isOtherMode = remote.mode.flatMap { UInt16($0, radix: 8) }.map { Mode(rawValue: $0) != mode } ?? false
        switch (status.kind, remote.kind) {
        case (.directory, .directory):
            if isOtherMode { tell(.other(remote, content: false, size: false, mode: true)) }
        case (.file, .file):
            let isOtherSize = status.size != remote.size
            do throws(ContentReader.Failure) {
                var isOther = isOtherSize
                if !isOther { isOther = try folder.digest(of: path).hex() != remote.digest }
                guard isOther || isOtherMode else { return }
                tell(.other(remote, content: isOther, size: isOtherSize, mode: isOtherMode))
            } catch {
                tell(.unknown(path, reason: Self.reason(error)))
            }
        case (.symlink, .symlink):
            do throws(DiskError) {
                guard try RelativePath.printable(folder.target(of: path)) != remote.target else { return }
                tell(.other(remote, content: true, size: false, mode: false))
            } catch {
                tell(.unknown(path, reason: "\(error)"))
            }
        case (.special, _):
            tell(.unknown(path, reason: "\(Problem(.special, operation: "stat"))"))
        default:
            tell(.extra(path, isDirectory: status.kind == .directory))
            tell(.missing(remote))
        }
    }

    private static func reason(_ failure: ContentReader.Failure) -> String {
        switch failure {
        case .disk(let error): "\(error)"
        case .unstable, .cancelled: "it changes while it is read"
        case .tooLarge: "it is too large for a mirror"
        }
    }

    private func tellAlone(_ item: Walk.Item, _ path: RelativePath) {
        guard case .found(_, let status) = item else { return tellUnknown(item) }
        guard status.kind != .special else { return }
        tell(.extra(path, isDirectory: status.kind == .directory))
    }

    private func tellUnknown(_ item: Walk.Item) {
        switch item {
        case .unlisted(let path, let problem): tell(.unknown(path, reason: "\(problem)"))
        case .unknown(let path, let problem): tell(.unknown(path, reason: "\(problem)"))
        // No hub has it either.
        case .skipped, .excluded, .found: break
        }
    }
}

extension Walk.Item {
    fileprivate var path: RelativePath? {
        switch self {
        case .found(let path, _), .unknown(let path, _), .excluded(let path): path
        case .unlisted, .skipped: nil
        }
    }
}
