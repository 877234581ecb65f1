package import Tree

/// What another process of this machine may ask of the one that holds a replica.
package enum ControlRequest: Codable, Hashable, Sendable {
    case status
    /// Answered when everything that was on this disk before is on the hub, or, if so asked, on all peers that are
    /// connected.
    case wait(everywhere: Bool)
    case confirmDeletions
    case revertDeletions
    /// Answered when who may come in is as the book says now.
    case readTokens
}

package enum ControlReply: Codable, Hashable, Sendable {
    case status(ReplicaStatus)
    /// All is where it was waited for, but for these.
    case arrived(problems: [ReplicaStatus.PathProblem], held: [HeldDeletions])
    /// There is no connection to the hub.
    case unreachable(String)
    /// So many deletions were let through or taken back.
    case deletions(Int)
    case tokensRead
    case failed(String)
}

/// How a replica stands.
package struct ReplicaStatus: Codable, Hashable, Sendable {
    package enum Role: String, Codable, Sendable {
        case hub
        case peer
    }

    package struct Peer: Codable, Hashable, Sendable {
        package var name: String
        package var address: String
        package var readOnly: Bool
        /// The revision up to which it has durably applied the feed.
        package var applied: UInt64
        /// How many revisions it is behind.
        package var lag: UInt64
    }

    package struct PathProblem: Codable, Hashable, Sendable {
        /// As UTF-8; what is no UTF-8 is shown escaped.
        package var path: String
        package var reason: String
    }

    /// Of what a peer exchanges with the hub only a part is wanted.
    package enum Direction: String, Codable, Sendable {
        case receiveOnly = "receive-only"
        case sendOnly = "send-only"

        /// Nil where all is.
        init?(_ direction: Tree.Direction) {
            switch direction {
            case .both: return nil
            case .receiveOnly: self = .receiveOnly
            case .sendOnly: self = .sendOnly
            }
        }
    }

    package struct Watches: Codable, Hashable, Sendable {
        package var used: Int
        /// What a user may have, over all programs.
        package var allowed: Int
    }

    package var role: Role
    package var name: String
    package var process: Int32
    /// Where the hub is, of a peer; where it listens, of a hub.
    package var url: [String]
    /// The hub's name, of a peer that is connected.
    package var hub: String?
    package var connected: Bool
    package var inSync: Bool
    /// The random id of the hub's history, in hexadecimal.
    package var epoch: String
    package var revision: UInt64
    package var entries: UInt64
    package var bytes: UInt64
    /// Paths on which something is under way.
    package var pending: UInt64
    /// Of large files that come to this peer or go from it, in bytes; nil while there are none.
    package var underway: Underway?
    package var problems: [PathProblem]
    /// Conflict copies on this disk.
    package var conflicts: UInt64
    package var held: [HeldDeletions]
    package var peers: [Peer]
    /// Nil where changes can't be watched for.
    package var watches: Watches?
    /// Nil where changes go both ways.
    package var direction: Direction?
    /// Paths with local changes that stay here, since this peer only receives.
    package var unsent: UInt64
}
