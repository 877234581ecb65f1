import Disk
import Synchronization
import Testing
import Tree

@testable import Replica

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A directory and a symlink that leads out of the folder trade places, as fast as it goes, while the replica works in it.
@Suite struct ContainmentTests {
    private static let flips = 100_000

    @Test(arguments: [Root.Resolution.kernel, .componentwise])
    func `Nothing outside is touched while a directory and a symlink trade places a hundred thousand times`(
        _ resolution: Root.Resolution
    ) throws {
        var settings = ReplicaSettings()
        settings.resolution = resolution
        let bench = try Bench(settings: settings)
        bench.scratch.shell(
            "mkdir -p outside/e; for n in f g new; do printf canary > outside/$n; done; touch -d 2001-01-01 outside/* outside"
        )
        bench.shell("mkdir -p d/e; printf inside > d/f; ln -s ../outside link")
        let canaries =
            "for n in outside outside/*; do stat -c '%n %i %a %h %Y %s' $n; done; cat outside/f outside/g outside/new"
        bench.scratch.shell("{ \(canaries); } > before.txt")
        let count = Mutex(0)
        let root = bench.replica.root
        let flipper = try Thread {
            let d = Place(directory: root.descriptor, name: Array("d".utf8))
            let link = Place(directory: root.descriptor, name: Array("link".utf8))
            for _ in 0..<Self.flips {
                if (try? d.rename(to: link, .exchange)) != nil { count.withLock { $0 += 1 } }
            }
        }
        var done: [String: Int] = [:]
        var round = 0
        while count.withLock({ $0 < Self.flips }) {
            round += 1
            try work(bench, round, &done)
        }
        flipper.join()
        for deed in ["placed", "new", "metadata", "renamed", "removed", "directory"] {
            #expect(done[deed] ?? 0 > 0, "\(deed) in none of \(round) rounds")
        }
        bench.scratch.shell("{ \(canaries); } > after.txt")
        #expect(try bench.scratch.text("after.txt") == bench.scratch.text("before.txt"))
    }

    /// One of everything that a replica does to a tree, each of which may find the symlink there.
    private func work(_ bench: Bench, _ round: Int, _ done: inout [String: Int]) throws {
        func look(_ name: String) throws -> (Entry, Fingerprint)? {
            let path = try path(name)
            let seen = try bench.replica.look(at: path, record: Record(path: path), rereading: false)
            guard case .present(let entry, let fingerprint) = seen else { return nil }
            if case .file(let file) = entry { #expect(file.digest != Self.canary, "read outside, at \(name)") }
            return (entry, fingerprint)
        }
        func note(_ deed: String, _ isDone: Bool) { if isDone { done[deed, default: 0] += 1 } }

        if let (_, fingerprint) = try look("d/f") {
            note("placed", try bench.place("placed \(round)", at: "d/f", expecting: fingerprint).name == "placed")
        } else {
            _ = try bench.place("again", at: "d/f", expecting: nil)
        }
        note("new", try bench.place("new", at: "d/new", expecting: nil).name == "placed")
        if case (.file(var file), let fingerprint)? = try look("d/f") {
            file.mode = Mode(rawValue: round.isMultiple(of: 2) ? 0o600 : 0o640)
            file.mtime = Timestamp(seconds: Int64(round), nanoseconds: 0)
            let set = try bench.replica.setMetadata(.file(file), at: path("d/f"), expecting: fingerprint)
            note("metadata", set.name == "placed")
        }
        if let (_, fingerprint) = try look("d/new") {
            let renaming = try bench.replica.rename(path("d/new"), to: path("d/g"), expecting: fingerprint)
            note("renamed", renaming == .renamed)
        }
        for name in ["d/g", "d/e"] {
            guard let (entry, fingerprint) = try look(name) else { continue }
            let isRemoved = try bench.replica.remove(path(name), expecting: fingerprint).name == "removed"
            note(entry.isDirectory ? "rmdir" : "removed", isRemoved)
        }
        let directory = Entry.directory(Entry.Directory(mode: Mode(rawValue: 0o755)))
        note(
            "directory",
            try bench.replica.place(directory, staged: nil, at: path("d/e"), expecting: nil).name == "placed")
    }

    private static let canary = Digest(of: Array("canary".utf8))
}
