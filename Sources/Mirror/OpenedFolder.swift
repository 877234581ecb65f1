import Disk
import Index
package import Replica
import Tree

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A folder that this process holds, ready to be served or joined.
package struct OpenedFolder {
    let replica: FolderReplica

    /// Why a folder can't be had.
    package struct Failure: Error, Hashable, Sendable {
        package enum Reason: Hashable, Sendable {
            /// Another process has it.
            case held
            case noSpace
            case failed
        }

        package let reason: Reason
        /// For a person.
        package let text: String
    }

    /// Opens the folder at `path`; `role` is what another process that wants it too is told of this one.
    package init(at path: String, role: String, settings: ReplicaSettings) throws(Failure) {
        do {
            replica = try FolderReplica(at: Array(path.utf8), role: role, settings: settings)
        } catch {
            throw Failure(reason: error.reason, text: error.text)
        }
    }

    /// Makes the folder at `path`, and those above it, where they are missing; never inside of another replica, which
    /// would take it for an edit.
    package static func make(at path: String) throws(Failure) {
        var missing: [String] = []
        var existing = path[...]
        while existing.count > 1, existing.hasSuffix("/") { existing.removeLast() }
        while access(String(existing), F_OK) != 0, errno == ENOENT {
            missing.append(String(existing))
            let above = existing.lastIndex(of: "/")
            existing = above.map { $0 == existing.startIndex ? "/" : existing[..<$0] } ?? "."
        }
        guard !missing.isEmpty else { return }
        if let outer = FolderReplica.replica(over: Array(existing.utf8)) {
            throw Failure(reason: .failed, text: "\(OpenFailure.inside(replicaAt: outer))")
        }
        for path in missing.reversed() where mkdir(path, 0o777) != 0 && errno != EEXIST {
            let cause = String(cString: strerror(errno))
            throw Failure(reason: errno == ENOSPC ? .noSpace : .failed, text: "it cannot be made: \(cause)")
        }
    }

    /// The process that holds the folder at `path` now, if one does.
    package static func holder(of path: String) -> RunningReplica? {
        guard let root = try? Root(at: Array(path.utf8)),
            let state = try? StatePlace(of: root).open(),
            let said = FolderLock.holder(at: Place(directory: state, name: Array("lock".utf8))),
            let process = said.split(separator: " ").first.flatMap({ pid_t($0) })
        else { return nil }
        return RunningReplica(process: process)
    }

    /// Whether its state was found to be another folder's, and forgotten.
    package var wasElsewhere: Bool { replica.wasElsewhere }

    /// Whether there is nothing in it but its own state.
    package var isEmpty: Bool { replica.isEmpty }

    /// Whether it never was in sync with any hub.
    package var isNew: Bool { replica.cursor == .start }
}

/// A process that holds a replica.
package struct RunningReplica {
    let process: pid_t

    /// Lets it read again what it read at its start.
    package func reload() {
        kill(process, SIGHUP)
    }
}

extension OpenFailure {
    fileprivate var text: String {
        guard case .held(let holder) = self else { return "\(self)" }
        // What a holder says of itself is its id and its role.
        let words = holder.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else { return "another process holds it" }
        return "process \(words[0]) holds it, a \(words[1])"
    }

    fileprivate var reason: OpenedFolder.Failure.Reason {
        switch self {
        case .held: .held
        case .index(let fault) where fault.kind == .noSpace: .noSpace
        case .failed(let fault) where fault.isNoSpace: .noSpace
        case .missing, .notDirectory, .unreadable, .inside, .index, .failed: .failed
        case .stateInside, .stateOnOtherFileSystem, .stateUnusable, .stateElsewhere: .failed
        }
    }
}
