import Sync
import Testing
import Tree

@Suite("The three-way table")
struct ReconciliationTests {
    /// Everything that can be at a path on one side: two files, another mode and another mtime of the first, a
    /// directory, another mode of it, two symlinks, nothing.
    static let entries: [Entry] = [
        file(1), file(2), file(1, mode: 0o755), file(1, mtime: 9), .directory(.init(mode: Mode(rawValue: 0o755))),
        .directory(.init(mode: Mode(rawValue: 0o700))), .symlink(.init(target: [65])), .symlink(.init(target: [66])),
        .tombstone,
    ]

    static func file(_ content: UInt8, mode: UInt16 = 0o644, mtime: Int64 = 1) -> Entry {
        guard let digest = Digest([UInt8](repeating: content, count: 32)) else { preconditionFailure("32 bytes") }
        return .file(
            .init(
                size: 1, digest: digest, mode: Mode(rawValue: mode), mtime: Timestamp(seconds: mtime, nanoseconds: 0)))
    }

    static let cases: [(remote: Entry, base: Entry, local: Entry)] = entries.flatMap { remote in
        entries.flatMap { base in entries.map { (remote, base, $0) } }
    }

    @Test("agrees in every case with the rules as the design puts them")
    func everyCase() {
        for (remote, base, local) in Self.cases {
            let outcome = Reconciliation(remote: remote, base: base, local: local)
            let comment: Comment = "remote \(remote), base \(base), local \(local)"
            switch (remote == base, local == base) {
            case (true, true):
                #expect(outcome == .nothing, comment)
            case (false, true):
                #expect(outcome == (remote.hasSameContent(as: local) ? .applyMetadata : .apply), comment)
            case (true, false):
                #expect(outcome == .submit, comment)
            case (false, false):
                if remote == local {
                    #expect(outcome == .adopt, comment)
                } else if remote.isTombstone {
                    #expect(outcome == .keep, comment)
                } else if local.isTombstone {
                    #expect(outcome == .apply, comment)
                } else if remote.hasSameContent(as: local) {
                    #expect([.keep, .applyMetadata].contains(outcome), comment)
                } else if remote.hasSameContent(as: base) {
                    #expect(outcome == .keep, comment)
                } else if local.hasSameContent(as: base) {
                    #expect(outcome == .apply, comment)
                } else if local.isDirectory {
                    #expect(outcome == .setRemoteAside, comment)
                } else {
                    #expect(outcome == .setLocalAside, comment)
                }
            }
        }
    }

    @Test("sets a version aside only where two contents differ from each other and from the base")
    func conflictsAreReal() {
        for (remote, base, local) in Self.cases {
            let outcome = Reconciliation(remote: remote, base: base, local: local)
            guard outcome == .setLocalAside || outcome == .setRemoteAside else { continue }
            #expect(!remote.hasSameContent(as: local) && !remote.hasSameContent(as: base))
            #expect(!local.hasSameContent(as: base) && remote.isLive && local.isLive)
        }
    }

    @Test("never takes a path's last content away")
    func nothingIsLost() {
        for (remote, base, local) in Self.cases {
            let outcome = Reconciliation(remote: remote, base: base, local: local)
            let isNew = local.isLive && !local.hasSameContent(as: base) && !local.hasSameContent(as: remote)
            if isNew { #expect(outcome != .apply && outcome != .adopt && outcome != .applyMetadata) }
        }
    }

    @Test("lets a directory keep its name")
    func directoriesStay() {
        let directory = Self.entries[4]
        let (one, two) = (Self.file(1), Self.file(2))
        #expect(Reconciliation(remote: directory, base: .tombstone, local: one) == .setLocalAside)
        #expect(Reconciliation(remote: one, base: .tombstone, local: directory) == .setRemoteAside)
        #expect(Reconciliation(remote: one, base: two, local: directory) == .setRemoteAside)
    }
}
