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

private let rounds = 400
/// Far more than the program's edits last.
private let mostRounds = 100 * rounds

/// A program edits a file as fast as it can while the replica replaces and removes it as fast as it can. Whatever the
/// program wrote, and did not itself destroy, must be somewhere.
@Suite struct HammerTests {
    private func hammer(
        _ name: String, onOldFileSystem isOld: Bool = false, edit: @escaping @Sendable (Root, Int) -> Bool
    ) throws -> (written: [String], bench: Bench) {
        let bench = try Bench()
        try bench.write("start\n", to: name)
        let root = bench.replica.root
        let written = Mutex<[String]>([])
        let isDone = Mutex(false)
        let writer = try Thread {
            var number = 0
            while !isDone.withLock(\.self) && number < 4000 {
                number += 1
                let next = number
                if edit(root, next) { written.withLock { $0.append("edit-\(next)-") } }
            }
        }
        let hasBegun = { !written.withLock(\.isEmpty) }
        var placed: [String] = []
        if isOld {
            try onOldFileSystem { placed = try work(at: path(name), bench, until: hasBegun) }
        } else {
            placed = try work(at: path(name), bench, until: hasBegun)
        }
        isDone.withLock { $0 = true }
        writer.join()
        return (written.withLock(\.self) + placed, bench)
    }

    /// As many rounds as it takes for either side to have come to something: one may be in the other's way all the time.
    private func work(at name: RelativePath, _ bench: Bench, until hasBegun: () -> Bool) throws -> [String] {
        var placed: [String] = []
        var round = 0
        while round < rounds || round < mostRounds && (placed.isEmpty || !hasBegun()) {
            defer { round += 1 }
            let seen = try bench.replica.look(at: name, record: Record(path: name), rereading: false)
            switch seen {
            case .present(_, let fingerprint):
                if round % 5 == 4 {
                    _ = try bench.replica.remove(name, expecting: fingerprint)
                } else {
                    let text = "placed-\(round)-\n"
                    if try bench.place(text, at: "\(name)", expecting: fingerprint).fingerprint != nil {
                        placed.append("placed-\(round)-")
                    }
                }
            case .absent:
                if try bench.place("placed-\(round)-\n", at: "\(name)", expecting: nil).fingerprint != nil {
                    placed.append("placed-\(round)-")
                }
            case .unstable, .reading, .ignored, .unknown: break
            }
        }
        return placed
    }

    private func check(_ written: [String], _ bench: Bench) {
        let all = bench.everything()
        let found = Set(all.split(separator: "\n").map(String.init))
        let lost = written.filter { !found.contains($0) }
        #expect(written.contains { $0.hasPrefix("edit") })
        #expect(written.contains { $0.hasPrefix("placed") })
        #expect(lost.isEmpty, "lost \(lost.prefix(5)) of \(written.count)")
    }

    #if os(Linux)
    private static let kinds = [false, true]
    #else
    private static let kinds = [false]
    #endif

    @Test(arguments: kinds)
    func `Nothing is lost to a program that exchanges whole files`(onOldFileSystem isOld: Bool) throws {
        // The program keeps what it replaces, so that whatever is missing was lost by the replica.
        let (written, bench) = try hammer("f", onOldFileSystem: isOld) { root, number in
            let kept = Place(directory: root.descriptor, name: Array("kept-\(number)".utf8))
            let target = Place(directory: root.descriptor, name: Array("f".utf8))
            guard let file = try? kept.createFile(), (try? file.write(Array("edit-\(number)-\n".utf8), at: 0)) != nil
            else { return false }
            if (try? kept.rename(to: target, .exchange)) == nil { try? kept.rename(to: target, .exclusive) }
            return true
        }
        check(written, bench)
    }

    @Test(arguments: kinds) func `Nothing is lost to a program that appends`(onOldFileSystem isOld: Bool) throws {
        let (written, bench) = try hammer("log", onOldFileSystem: isOld) { root, number in
            let place = Place(directory: root.descriptor, name: Array("log".utf8))
            guard let file = try? place.open(O_WRONLY | O_APPEND | O_CREAT, mode: 0o644) else { return false }
            // Between the open and the write the file may come out of the tree.
            if number % 3 == 0 { usleep(50) }
            return (try? file.write(Array("edit-\(number)-\n".utf8), at: 0)) != nil
        }
        check(written, bench)
    }
}
