package import Disk
package import Index

/// Why a folder cannot be opened as a replica.
package enum OpenFailure: Error, Hashable, Sendable {
    /// There is nothing at this path.
    case missing
    case notDirectory
    case unreadable(DiskError)
    /// Another process has it; what that one said of itself: its id and role.
    case held(by: String)
    /// It lies inside the replica at this path.
    case inside(replicaAt: String)
    /// What was named for its state can't be it: it lies inside, is on another file system, or can't be had.
    case stateInside
    case stateOnOtherFileSystem
    case stateUnusable(DiskError)
    /// Its state is at this path already.
    case stateElsewhere(String)
    case index(IndexError)
    case failed(DiskError)
}

extension OpenFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing: "there is no such folder"
        case .notDirectory: "it is not a folder"
        case .unreadable(let error): "it cannot be read: \(error)"
        case .held(let holder): "process \(holder) holds it"
        case .inside(let outer): "it lies inside another replica: \(outer)"
        case .stateInside: "its state can't be inside of it, where it would be mirrored; --state takes a place outside"
        case .stateOnOtherFileSystem:
            "its state can't be on another file system, since what arrives is moved from there; --state takes a place on the same"
        case .stateUnusable(let error): "its state can't be there: \(error)"
        case .stateElsewhere(let path):
            "its state is at \(path) already; leave out --state"
        case .index(let error): "\(error)"
        case .failed(let error): "\(error)"
        }
    }
}
