import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A condition did not come about.
struct TimedOut: Error, CustomStringConvertible {
    let what: String
    let state: String

    var description: String { "waited in vain for \(what)\(state.isEmpty ? "" : ":\n\(state)")" }
}

enum Patience {
    /// How long a test waits for what must happen: long enough for a machine many times slower than a developer's, and for
    /// a kernel that leaves its own workers without a processor for most of a minute while it is flooded.
    static let limit = Duration.seconds(
        ProcessInfo.processInfo.environment["NOSOCKS_TEST_PATIENCE"].flatMap(Int.init) ?? 180)
}

/// Waits until `condition` holds. `state` tells how things stand where it never does.
func eventually(
    _ what: String, within limit: Duration = Patience.limit, state: () -> String = { "" },
    _ condition: () throws -> Bool
) async throws {
    let start = ContinuousClock.now
    var pause = Duration.milliseconds(2)
    while try !condition() {
        guard ContinuousClock.now - start < limit else { throw TimedOut(what: what, state: state()) }
        try await Task.sleep(for: pause)
        pause = min(pause * 1.5, .milliseconds(50))
    }
}
