import Disk
import Ignore
package import Tree

extension FolderReplica {
    /// Whether `path` is ignored here: it is unknown then, and neither read nor touched.
    package func ignores(_ path: RelativePath, isDirectory: Bool) -> Bool {
        rules.excludes(path, isDirectory: isDirectory)
    }

    /// Whether nothing else is in the directory of `path`, ignored or not.
    package func isAlone(_ path: RelativePath) -> Bool {
        guard let names = try? root.openDirectory(path.parent).names() else { return false }
        return names.allSatisfy { $0.elementsEqual(path.name) }
    }

    /// These may have changed: rules among them are read before anything is judged.
    package func readRules(among all: [Dirty]) {
        for dirty in all { rules.completed(dirty.path) }
    }

    /// Where rules have changed since the last call, so that something was passed over that counts now, or the other
    /// way round. What is ignored by now is not watched any more; a thorough ``scan(inside:isThorough:)`` of each should
    /// follow.
    package func takeChangedRules() -> ChangedRules {
        let changed = rules.takeChanged()
        for directory in changed.directories { watcher?.dropExcluded(inside: directory) }
        return changed
    }
}
