package import Tree

/// What both machines have in common: the events of their own disk.
package protocol FolderMachine {
    associatedtype Action

    /// Whether something changes too fast to be taken, and is to be looked at again soon.
    var hasUnstable: Bool { get }
    /// Whether something is to be looked at again after a while.
    var wantsReview: Bool { get }

    /// The process has begun: what the one before it left undone is done now.
    mutating func started() throws(StoreFailure) -> [Action]
    /// These paths may have changed on the disk.
    mutating func changed(_ all: [Dirty]) throws(StoreFailure) -> [Action]
    /// Time to look again at what changed too fast.
    mutating func retryUnstable() throws(StoreFailure) -> [Action]
    /// Time to look again at what had a problem, and at what came out of the tree.
    mutating func retryProblems() throws(StoreFailure) -> [Action]
}
