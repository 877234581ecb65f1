/// A path at which something may have changed, settled enough to be looked at.
package struct Dirty: Hashable, Sendable {
    package let path: RelativePath
    /// Whether the content may have changed without any trace in its times.
    package let rereading: Bool
    /// Whether all that was inside is concerned too, because one event stood for all of it.
    package let isSubtree: Bool

    package init(path: RelativePath, rereading: Bool, isSubtree: Bool = false) {
        self.path = path
        self.rereading = rereading
        self.isSubtree = isSubtree
    }
}
