package import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A walk through a folder, or a part of it: names in byte order, a directory before what is inside it. An index has
/// them in the same order.
///
/// A step at a time, so that whoever takes them can do something else in between. It holds one directory open at a
/// time, whatever the depth.
package struct Walk {
    package enum Item: Sendable {
        /// A file, directory, symlink or special file.
        case found(RelativePath, Status)
        /// This directory (nil: the root) could not be listed: nothing is known of what is inside.
        case unlisted(RelativePath?, Problem)
        /// This could not be looked at, and nothing is known of it nor of what is inside.
        case unknown(RelativePath, Problem)
        /// A replica's private folder inside a directory below the root, or a name that no path can have.
        case skipped(in: RelativePath?, name: [UInt8])
        /// This is left out, with all that is inside.
        case excluded(RelativePath)
    }

    /// What is left of one directory, or a directory that is still to be listed.
    private struct Level {
        var items: [Step]
        var next = 0
    }

    private enum Step {
        case give(Item)
        case list(RelativePath?)
    }

    private let root: Root
    private let isRecursive: Bool
    private let exclusion: (any Exclusion)?
    private let willList: ((RelativePath?, Descriptor) -> Void)?
    private var levels: [Level]

    /// Walks what is inside `directory` (nil: the root), not the directory itself. `willList` is called with each
    /// directory before it is listed: the moment to begin watching it.
    package init(
        _ root: Root, inside directory: RelativePath? = nil, isRecursive: Bool = true,
        excluding exclusion: (any Exclusion)? = nil, willList: ((RelativePath?, Descriptor) -> Void)? = nil
    ) {
        self.root = root
        self.isRecursive = isRecursive
        self.exclusion = exclusion
        self.willList = willList
        levels = [Level(items: [.list(directory)])]
    }

    /// The next thing found; nil at the end.
    package mutating func next() -> Item? {
        while let level = levels.last {
            guard level.next < level.items.count else {
                levels.removeLast()
                continue
            }
            let step = level.items[level.next]
            levels[levels.count - 1].next += 1
            switch step {
            case .give(let item): return item
            case .list(let directory):
                if let failed = enter(directory) { return failed }
            }
        }
        return nil
    }

    private mutating func enter(_ directory: RelativePath?) -> Item? {
        do {
            let descriptor = try root.openDirectory(directory)
            willList?(directory, descriptor)
            levels.append(Level(items: steps(in: directory, descriptor, try descriptor.names())))
            return nil
        } catch {
            // Gone since it was seen, or no directory any more: whoever watches hears of it, and nothing is inside.
            if error.isMissing && directory != nil { return nil }
            return .unlisted(directory, error.problem)
        }
    }

    private func steps(in directory: RelativePath?, _ descriptor: Descriptor, _ names: [[UInt8]]) -> [Step] {
        let filter = exclusion?.filter(in: directory, holding: names)
        var steps: [Step] = []
        steps.reserveCapacity(names.count)
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let path = try? RelativePath.child(name, of: directory) else {
                // The root's own state folder is no news.
                if directory != nil || !Self.isState(name) { steps.append(.give(.skipped(in: directory, name: name))) }
                continue
            }
            do {
                let status = try Place(directory: descriptor, name: name, path: path).status()
                if let filter, filter(path, status.kind == .directory) {
                    steps.append(.give(.excluded(path)))
                    continue
                }
                steps.append(.give(.found(path, status)))
                if status.kind == .directory && isRecursive { steps.append(.list(path)) }
            } catch {
                guard error.code != ENOENT else { continue }
                let isExcluded = filter?(path, false) ?? false
                steps.append(.give(isExcluded ? .excluded(path) : .unknown(path, error.problem)))
            }
        }
        return steps
    }

    static func isState(_ name: [UInt8]) -> Bool {
        RelativePath.stateName.withUTF8Buffer { name.elementsEqual($0) }
    }
}
