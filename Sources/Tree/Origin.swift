/// Which version of its path something is, for people: nothing is decided by it.
package struct Origin: Hashable, Sendable {
    /// 0 where the hub never had this version.
    package var revision: Revision
    /// Who made it; empty where that is not known.
    package var author: String
    /// When this replica had it from the hub, or the hub took it, in seconds since 1970; 0 where that is not known.
    package var seconds: Int64

    package static let unknown = Origin(revision: .zero, author: "", seconds: 0)

    package init(revision: Revision, author: String, seconds: Int64) {
        self.revision = revision
        self.author = author
        self.seconds = seconds
    }
}
