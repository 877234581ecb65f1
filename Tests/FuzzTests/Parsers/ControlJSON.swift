import Tree

@testable import Mirror

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Parser {
    func eatControl(_ input: [UInt8]) throws {
        try eat(input, as: ControlRequest.self)
        try eat(input, as: ControlReply.self)
    }

    private func eat<Value: Codable & Hashable>(_ input: [UInt8], as type: Value.Type) throws {
        guard let value = try? JSONDecoder().decode(type, from: Data(input)) else { return }
        let back = try JSONDecoder().decode(type, from: try JSONEncoder().encode(value))
        try demand(back == value, "\(value) came back as \(back)")
    }

    func controlSeeds() throws -> [[UInt8]] {
        let status = ReplicaStatus(
            role: .peer, name: "ann", process: 5, url: ["ws://127.0.0.1:7777"], hub: "hub", connected: true,
            inSync: false, epoch: "00ff", revision: 7, entries: 9, bytes: 1 << 40, pending: 1,
            problems: [ReplicaStatus.PathProblem(path: "a", reason: "żółw")],
            conflicts: 2,
            held: [HeldDeletions(count: 3, total: 4, author: "bob", isAtHub: true)],
            peers: [ReplicaStatus.Peer(name: "b", address: "[::1]:5", readOnly: true, applied: 3, lag: 4)],
            watches: ReplicaStatus.Watches(used: 5, allowed: 6), direction: .receiveOnly, unsent: 2)
        let requests: [ControlRequest] = [.status, .wait(everywhere: true), .confirmDeletions, .revertDeletions]
        let replies: [ControlReply] = [
            .status(status), .arrived(problems: status.problems, held: status.held), .unreachable("no hub"),
            .deletions(3), .failed("\u{1}\"\\"),
        ]
        let encoder = JSONEncoder()
        return try requests.map { Array(try encoder.encode($0)) } + replies.map { Array(try encoder.encode($0)) }
    }
}
