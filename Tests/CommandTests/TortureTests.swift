import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension Commands {
    /// Real processes, real kills, and an oracle: see ``Ledger``.
    @Suite("Torture", .enabled(if: isLinux))
    struct Torture {
        /// For how long: `make torture`.
        private static let minutes = ProcessInfo.processInfo.environment["NOSOCKS_TEST_TORTURE"].flatMap(Int.init)

        private static func round(_ seed: UInt64, steps: Int, prefix: [String] = []) async throws -> Bool {
            let mayMount = try await Mounting.isPossible()
            var isGood = false
            try await Bench.run { bench in
                let torment = try await Torment(seed: seed, at: bench, mayMount: mayMount, prefix: prefix)
                print("torture: \(try await torment.run(steps: steps))")
                // Whoever reads along waits for it.
                fflush(nil)
                isGood = true
            }
            return isGood
        }

        @Test(
            "killed, stopped, cut off and without room, they lose nothing that nobody knowingly destroyed",
            .enabled(if: Torture.minutes == nil), arguments: Seeds.take(2))
        func short(seed: UInt64) async throws {
            _ = try await Self.round(seed, steps: 200)
        }

        @Test(
            "the same where file systems have only the oldest of renames", .enabled(if: Torture.minutes == nil),
            arguments: Seeds.take(2))
        func oldRenames(seed: UInt64) async throws {
            _ = try await Self.round(seed, steps: 200, prefix: [Binary.oldRenames])
        }

        @Test("the same, for minutes, from one seed after the other", .enabled(if: Torture.minutes != nil))
        func long() async throws {
            let end = ContinuousClock.now + .seconds(60 * (Self.minutes ?? 0))
            var seed = Seeds.take(1).lowerBound
            var failures = 0
            repeat {
                // After a few there is more to read than anybody will.
                if try await !Self.round(seed, steps: 400) { failures += 1 }
                seed += 1
            } while ContinuousClock.now < end && failures < 5
        }
    }
}

/// What an editor has destroyed it finds out by Linux's ways alone.
#if os(Linux)
private let isLinux = true
#else
private let isLinux = false
#endif
