import Disk
import Index
package import Tree

/// Something that was taken out of the tree and is kept until it is sure that nobody still writes to it.
package struct Removed: Hashable, Sendable {
    let item: RemovedItem
    /// Whether it was not what was expected when it came out: somebody's edit of this very path.
    var isEdit = false

    /// Where it was.
    package var path: RelativePath { item.path }
    /// When it was taken out, in seconds since 1970.
    package var seconds: Int64 { item.seconds }

    var asEdit: Removed { Removed(item: item, isEdit: true) }
}
