import Index
import NIOCore
import NIOHTTP1
import Replica
import Tree
import WebSocketNIO

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// How a hub stands, for whoever may read it: what `nosocks status --json` has, but for what concerns its machine alone.
struct HubStatus: Encodable, Sendable {
    private struct Peer: Encodable {
        let name: String
        let readOnly: Bool
        let applied: UInt64
        let lag: UInt64
    }

    private struct Copy: Encodable {
        let path: String
        let path_b64: String?
    }

    /// So many copies are named; the others are counted.
    private static let mostCopies = 200

    private let name: String
    private let cursor: String
    private let inSync: Bool
    private let entries: UInt64
    private let bytes: UInt64
    private let pending: UInt64
    private let problems: [ReplicaStatus.PathProblem]
    private let conflicts: UInt64
    private let conflictCopies: [Copy]
    private let held: [HeldDeletions]
    private let peers: [Peer]

    init(_ status: ReplicaStatus, copies: [RelativePath]) {
        name = status.name
        cursor = "\(status.epoch):\(status.revision)"
        inSync = status.inSync
        entries = status.entries
        bytes = status.bytes
        pending = status.pending
        problems = status.problems
        conflicts = status.conflicts
        conflictCopies = copies.prefix(Self.mostCopies).map { path in
            Copy(path: path.description, path_b64: path.utf8 == nil ? Data(path.bytes).base64EncodedString() : nil)
        }
        held = status.held
        peers = status.peers.map {
            Peer(name: $0.name, readOnly: $0.readOnly, applied: $0.applied, lag: $0.lag)
        }
    }
}

/// What takes a look at every entry to be known: never more than a tenth of the time goes into that, however many ask.
struct Tally {
    private struct Taken {
        let counts: Index.Counts
        let copies: [RelativePath]
        let validUntil: NIODeadline
    }

    private var last: Taken?

    mutating func take(
        _ look: () throws(StoreFailure) -> (Index.Counts, [RelativePath])
    ) throws(StoreFailure) -> (counts: Index.Counts, copies: [RelativePath]) {
        let start = NIODeadline.now()
        if let last, start < last.validUntil { return (last.counts, last.copies) }
        let (counts, copies) = try look()
        let end = NIODeadline.now()
        last = Taken(
            counts: counts, copies: copies, validUntil: end + .nanoseconds(9 * (end - start).nanoseconds))
        return (counts, copies)
    }
}

extension HubService {
    func status() throws -> HubStatus {
        guard end == nil else { throw HTTPFailure.ending }
        let (counts, copies) = try tally.take { () throws(StoreFailure) in
            (try folder.counts(), try conflictPaths().sorted())
        }
        return HubStatus(
            try replicaStatus(counts: counts, conflicts: UInt64(copies.count)), copies: copies)
    }
}

extension Visit {
    func sendStatus() async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var body = ByteBuffer(bytes: try encoder.encode(try await hub.status()))
        body.writeStaticString("\n")
        var headers = Self.guarded
        headers.add(name: "content-type", value: "application/json")
        headers.add(name: "cache-control", value: "no-store")
        try await exchange.answer(HTTPAnswer(status: .ok, headers: headers, body: body))
    }
}
